#!/usr/bin/env node
// Amplification by the size of a room: one participant sends an offer a second among 1,000 watchers of 250 tracks, or mutes
// without end among 600. Other clients join meanwhile, in another room and in that one, and must not notice.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { run, freePort } from './lib/lab.mjs';
import { hasLoadTool, joins } from './lib/load.mjs';
import { hasTool, Puppet } from './lib/puppet.mjs';
import { cpuSeconds, metric } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const { test, after, explain, end } = suite({ limit: 220 * slowness });
run('', 'prlimit', `--pid=${process.pid}`, '--nofile=8192:');
const server = await startServer({ address: '127.0.0.1', port: freePort }, { args: ['--max-participants', '1100'] });
after(() => server.stop());
explain(() => server.tail());
assert(hasTool && hasLoadTool, 'the puppet and the load generator are built');

const sdp = await readFile(new URL('../golden/chromium-watch.sdp', import.meta.url), 'utf8');
const each = 8; // tracks of a publisher
const watching = 1000;
const publishing = 31;

/** Starts a thread with this many watchers, or members of a call without media. */
async function crowd(room, count, { role, says = sdp } = {}) {
  const thread = new Worker(new URL('./lib/watchers.mjs', import.meta.url), {
    workerData: { signaling: server.signaling, room, count, sdp: says, role },
  });
  after(() => thread.terminate());
  const heard = async (key) => {
    for (;;) {
      const [message] = await once(thread, 'message');
      if (key in message) return message[key];
    }
  };
  await heard('in');
  const tally = () => {
    const answer = heard('tally');
    thread.postMessage('tally');
    return answer;
  };
  return { thread, tally, heard };
}

/** An offer of 3.5 KB with eight sections, each with the least that an offer needs. */
const offer = ({ ufrag, password, fingerprint }, flows) =>
  [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${Array.from({ length: each }, (_, mid) => mid).join(' ')}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:${fingerprint}`,
    'a=setup:actpass',
    ...Array.from({ length: each }, (_, mid) => [
      'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      `a=${flows ? 'sendonly' : 'inactive'}`,
      'a=rtcp-mux',
      'a=rtpmap:96 VP8/90000',
      'a=rtcp-fb:96 nack',
      'a=rtcp-fb:96 nack pli',
      'a=rtcp-fb:96 transport-cc',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=96',
      'a=msid:a b',
    ]).flat(),
    '',
  ].join('\r\n');

/** A publisher of eight tracks with a nominated path: the server offers a track to others from then on. */
async function publisher(room) {
  const puppet = Object.assign(await Puppet.make(), { server });
  after(() => puppet.leave());
  puppet.signaling = await SignalingClient.joined(server, { room, role: 'stream' });
  puppet.publish = (flows) => puppet.signaling.send({ type: 'offer', sdp: offer(puppet.own, flows) });
  puppet.publish(true);
  const { sdp: answer } = await puppet.signaling.next('answer');
  const value = (name) => answer.match(new RegExp(`^a=${name}:(\\S+)`, 'm'))[1];
  puppet.remote = {
    ufrag: value('ice-ufrag'),
    password: value('ice-pwd'),
    fingerprint: answer.match(/^a=fingerprint:sha-256 (\S+)/m)[1],
  };
  puppet.connect();
  await puppet.is('connected');
  return puppet;
}

/**
 * Measures for some seconds how the attack affects other clients; returns the longest time of a join. `usual`: that time
 * without the attack, to allow for a loaded machine.
 */
async function others(room, seconds, usual = 0) {
  const seen = { joins: [], pings: [], health: [], ill: 0 };
  const bystander = await SignalingClient.joined(server, { room: `${room}-bystander` });
  after(() => bystander.close());
  const cpu = cpuSeconds(server);
  const end = performance.now() + seconds * 1000;
  const repeat = async (every, act) => {
    while (performance.now() < end) {
      await act();
      await new Promise((tick) => setTimeout(tick, every));
    }
  };
  await Promise.all([
    repeat(100, async () => {
      const { ok, failed, max_ms: slowest } = await joins(server, 3, { room: `${room}-others` });
      equal([ok, failed], [3, 0], 'joins that succeeded and that failed');
      seen.joins.push(slowest);
    }),
    repeat(50, async () => {
      const begun = performance.now();
      await bystander.settled();
      seen.pings.push(performance.now() - begun);
    }),
    repeat(100, async () => {
      const begun = performance.now();
      const { status } = await fetch(`${server.origin}/healthz`);
      seen.health.push(performance.now() - begun);
      seen.ill += status !== 200;
    }),
  ]);
  const worst = (list) => Math.max(...list);
  diagnostic(
    `${seen.joins.length * 3} joins of others took ${worst(seen.joins).toFixed(0)} ms at most, ${seen.pings.length} pings ${worst(seen.pings).toFixed(0)} ms, /healthz ${worst(seen.health).toFixed(0)} ms; the server took ${(((cpuSeconds(server) - cpu) / seconds) * 100).toFixed(0)} % of a core`,
  );
  equal(seen.ill, 0, 'times that /healthz was not 200');
  const most = usual + 200 * slowness;
  assert(worst(seen.joins) < most, `a join took ${worst(seen.joins)} ms`);
  assert(worst(seen.pings) < most, `a ping took ${worst(seen.pings)} ms`);
  return worst(seen.joins);
}

let usual = 0;
await test('others join in 200 ms when nothing happens', async () => (usual = await others('quiet', 4)));

await test(`an offer a second among ${watching} watchers of ${each * publishing} tracks: others join in 200 ms meanwhile`, async () => {
  const watchers = await crowd('large', watching);
  const publishers = [];
  for (let n = 0; n < publishing; n += 1) publishers.push(await publisher('large'));
  const before = await watchers.tally();
  let flows = true;
  const attack = setInterval(() => publishers[0].publish((flows = !flows)), 1000);
  const seconds = 12;
  await others('large', seconds, usual);
  clearInterval(attack);
  const { bytes, offers, closed } = await watchers.tally();
  const written = (bytes - before.bytes) / seconds / 1e6;
  diagnostic(
    `the watchers were sent ${offers - before.offers} offers, ${written.toFixed(1)} MB a second, for one of 3.5 KB`,
  );
  equal(closed, {}, 'watchers that were closed, by code');
  assert(written < 24, `${written} MB a second`);
  assert(offers > before.offers, 'nobody was offered anything');
  publishers[0].publish(true);
  const all = each * publishing;
  const told = async () => (await watchers.tally()).last.filter((n) => n >= all - 2).length; // the watchers' own sections carry tracks too
  await until(
    async () => `${await told()} of ${watching} watchers were told of all ${all} tracks`,
    async () => (await told()) === watching,
    60 * slowness,
  );
  equal(await metric(server, 'thread_stalls_total'), 0, 'threads that stood still');
  watchers.thread.terminate();
  await Promise.all(publishers.map((one) => one.leave()));
});

await test('eight clients that mute 90 times a second in a room of 600: others join in 200 ms meanwhile', async () => {
  const room = await crowd('muted', 592, { role: 'call', says: null });
  const muters = await crowd('muted', 8, { role: 'call', says: null });
  const before = await room.tally();
  const done = muters.heard('muted');
  muters.thread.postMessage('mute');
  await others('muted', 8, usual);
  const ids = await done;
  const after8 = await room.tally();
  const each8 = (after8.updates - before.updates) / 592 / 8 / 8;
  diagnostic(
    `each of them was told ${each8.toFixed(1)} times a second of each who mutes, ${((after8.bytes - before.bytes) / 8e6).toFixed(1)} MB a second in all`,
  );
  assert(each8 > 1 && each8 <= 4.5, `${each8} updates a second`);
  const known = async () => ids.filter((id) => room && lastly.muted[id] === true).length;
  let lastly = after8;
  await until(
    async () => `${await known()} of 8 are known to be muted`,
    async () => {
      lastly = await room.tally();
      return (await known()) === 8;
    },
    10 * slowness,
  );
});

await end();
