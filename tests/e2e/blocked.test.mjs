#!/usr/bin/env node
// Networks that block UDP, from the start or in mid-call, with Chromium and Firefox: the time until media flows, and the way
// that it takes. A probe first proves each network. `tcp` tests the call where only UDP is dropped.

import { launchChromium } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { longestGap, watchFrames } from './lib/frames.mjs';
import { enter, run } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';
import { launchOptions, originFor } from '../../lab/matrix/cell.mjs';
import { prove, startResponder } from '../../lab/matrix/prober.mjs';
import { probeText } from '../../lab/matrix/words.mjs';

// The way that each browser must find, the reason that the page then gives, and the longest time allowed: twice the promised
// time, as the machine may have other work.
const walls = [
  { kind: 'one-tcp-port', way: 'tcp', ms: 6_000 },
  { kind: 'http-proxy', way: 'tcp', ms: 16_000 },
  { kind: 'tls-only', way: 'turn-tls', ms: 12_000 },
  { kind: 'tls-proxy', way: 'turn-tls', ms: 16_000 },
];
const launchers = { chromium: launchChromium, firefox: launchFirefox };

const lab = await enter('homes', { kinds: [...walls.map(({ kind }) => kind), 'port-restricted', 'port-restricted'] });
const { test, after, explain, end } = suite({ limit: 220 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

await test('the networks are what they are called', async () => {
  const responder = await startResponder();
  const proofs = await Promise.all(lab.homes.map((home) => prove(home)));
  proofs.forEach((proof, i) => diagnostic(`${lab.homes[i].title}: ${probeText(proof)}`));
  equal(
    proofs.flatMap(({ wrong }) => wrong),
    [],
    'what the probes found otherwise',
  );
  await responder.close();
});

const outside = await launchChromium({ host: process.env.LAB_PEER, origin: server.origin });
after(() => outside.close());
const peer = await Participant.join(outside, {
  origin: server.origin,
  room: 'walls',
  name: 'peer',
  query: { video: 'small' },
});
await peer.connected();

/** Waits for the first picture and returns the way, its reason and the time. */
async function arrived(who) {
  const { timings, network } = await who.until(
    'shows a first frame, and knows its way',
    ({ timings, network }) => timings.firstRemoteFrame && network.way,
  );
  const since = (at) => Math.round(at - timings.joinStarted);
  return {
    connected: since(timings.connected),
    frame: since(timings.firstRemoteFrame),
    way: network.way,
    reason: network.reason,
  };
}

for (const { kind, way, ms } of walls) {
  const home = lab.homes.find((each) => each.kind === kind);
  const visits = async (name, launch) => {
    const browser = await launch(launchOptions(home, server));
    const who = await Participant.join(browser, {
      origin: originFor(home, server),
      room: 'walls',
      name,
      query: { video: 'small' },
    });
    const first = await arrived(who);
    diagnostic(
      `${name}: connected after ${first.connected} ms, first frame after ${first.frame} ms, by ${first.way} (${first.reason})`,
    );
    equal([first.way, first.reason], [way, 'blocked'], `${name}'s way`);
    assert(first.frame < ms * slowness, `${name}: the first frame came after ${first.frame} ms`);
    await Promise.all([who.sees(['peer']), peer.sees([name])]);
    if (way !== 'tcp') {
      await who.again();
      const second = await arrived(who);
      diagnostic(
        `${name}, next visit: connected after ${second.connected} ms, first frame after ${second.frame} ms (${second.reason})`,
      );
      equal([second.way, second.reason], [way, 'remembered'], `${name}'s way at the next visit`);
    }
    await browser.close();
  };
  await test(`${home.title}: media flows both ways by ${way}${way === 'tcp' ? '' : ', and at the next visit at once'}`, () =>
    Promise.all(Object.entries(launchers).map(([name, launch]) => visits(name, launch))));
}

await peer.close();

// From here on a call each of Chromium and Firefox, both at home behind a NAT that lets UDP through until it is told otherwise.
const homes = lab.homes.filter(({ kind }) => kind === 'port-restricted');
const calls = await Promise.all(
  Object.entries(launchers).map(async ([name, launch], i) => {
    const browser = await launch(launchOptions(homes[i], server));
    after(() => browser.close());
    const join = (from, role) =>
      Participant.join(from, { origin: server.origin, room: name, name: role, query: { video: 'small' } });
    const [inside, beyond] = await Promise.all([join(browser, 'inside'), join(outside, 'beyond')]);
    return { name, nat: homes[i].nats[0], inside, beyond };
  }),
);

/**
 * For both calls: runs `rule` at each NAT, waits until each call goes by one of `ways` and frames flow in both directions;
 * returns how long no frame came.
 */
async function moved(what, ways, reason, rule) {
  const clock = () => performance.now();
  const begun = await Promise.all(
    calls.map(async ({ inside, beyond }) => ({
      inside: await inside.tab.evaluate(clock),
      beyond: await beyond.tab.evaluate(clock),
    })),
  );
  for (const { nat } of calls) rule(nat);
  return Promise.all(
    calls.map(async ({ name, inside, beyond }, i) => {
      await inside.until(
        `goes by ${ways.join(' or ')}`,
        ({ network }, ways) => ways.includes(network.way),
        ways,
        60 * slowness,
      );
      const { network, timings } = await inside.summary();
      equal([network.reason, timings.reconnects], [reason, 0], `${name}: reason and new connections`);
      await Promise.all([inside.sees(['beyond']), beyond.sees(['inside'])]);
      const gap = async (who, from) => Math.round((await who.tab.evaluate(longestGap, from - 300)).longest);
      const gaps = { in: await gap(inside, begun[i].inside), out: await gap(beyond, begun[i].beyond) };
      diagnostic(`${name}, ${what}: no frame for ${gaps.in} ms in, ${gaps.out} ms out`);
      return gaps;
    }),
  );
}

await test('two calls by UDP', async () => {
  for (const { name, inside, beyond } of calls) {
    await Promise.all([inside.sees(['beyond']), beyond.sees(['inside'])]);
    equal((await inside.summary()).network.way, 'udp', `${name}'s way`);
    await Promise.all([inside, beyond].map(({ tab }) => tab.evaluate(watchFrames)));
  }
});

// The browser nominates one of several working pairs; which one depends on the order of the answers.
await test('UDP blocked in mid-call: the call goes on by TCP', async () => {
  const gaps = await moved('UDP blocked', ['tcp', 'turn-tcp', 'turn-tls'], 'lost', (nat) =>
    run(nat, 'nft', 'insert', 'rule', 'ip', 'filter', 'forward', 'meta', 'l4proto', 'udp', 'drop'),
  );
  for (const { in: into, out } of gaps)
    assert(Math.max(into, out) < 12_000 * slowness, `gaps of ${into} and ${out} ms`);
});

await test('UDP possible again: the call goes back to it, and hardly stops', async () => {
  const gaps = await moved('back on UDP', ['udp'], 'returned', (nat) => {
    const [rule] = JSON.parse(run(nat, 'nft', '-j', 'list', 'chain', 'ip', 'filter', 'forward')).nftables.filter(
      (item) => item.rule,
    );
    run(nat, 'nft', 'delete', 'rule', 'ip', 'filter', 'forward', 'handle', String(rule.rule.handle));
  });
  for (const { in: into, out } of gaps) assert(Math.max(into, out) < 5_000 * slowness, `gaps of ${into} and ${out} ms`);
});

await end();
