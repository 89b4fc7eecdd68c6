#!/usr/bin/env node
// Loss, with real browsers: one of two is behind a NAT that loses packets at random, in both directions. Picture and sound
// must reach the other side in both directions.

import { launchChromium } from './lib/chromium.mjs';
import { enter, run } from './lib/lab.mjs';
import { freeze } from './lib/freeze.mjs';
import { Participant } from './lib/participant.mjs';
import { flood } from './lib/puppet.mjs';
import { dropped } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, suite, until } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const server = await startServer(lab, { args: ['--workers', '2'] });
after(() => server.stop());
explain(() => server.tail());

const { nat } = lab.clients[0];
function lose(percent) {
  run(nat, 'nft', 'add table inet loss; delete table inet loss');
  if (percent)
    run(
      nat,
      'nft',
      `add table inet loss; add chain inet loss forward { type filter hook forward priority -10; }; add rule inet loss forward meta l4proto udp numgen random mod 100 < ${percent} drop`,
    );
}

const [ada, bob] = await Promise.all(
  lab.clients.map(async ({ host }, index) => {
    const browser = await launchChromium({ host, origin: server.origin });
    after(() => browser.close());
    return Participant.join(browser, {
      origin: server.origin,
      room: 'loss',
      name: ['ada', 'bob'][index],
      query: { video: 'small' },
    });
  }),
);
const directions = [
  ['up', ada, bob],
  ['down', bob, ada],
];

const picture = async (who, seconds) =>
  (await who.measure(seconds)).find(({ kind }) => kind === 'video').framesPerSecond;

await test('both see each other', () => Promise.all([ada.sees(['bob']), bob.sees(['ada'])]));

// The frame rate of camera and encoders on this machine, without loss.
const whole = Math.min(...(await Promise.all(directions.map(([, , who]) => picture(who, 4)))));
diagnostic(`${whole.toFixed(1)} frames/s without loss`);

// The browser conceals lost sound, because the server does not retransmit sound: the concealed part is about the loss rate.
// The test requires only that sound goes on without a gap.
for (const [percent, least] of [
  [10, 0.9],
  [20, 0.5],
  [30, 0],
]) {
  await test(`${percent} % lost: sound without a gap${least ? `, ${least * 100} % of the frames` : ''}`, async () => {
    lose(percent);
    // The encoder and the jitter buffers need a moment to adapt.
    await Promise.all(directions.map(([, , who]) => who.measure(3)));
    await Promise.all(
      directions.map(async ([direction, from, to]) => {
        const before = await from.framesSent();
        const streams = await to.measure(6);
        const sent = (await from.framesSent()) - before;
        const video = streams.find(({ kind }) => kind === 'video');
        const audio = streams.find(({ kind }) => kind === 'audio');
        const played = audio.samples / 48_000 / audio.seconds;
        diagnostic(
          `${percent} % ${direction}: ${video.frames} of ${sent} frames, sound ${(played * 100).toFixed(0)} % of the time, ${((audio.concealed / audio.samples) * 100).toFixed(1)} % of it made up`,
        );
        assert(video.frames > 0, `${direction}: no frames`);
        if (slowness > 1) return; // a sanitized server is slow by itself
        assert(video.frames >= sent * least, `${direction}: ${video.frames} of ${sent} frames`);
        assert(
          percent > 20 || played > 0.9,
          `${direction}: sound is played ${(played * 100).toFixed(0)} % of the time`,
        );
        assert(
          percent > 20 || audio.concealed < audio.samples * (percent / 100 + 0.1),
          `${direction}: ${audio.concealed} of ${audio.samples} samples made up`,
        );
      }),
    );
  });
}

await test('no loss again: all of it comes', async () => {
  lose(0);
  // The bandwidth estimate has to grow again; the browser decides how fast.
  for (const [, , who] of directions) {
    let now = 0;
    for (let turn = 0; turn < 15 && now < whole * 0.8; turn += 1) now = await picture(who, 2);
    assert(now >= (whole * 0.8) / slowness, `${now.toFixed(1)} frames/s`);
  }
});

await test("both workers' sockets overflow: that is counted, and the pictures are back within 2 s", async () => {
  const goOn = await Promise.all(['worker 0', 'worker 1'].map((name) => freeze(server, name)));
  await flood(server, 'rtp', 100_000);
  await Promise.all(goOn.map((go) => go()));
  const begun = performance.now();
  await Promise.all([ada.sees(['bob'], 2 * slowness), bob.sees(['ada'], 2 * slowness)]);
  diagnostic(`pictures ${Math.round(performance.now() - begun)} ms after the workers went on`);
  await until(
    'what the kernel dropped is not counted',
    async () => (await dropped(server)).socket_full > 1000,
    5 * slowness,
  );
  diagnostic(`${(await dropped(server)).socket_full} datagrams found a socket full`);
});

await end();
