#!/usr/bin/env node
// The server's feedback lets a publisher's bitrate climb. A browser without transport-wide feedback stays at 300 kbit/s.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { writeNoise } from './lib/noise.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { diagnostic, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 90 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const folder = await mkdtemp(join(tmpdir(), 'monoport-bitrate-'));
after(() => rm(folder, { recursive: true }));
const camera = join(folder, 'noise.y4m');
await writeNoise(camera);
const args = [`--use-file-for-fake-video-capture=${camera}`];
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin, args });
after(() => browser.close());

const room = 'bitrate';
const begun = performance.now();
const publisher = await Participant.join(browser, { origin: server.origin, room, name: 'publisher', path: '/stream' });
const viewer = await Participant.join(browser, { origin: server.origin, room, name: 'viewer', path: '/watch' });

await test('a publisher sends more than 1 Mbit/s of video', async () => {
  await publisher.connected();
  await viewer.sees(['publisher']);
  const sent = (summary) => summary.outbound.find(({ kind }) => kind === 'video') ?? {};
  try {
    await publisher.until(
      'sends more than 1 Mbit/s',
      ({ outbound }) => outbound.some(({ kind, bitrate_bps }) => kind === 'video' && bitrate_bps > 1_000_000),
      undefined,
      40 * slowness,
    );
  } finally {
    const { bitrate_bps, targetBitrate, frameWidth, frameHeight, codec } = sent(await publisher.summary());
    diagnostic(
      `${((performance.now() - begun) / 1000).toFixed(1)} s after it opened the page: ${codec} ${frameWidth}x${frameHeight}, ` +
        `${Math.round(bitrate_bps / 1000)} kbit/s sent, encoder's target ${Math.round(targetBitrate / 1000)} kbit/s`,
    );
  }
});

await end();
