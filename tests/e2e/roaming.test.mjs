#!/usr/bin/env node
// Calls that survive their NAT: mappings forgotten in mid-call, a client that moves to another network, one whose network drops, and all of it with the server
// behind a 1:1 NAT. What the viewer's browser received, frame by frame, tells the gaps. ROAMING_TURNS=10 for figures.

import { launchChromium } from './chromium.mjs';
import { longestGap, watchFrames } from './frames.mjs';
import { enter, run } from './lab.mjs';
import { median, Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, suite } from './tap.mjs';

const turns = Number(process.env.ROAMING_TURNS ?? 3);
const settle = 2000;
const lab = await enter('roaming');
const { test, after, explain, end } = suite({ limit: (90 + 10 * turns) * slowness });

// Behind its NAT it cannot be reached from inside by the address that clients use.
const server = await startServer({ ...lab, address: process.env.LAB_INNER });
const origin = `http://${lab.address}:${server.port}`;
after(() => server.stop());
explain(() => server.tail());

const [home, away] = lab.clients;
const [there, here] = await Promise.all(
  [home, away].map(async ({ host }) => {
    const browser = await launchChromium({ host, origin });
    after(() => browser.close());
    return browser;
  }),
);
const join = (browser, name, path) => Participant.join(browser, { origin, room: 'roaming', name, path });
const publisher = await join(there, 'publisher', '/stream');
const viewer = await join(here, 'viewer', '/watch');

/** Does it and returns how long no frame came to the viewer around it, once frames flow again. */
async function gapOf(what, seconds = 5) {
  await new Promise((pass) => setTimeout(pass, settle + Math.random() * 1000));
  const from = (await viewer.tab.evaluate(() => performance.now())) - 300;
  await what();
  await viewer.tab.until(
    'frames flow again',
    `({ from, settle }) => {
      const { arrivals } = window;
      const now = performance.now();
      // Nothing may have stopped yet: the packets that were on their way are shown first.
      return now - from > 1500 && arrivals.filter((time) => time > now - 500).length >= 10;
    }`,
    { from, settle },
    seconds * slowness + 5,
  );
  const { longest, count } = await viewer.tab.evaluate(longestGap, from);
  assert(count > 10, `${count} frames only`);
  return longest;
}

const say = (what, gaps) =>
  diagnostic(`${what}: ${gaps.map((gap) => Math.round(gap)).join(', ')} ms; median ${Math.round(median(gaps))} ms, longest ${Math.round(Math.max(...gaps))} ms`);

const connections = (participant) => participant.tab.evaluate(() => window.witness.connections.length);

await test('behind its 1:1 NAT the server is reached by the address that the page was loaded from', async () => {
  await publisher.connected();
  await viewer.connected();
  await viewer.sees(['publisher']);
  const { address } = await viewer.tab.evaluate(async () => {
    const stats = [...(await window.witness.connections.at(-1).getStats()).values()];
    const pair = stats.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    return stats.find(({ id }) => id === pair.remoteCandidateId);
  });
  equal(address, lab.address, 'the server in the selected pair');
  await viewer.tab.evaluate(watchFrames);
});

for (const [name, who, { nat }] of [['publisher', publisher, home], ['viewer', viewer, away]]) {
  await test(`the ${name}'s NAT forgets everything, ${turns} times: the call goes on`, async () => {
    const gaps = [];
    for (let turn = 0; turn < turns; turn += 1) {
      // A gap before anything was forgotten would be the machine's.
      gaps.push(await gapOf(() => run(nat, 'conntrack', '-F')));
    }
    say(`${name}'s NAT forgot`, gaps);
    assert(Math.max(...gaps) < 5000 * slowness, `a gap of ${Math.max(...gaps)} ms`);
    equal(await connections(who), 1, 'connections that were made');
  });
}

await test('the viewer moves to another network: tracks are kept', async () => {
  const gap = await gapOf(() => {
    run('client2', 'ip', 'address', 'flush', 'dev', 'eth');
    run('client2', 'ip', 'link', 'set', 'eth', 'down');
    run('client2', 'ip', 'link', 'set', 'wlan', 'up');
    run('client2', 'ip', 'address', 'add', '10.0.3.2/24', 'dev', 'wlan');
    run('client2', 'ip', 'route', 'add', 'default', 'via', '10.0.3.1');
  }, 20);
  say('another network', [gap]);
  assert(gap < 10_000 * slowness, `a gap of ${gap} ms`);
  equal(await connections(viewer), 1, 'connections that were made');
});

await test('its network drops for 6 s: the call goes on by itself when it is back', async () => {
  run('client2', 'ip', 'link', 'set', 'wlan', 'down');
  await new Promise((pass) => setTimeout(pass, 6000));
  run('client2', 'ip', 'link', 'set', 'wlan', 'up');
  run('client2', 'ip', 'route', 'add', 'default', 'via', '10.0.3.1');
  const back = performance.now();
  await viewer.sees(['publisher']);
  diagnostic(`frames ${((performance.now() - back) / 1000).toFixed(1)} s after it was back`);
  equal(await connections(viewer), 1, 'connections that were made');
});

await test('its timeline tells what happened, to itself and to the server\'s operator', async () => {
  const { timeline } = await viewer.tab.evaluate(() => window.monoport.call.report());
  const words = (events) => events.map(({ event, reason }) => (reason ? `${event}:${reason}` : event));
  const { peerId } = await viewer.summary();
  const opened = server.log.find((line) => line.includes('session opened') && line.includes(peerId));
  const path = `/api/sessions/${opened.match(/session=(\d+)/)[1]}/timeline`;
  const operator = await (await fetch(`http://127.0.0.1:${server.port}${path}`)).json();
  equal(operator.peerId, peerId, 'whose timeline the operator reads');
  for (const events of [words(timeline.filter(({ side }) => side === 'server')), words(operator.events)]) {
    for (const event of ['path-selected:nominated', 'path-selected:roamed', 'check-answered']) {
      assert(events.includes(event), `no ${event} among ${events.join(', ')}`);
    }
  }
  for (const stranger of [home.host, home.nat]) {
    const status = run(stranger, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', origin + path);
    assert(['401', '403'].includes(status), `${status} for a stranger`);
  }
  if (process.env.ROAMING_TIMELINE) diagnostic(JSON.stringify(operator));
});

await end();
