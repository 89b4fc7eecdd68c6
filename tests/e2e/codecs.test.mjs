#!/usr/bin/env node
// Every video codec works: a publisher that asks for it sends it, and another browser decodes it, also after a change of
// codec.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

for (const codec of ['vp8', 'vp9', 'h264', 'av1']) {
  await test(`${codec.toUpperCase()} is sent by who asks for it and decoded by a watcher`, async () => {
    const options = { origin: server.origin, room: codec };
    const stage = await Participant.join(browser, {
      ...options,
      name: 'stage',
      path: '/stream',
      query: { codec, video: 'small' },
    });
    const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
    await viewer.sees(['stage']);
    const { outbound } = await stage.until('sends video', ({ outbound }) =>
      outbound.some(({ kind, bytesSent }) => kind === 'video' && bytesSent),
    );
    const sent = outbound.find(({ kind }) => kind === 'video').codec;
    const video = (await viewer.measure(2)).find(({ kind }) => kind === 'video');
    diagnostic(`${sent}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}`);
    equal(sent.toLowerCase(), codec, 'the codec on the wire');
    await Promise.all([stage.close(), viewer.close()]);
  });
}

/** Runs in the page: offers its camera with this codec alone. */
const change = (codec) => {
  const pc = window.witness.connections.at(-1);
  const camera = pc.getTransceivers().find(({ sender }) => sender.track?.kind === 'video');
  const { codecs } = RTCRtpSender.getCapabilities('video');
  camera.setCodecPreferences(codecs.filter(({ mimeType }) => [`video/${codec}`, 'video/rtx'].includes(mimeType)));
  pc.dispatchEvent(new Event('negotiationneeded')); // Chromium does not fire it here
};

await test('a publisher changes its codec in mid-call: its watcher sees it on', async () => {
  const options = { origin: server.origin, room: 'another' };
  const stage = await Participant.join(browser, {
    ...options,
    name: 'stage',
    path: '/stream',
    query: { video: 'small' },
  });
  const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
  await viewer.sees(['stage']);
  for (const codec of ['H264', 'VP8', 'AV1']) {
    const begin = performance.now();
    await stage.tab.evaluate(change, codec);
    await viewer.until(
      `decodes ${codec}`,
      ({ remote }, codec) => remote.some((track) => track.codec === codec && track.framesDecoded > 0),
      codec,
    );
    const ms = performance.now() - begin;
    diagnostic(`${codec} after ${ms.toFixed(0)} ms`);
    assert(ms < 2000 * slowness, `${ms} ms`);
  }
  await Promise.all([stage.close(), viewer.close()]);
});

await end();
