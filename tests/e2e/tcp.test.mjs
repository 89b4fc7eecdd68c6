#!/usr/bin/env node
// A network that drops UDP: media goes by ICE-TCP, on the same port. A viewer with a stalled connection does not affect others.

import { launchChromium } from './lib/chromium.mjs';
import { enter, run } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { metric } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 150 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

const [walled, free] = lab.clients;
const forward = (nat, ...rule) => run(nat, 'nft', 'insert', 'rule', 'ip', 'filter', 'forward', ...rule);
forward(walled.nat, 'meta', 'l4proto', 'udp', 'drop');

const [behind, open] = await Promise.all(
  [walled, free].map(async ({ host }) => {
    const browser = await launchChromium({ host, origin: server.origin });
    after(() => browser.close());
    return browser;
  }),
);
const join = (browser, name) =>
  Participant.join(browser, { origin: server.origin, room: 'tcp', name, query: { video: 'small' } });

const [bob, eve] = await Promise.all([join(open, 'bob'), join(open, 'eve')]);
await Promise.all([bob.sees(['eve']), eve.sees(['bob'])]);

/** Protocol of the selected pair's remote candidate. */
const protocol = async (who) => (await who.selectedPair()).remote.protocol;

const ada = await test('UDP dropped: it connects by TCP, and media flows both ways', async () => {
  const who = await join(behind, 'ada');
  const { timings } = await who.until('has a first frame', ({ timings }) => timings.firstRemoteFrame);
  const ms = timings.firstRemoteFrame - timings.joinStarted;
  diagnostic(`from join to the first decoded frame: ${Math.round(ms)} ms`);
  await Promise.all([who.sees(['bob', 'eve']), bob.sees(['ada']), eve.sees(['ada'])]);
  equal([await protocol(who), await protocol(bob)], ['tcp', 'udp'], 'protocols');
  assert(ms < 10_000 * slowness, `${Math.round(ms)} ms to the first frame`);
  assert((await metric(server, 'streams')) > 0, 'no stream in /metrics');
  return who;
});

await test('video by TCP keeps its pace', async () => {
  const streams = await ada.measure(4);
  const videos = streams.filter(({ kind }) => kind === 'video');
  diagnostic(
    videos
      .map(({ framesPerSecond, lost, size }) => `${framesPerSecond.toFixed(1)} frames/s of ${size}, ${lost} lost`)
      .join('; '),
  );
  equal(videos.length, 2, 'videos');
  for (const { framesPerSecond } of videos)
    assert(framesPerSecond > (slowness === 1 ? 10 : 0), `${framesPerSecond} frames/s`);
});

await test('a viewer whose TCP stalls: the others lose nothing', async () => {
  const before = await metric(server, 'stream_bytes_out_total');
  forward(walled.nat, 'ip', 'saddr', lab.address, 'drop');
  const [one, other] = await Promise.all([bob.measure(6), eve.measure(6)]);
  for (const [who, name, streams] of [
    [bob, 'eve', one],
    [eve, 'bob', other],
  ]) {
    const lost = streams.reduce((sum, stream) => sum + stream.lost, 0);
    const best = Math.max(
      ...streams.filter(({ kind }) => kind === 'video').map(({ framesPerSecond }) => framesPerSecond),
    );
    diagnostic(`${who.name}: ${lost} packets lost, ${name} at ${best.toFixed(1)} frames/s`);
    equal(lost, 0, `packets that ${who.name} lost`);
    assert(best > (slowness === 1 ? 10 : 0), `${best} frames/s`);
  }
  const dropped = await metric(server, 'drops_total\\{.*stream_full.*\\}');
  diagnostic(
    `${(await metric(server, 'stream_bytes_out_total')) - before} bytes left by TCP, ${dropped} datagrams dropped`,
  );
});

await end();
