#!/usr/bin/env node
// The main promise: two browsers, each behind a symmetric NAT of its own, see and hear each other through one port of
// the server, with no STUN and no TURN server, and not one packet goes anywhere else.

import { launchChromium } from './lib/chromium.mjs';
import { enter, watch, watched } from './lib/lab.mjs';
import { median, Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 150 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const hosts = lab.clients.flatMap(({ host, nat }) => [host, nat]);
for (const host of hosts) watch(host, server);

const [here, there] = await Promise.all(
  lab.clients.map(async ({ host }) => {
    const browser = await launchChromium({ host, origin: server.origin });
    after(() => browser.close());
    return browser;
  }),
);
const room = 'symmetric';
const join = (browser, name, options) => Participant.join(browser, { origin: server.origin, room, name, ...options });

const [ada, bob] = await Promise.all([join(here, 'ada'), join(there, 'bob')]);
const pair = [
  [ada, 'bob', lab.clients[0]],
  [bob, 'ada', lab.clients[1]],
];

await test("both connect and decode the other's video", () =>
  Promise.all(
    pair.map(async ([who, other]) => {
      await who.connected();
      await who.sees([other]);
    }),
  ));

await test('the page shows the outer address of its NAT', () =>
  Promise.all(
    pair.map(async ([who, , { outer }]) => {
      const { mappedAddress } = await who.until('shows its mapped address', ({ mappedAddress }) => mappedAddress);
      diagnostic(`${who.name}: ${mappedAddress}`);
      assert(mappedAddress.replace(/:\d+$/, '') === outer, `${who.name} shows ${mappedAddress}, its NAT is ${outer}`);
    }),
  ));

await test('at least 20 frames a second and sound, both ways', () =>
  Promise.all(
    pair.map(async ([who, other]) => {
      // The encoder needs the first seconds to reach its rate.
      await who.until('has decoded a second of video', ({ remote }) =>
        remote.some(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 30),
      );
      const streams = await who.measure(5);
      const video = streams.find(({ kind }) => kind === 'video');
      const audio = streams.find(({ kind }) => kind === 'audio');
      assert(video && audio, `${who.name} receives ${JSON.stringify(streams)}`);
      diagnostic(
        `${who.name} from ${other}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}, ${video.lost} packets lost; ` +
          `sound ${audio.packets} packets, ${audio.samples} samples, energy ${audio.energy.toFixed(4)}`,
      );
      // A sanitized build tests memory, not speed.
      if (slowness === 1)
        assert(video.framesPerSecond >= 20, `${who.name}: ${video.framesPerSecond.toFixed(1)} frames/s`);
      assert(video.framesPerSecond > 0, `${who.name}: no frames`);
      assert(audio.packets > 0 && audio.samples > 0, `${who.name}: no sound arrives`);
      assert(audio.energy > 0, `${who.name}: the sound is silence`);
    }),
  ));

await test('no connection has an ICE server', async () => {
  for (const [who] of pair) {
    for (const servers of await who.iceServers()) equal(servers, [], `${who.name}: iceServers`);
  }
});

// Two browsers that encode 1280x720 in software keep two cores busy, and a third one waits for them at every step of its
// join. To measure the join alone, the pair joins again with small pictures.
const small = { query: { video: 'small' } };
await test('the pair comes again, with small pictures', async () => {
  await Promise.all([ada.close(), bob.close()]);
  const again = await Promise.all([join(here, 'ada', small), join(there, 'bob', small)]);
  await Promise.all([again[0].sees(['bob']), again[1].sees(['ada'])]);
});

/** Five clients join one after the other: measures each one's time from the page's join to the first picture of another. */
async function joins(browser, name, options) {
  const times = [];
  for (let turn = 1; turn <= 5; turn += 1) {
    const guest = await join(browser, `${name}-${turn}`, options);
    const { timings } = await guest.until('has a first frame', ({ timings }) => timings.firstRemoteFrame);
    times.push(timings.firstRemoteFrame - timings.joinStarted);
    await guest.close();
  }
  diagnostic(
    `from join to the first decoded frame: ${times.map((time) => `${Math.round(time)} ms`).join(', ')}; median ${Math.round(median(times))} ms`,
  );
  assert(median(times) < 15_000, 'the median is beyond all bounds');
}

await test('late viewers decode: five, one after the other', () => joins(here, 'viewer', { path: '/watch' }));

await test('a participant who comes anew decodes: five joins', () => joins(there, 'guest', small));

await test("no packet went anywhere but to the server's one port", async () => {
  for (const host of hosts) {
    const { toServer, elsewhere } = watched(host);
    diagnostic(
      `${host}: ${toServer} packets to ${server.address}:${server.port}, ${elsewhere.length} other destinations`,
    );
    assert(toServer > 500, `${host}: only ${toServer} packets were counted at all`);
    equal(elsewhere, [], `${host} sent elsewhere`);
  }
});

await end();
