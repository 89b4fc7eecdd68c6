#!/usr/bin/env node
// Calls survive changes of a NAT: it drops its mappings in mid-call, in the handshake and in an ICE restart; a client moves
// to another network; a client's network fails; all of it with the server behind a 1:1 NAT. The arrival times of frames in
// the viewer's browser show the gaps. ROAMING_TURNS=12 runs each for a minute.

import { launchChromium } from './lib/chromium.mjs';
import { longestGap, watchFrames } from './lib/frames.mjs';
import { enter, run } from './lib/lab.mjs';
import { median, Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

// Every five seconds, out of step with the browser's checks, which come every 2.5 s.
const turns = Number(process.env.ROAMING_TURNS ?? 4);
const settle = 3000;
const lab = await enter('roaming');
const { test, after, explain, end } = suite({ limit: (90 + 10 * turns) * slowness });

// Behind the 1:1 NAT, the server's own host cannot use the address that clients use.
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
await publisher.connected();

/** The server's record of its session. */
async function timelineOf(who) {
  const { peerId } = await who.summary();
  const opened = () => server.log.find((line) => line.includes('session opened') && line.includes(peerId));
  await until(`${who.name} has no session`, opened, 10 * slowness);
  const path = `/api/v1/sessions/${opened().match(/session=(\d+)/)[1]}/timeline`;
  return { path, ...(await (await fetch(`http://127.0.0.1:${server.port}${path}`)).json()) };
}

const happened = (who, event, times = 1) =>
  until(
    `no ${event} of ${who.name}`,
    async () => (await timelineOf(who)).events.filter((entry) => entry.event === event).length >= times,
    10 * slowness,
  );

/** Drops packets of this kind at the NAT and clears its mappings meanwhile; passes packets again once `reached` resolves. */
async function forgetWithin(nat, kind, reached) {
  run(
    nat,
    'nft',
    `add table inet hold; add chain inet hold forward { type filter hook forward priority -10; }; add rule inet hold forward meta l4proto udp ${kind} drop`,
  );
  await reached();
  run(nat, 'conntrack', '-F');
  run(nat, 'nft', 'delete table inet hold');
}
const flights = 'ip saddr 203.0.113.10 @th,64,8 22'; // the server's handshake records
const checks = '@th,96,32 0x2112a442'; // checks of both sides and their answers

const connections = (participant) => participant.tab.evaluate(() => window.witness.connections.length);

/** The address to which the server sends media, and since when, by its last event about that. */
const selected = async (who) =>
  JSON.stringify((await timelineOf(who)).events.findLast(({ event }) => event === 'path-selected'));

let viewer;
await test("the viewer's NAT forgets everything in its handshake: that is delayed and no more", async () => {
  let joined;
  const before = await selected(publisher);
  await forgetWithin(away.nat, flights, async () => {
    viewer = await join(here, 'viewer', '/watch');
    await happened(viewer, 'dtls-started');
    joined = performance.now();
  });
  await viewer.connected();
  await viewer.sees(['publisher']);
  const ms = performance.now() - joined;
  diagnostic(`pictures ${ms.toFixed(0)} ms later`);
  assert(ms < 5000 * slowness, `${ms} ms`);
  equal(await connections(viewer), 1, 'connections that were made');
  equal(await selected(publisher), before, "the publisher's path");
});

/** Runs the action, waits until frames flow again, and returns the viewer's longest time without a frame around it. */
async function gapOf(what, seconds = 5) {
  await new Promise((pass) => setTimeout(pass, settle + Math.random() * 1000));
  const from = (await viewer.tab.evaluate(() => performance.now())) - 300;
  await what();
  await viewer.tab.until(
    'frames flow again',
    (from) => {
      // Frames may still flow at first: packets in flight arrive, and the jitter buffer delays them.
      const last = window.arrivals.slice(-10);
      return last.length === 10 && last[0] > from + 1500 && last[9] < last[0] + 500;
    },
    from,
    seconds * slowness + 5,
    (from) =>
      window.arrivals
        .filter((time) => time > from)
        .map((time) => Math.round(time - from))
        .join(),
  );
  const { longest, count } = await viewer.tab.evaluate(longestGap, from);
  assert(count > 10, `${count} frames only`);
  return longest;
}

const say = (what, gaps) =>
  diagnostic(
    `${what}: ${gaps.map((gap) => Math.round(gap)).join(', ')} ms; median ${Math.round(median(gaps))} ms, longest ${Math.round(Math.max(...gaps))} ms`,
  );

await test('behind its 1:1 NAT the server is reached by the address that the page was loaded from', async () => {
  const { address } = await viewer.tab.evaluate(async () => {
    const stats = [...(await window.witness.connections.at(-1).getStats()).values()];
    const pair = stats.find(
      ({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded',
    );
    return stats.find(({ id }) => id === pair.remoteCandidateId);
  });
  equal(address, lab.address, 'the server in the selected pair');
  await viewer.tab.evaluate(watchFrames);
});

for (const [name, who, other, { nat }] of [
  ['publisher', publisher, viewer, home],
  ['viewer', viewer, publisher, away],
]) {
  await test(`the ${name}'s NAT forgets everything every 5 s, ${turns} times: the call goes on`, async () => {
    const gaps = [];
    const before = await selected(other);
    const paths = new Set([await selected(who)]);
    for (let turn = 0; turn < turns; turn += 1) {
      // A gap before the NAT dropped anything would be the fault of the machine.
      gaps.push(await gapOf(() => run(nat, 'conntrack', '-F')));
      paths.add(await selected(who));
    }
    say(`${name}'s NAT forgot`, gaps);
    assert(Math.max(...gaps) < 5000 * slowness, `a gap of ${Math.max(...gaps)} ms`);
    equal(await connections(who), 1, 'connections that were made');
    equal(paths.size, turns + 1, 'paths');
    equal(await selected(other), before, "the other's path");
    // The mapping changed for the WebSocket too; the page learns its address by the next one.
    const { port } = JSON.parse([...paths].at(-1));
    await until(
      'the page does not know its address',
      async () => (await who.summary()).network.seen?.port === port,
      20 * slowness,
    );
  });

  await test(`the ${name}'s NAT forgets everything in an ICE restart: the call goes on`, async () => {
    const before = await selected(other);
    const gap = await gapOf(async () => {
      await forgetWithin(nat, checks, async () => {
        await who.tab.evaluate(() => window.witness.connections.at(-1).restartIce());
        await happened(who, 'restart');
      });
      await happened(who, 'restarted');
    }, 10);
    say(`${name}'s NAT forgot in a restart`, [gap]);
    assert(gap < 5000 * slowness, `a gap of ${gap} ms`);
    equal(await connections(who), 1, 'connections that were made');
    equal(await selected(other), before, "the other's path");
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

await test("its timeline tells what happened, to itself and to the server's operator", async () => {
  const { timeline } = await viewer.tab.evaluate(() => window.monoport.call.report());
  const words = (events) => events.map(({ event, reason }) => (reason ? `${event}:${reason}` : event));
  const { path, ...operator } = await timelineOf(viewer);
  equal(operator.peerId, (await viewer.summary()).peerId, 'whose timeline the operator reads');
  // After many turns the server no longer keeps the first events.
  const wanted = [...(operator.dropped ? [] : ['path-selected:nominated']), 'path-selected:roamed', 'check-answered'];
  for (const events of [words(timeline.filter(({ side }) => side === 'server')), words(operator.events)]) {
    for (const event of wanted) {
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
