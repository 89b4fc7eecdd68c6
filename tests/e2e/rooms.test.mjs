#!/usr/bin/env node
// Rooms: their members, joining and leaving, mute, roles.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const launch = async () => {
  const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
  after(() => browser.close());
  return browser;
};
const [home, away] = await Promise.all([launch(), launch()]);
const join = (browser, room, name, options) =>
  Participant.join(browser, { origin: server.origin, room, name, query: { video: 'small' }, ...options });

// Seconds until `ada` no longer knows of anybody, counted from `leaving`.
async function noticed(ada, leaving) {
  const begun = performance.now();
  await Promise.all([ada.knows([]), leaving()]);
  return (performance.now() - begun) / 1000;
}

const ada = await join(home, 'tea', 'ada');
await ada.connected();

await test('one comes: both know each other by name, and see each other', async () => {
  const bob = await join(home, 'tea', 'bob');
  await Promise.all([ada.knows(['bob']), bob.knows(['ada']), ada.sees(['bob']), bob.sees(['ada'])]);
  const seconds = await noticed(ada, () => bob.tab.press(/leave/i));
  diagnostic(`a clean leave was seen after ${seconds.toFixed(2)} s`);
  assert(seconds < 5 * slowness, `seen after ${seconds} s`);
  await bob.until('has left', ({ state }) => state === 'left');
  await ada.until('shows no track of the one who left', ({ remote }) => remote.length === 0);
  await bob.close();
});

await test('a closed tab is a leave', async () => {
  const bob = await join(home, 'tea', 'bob');
  await ada.sees(['bob']);
  const seconds = await noticed(ada, () => bob.close());
  diagnostic(`a closed tab was seen after ${seconds.toFixed(2)} s`);
  assert(seconds < 5 * slowness, `seen after ${seconds} s`);
});

await test('a browser that vanishes is seen to have gone', async () => {
  await join(away, 'tea', 'bob');
  await ada.sees(['bob']);
  const seconds = await noticed(ada, () => away.vanish());
  diagnostic(`a killed browser was seen after ${seconds.toFixed(2)} s`);
  assert(seconds < 5 * slowness, `seen after ${seconds} s`);
});

await test('mute and unmute are seen by the other', async () => {
  const bob = await join(home, 'tea', 'bob');
  await ada.sees(['bob']);
  const shows = (what, audioMuted, videoMuted) =>
    ada.until(
      what,
      ({ participants }, wanted) =>
        JSON.stringify([participants[0]?.audioMuted, participants[0]?.videoMuted]) === wanted,
      JSON.stringify([audioMuted, videoMuted]),
    );
  await shows('shows bob unmuted', false, false);
  await bob.tab.press(/^turn microphone/i);
  await shows("shows bob's microphone muted", true, false);
  await bob.tab.press(/^turn camera/i);
  await shows("shows bob's camera off", true, true);
  await bob.tab.press(/^turn microphone/i);
  await bob.tab.press(/^turn camera/i);
  await shows('shows bob unmuted again', false, false);
  await ada.sees(['bob']);
  await bob.close();
  await ada.knows([]);
});

await test('who is muted is known to one who comes later', async () => {
  const bob = await join(home, 'tea', 'bob');
  await bob.connected();
  await bob.tab.press(/^turn microphone/i);
  const carl = await join(home, 'tea', 'carl');
  await carl.until('shows bob muted', ({ participants }) =>
    participants.some(({ name, audioMuted }) => name === 'bob' && audioMuted),
  );
  await Promise.all([bob.close(), carl.close()]);
  await ada.knows([]);
});

await test('/stream only sends, /watch only receives', async () => {
  const stage = await join(home, 'stage', 'stage', { path: '/stream' });
  const watchers = await Promise.all(['w1', 'w2'].map((name) => join(home, 'stage', name, { path: '/watch' })));
  await Promise.all(watchers.map((watcher) => watcher.sees(['stage'])));
  for (const watcher of watchers) {
    const { outbound, remote } = await watcher.summary();
    equal(
      outbound.filter(({ bytesSent }) => bytesSent > 0),
      [],
      `what ${watcher.name} sends`,
    );
    equal(remote.map(({ kind }) => kind).sort(), ['audio', 'video'], `what ${watcher.name} receives`);
  }
  const { remote, participants } = await stage.summary();
  equal(remote, [], 'what the stage receives');
  equal(
    participants.map(({ role }) => role),
    ['watch', 'watch'],
    'the roles that the stage sees',
  );
  await Promise.all([stage, ...watchers].map((who) => who.close()));
});

await test('two rooms: nobody knows or receives anybody of the other', async () => {
  const red = await Promise.all(['r1', 'r2'].map((name) => join(home, 'red', name)));
  const blue = await Promise.all(['b1', 'b2'].map((name) => join(home, 'blue', name)));
  const pairs = [
    [red[0], 'r2'],
    [red[1], 'r1'],
    [blue[0], 'b2'],
    [blue[1], 'b1'],
  ];
  await Promise.all(pairs.map(([who, other]) => who.sees([other])));
  for (const [who, other] of pairs) {
    await who.knows([other]);
    const streams = (await who.inbound()).filter(({ packetsReceived }) => packetsReceived > 0);
    equal(streams.map(({ kind }) => kind).sort(), ['audio', 'video'], `what ${who.name} receives`);
  }
  await ada.knows([]);
  await Promise.all([...red, ...blue].map((who) => who.close()));
});

await test('twenty comings and goings leave nothing behind', async () => {
  for (let turn = 0; turn < 20; turn += 1) {
    const guest = await join(home, 'tea', `guest-${turn}`);
    await ada.sees([`guest-${turn}`]);
    await guest.close();
    await ada.knows([]);
  }
  await ada.until('receives nothing', ({ remote }) => remote.length === 0);
  const sections = await ada.tab.evaluate(() => window.witness.connections.at(-1).getTransceivers().length);
  diagnostic(`sections of the one who stayed: ${sections}`);
  assert(sections <= 12, `${sections} sections: those of the gone are not used again`);
});

await end();
