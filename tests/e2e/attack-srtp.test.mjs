#!/usr/bin/env node
// Attacks on flowing media: forged, replayed, unencrypted and foreign packets, and floods of valid ones. A publisher and a
// viewer are in a call; the viewer must receive exactly the publisher's packets.

import { randomBytes } from 'node:crypto';
import { AttackedCall } from './lib/attack-call.mjs';
import { freePort } from './lib/lab.mjs';
import { flood, hasTool, Puppet, tool } from './lib/puppet.mjs';
import { dropped, residentKib } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 100 * slowness });
const bitrate = 1_000_000; // the limit of one client
const server = await startServer(
  { address: '127.0.0.1', port: freePort },
  { args: ['--max-bitrate', String(bitrate)] },
);
after(() => server.stop());
explain(() => server.tail());

const call = await AttackedCall.begin(server, { after, room: 'srtp' });
const { publisher, viewer, ssrc } = call;
const mallory = await Puppet.make({ address: '127.0.0.66' });
mallory.server = server;
after(() => mallory.leave());

await test('a packet with any byte changed is not forwarded, and the call goes on', async () => {
  await publisher.send({ ssrc, seq: call.seq + 100, count: 400, every: 1, tag: 20, how: 'flip' });
  await call.undisturbed({ bad: [20] });
});

await test('a packet without a tag is not forwarded, from the right address or another', async () => {
  await publisher.send({ ssrc, seq: call.seq + 100, count: 50, tag: 22, how: 'bare' });
  const bare = Buffer.concat([Buffer.from([0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34]), Buffer.alloc(60, 23)]);
  for (let n = 0; n < 50; n += 1) mallory.raw(bare);
  await call.undisturbed({ bad: [22, 23] });
});

await test('RTP from another address during the call gets nothing back and changes no path', async () => {
  for (let n = 0; n < 300; n += 1) {
    const packet = randomBytes(100);
    packet[0] = 0x80;
    packet[1] = n % 2 ? 111 : 200;
    packet.writeUInt32BE(ssrc, 8);
    mallory.raw(packet);
  }
  await call.undisturbed();
  equal((await mallory.count()).datagrams, 0, 'datagrams to the attacker');
});

await test('a million forged packets do not end the call', async () => {
  const [lines, begun] = [server.log.length, performance.now()];
  const { received } = await flood(server, 'rtp', 1_000_000 / slowness);
  equal(received, 0, 'bytes back');
  for (let turn = 0; turn < 5; turn += 1)
    await publisher.send({ ssrc, seq: call.seq + 1000, count: 20_000 / slowness, every: 0, tag: 26, how: 'flip' });
  await call.undisturbed({ bad: [26] });
  const seconds = (performance.now() - begun) / 1000;
  diagnostic(`${server.log.length - lines} lines were logged in ${seconds.toFixed(1)} s`);
  assert(
    server.log.length - lines <= 10 * Math.ceil(seconds),
    `${server.log.length - lines} lines in ${seconds.toFixed(1)} s`,
  );
});

await test('a packet three times, and one far behind, is forwarded once or not at all', async () => {
  await call.sends(50, 28, { how: 'thrice' });
  equal(await viewer.heard(28, 50), 50, 'of 50 packets, each sent three times');
  await call.undisturbed();
  call.seq += 4000;
  await call.undisturbed();
  await publisher.send({ ssrc, seq: call.seq, count: 50, tag: 31, how: 'old' });
  await call.undisturbed({ bad: [31] });
});

await test('the sequence number wraps: nothing is lost or doubled', async () => {
  call.seq = Math.ceil(call.seq / 65536) * 65536 - 25;
  // Over half of the numbers at once would not be a step forward.
  await publisher.send({ ssrc, seq: call.seq - 32000, count: 1, tag: 33 });
  await call.undisturbed();
});

await test('SSRCs that nobody announced leave nothing behind', async () => {
  const before = residentKib(server);
  await flood(server, 'rtp', 200_000 / slowness);
  // Authentic packets too, of a payload type that no section has.
  for (let ssrc = 0x9000; ssrc < 0x9100; ssrc += 1)
    await publisher.send({ ssrc, type: 99, seq: 7, count: 2, every: 0, tag: 35 });
  await call.undisturbed({ bad: [35] });
  const grown = residentKib(server) - before;
  diagnostic(`memory grew by ${grown} KiB`);
  assert(grown < 2048 * slowness, `memory grew by ${grown} KiB`);
});

await test("one who publishes another's SSRC is heard beside it, not in its place", async () => {
  const bob = await call.joins({ ssrc, name: 'bob' });
  const known = (await viewer.count()).streams.length;
  for (let more = true, at = 0; more; at += 10) {
    await bob.send({ ssrc, seq: at, count: 10, tag: 40 });
    more = (await viewer.count()).streams.length === known;
  }
  await call.undisturbed();
  const { streams } = await viewer.count();
  const ofBob = streams.filter(({ tags }) => tags[40]);
  equal(ofBob.length, 1, 'streams with packets of the second publisher');
  equal(Object.keys(ofBob[0].tags), ['40'], "tags in the second publisher's stream");
});

await test('a publisher that floods: over its bitrate it is dropped, and the other one is heard in full', async () => {
  const greedy = await call.joins({ ssrc: 0x4567, name: 'greedy' });
  for (let at = 0, heard = 0; !heard; at += 10) {
    // Repeats until the viewer receives the stream.
    await greedy.send({ ssrc: 0x4567, seq: at, count: 10, tag: 45 });
    heard = (await viewer.count()).streams.filter(({ tags }) => tags[45]).length;
  }
  const begun = performance.now();
  const flooding = greedy.send({ ssrc: 0x4567, seq: 30_000, count: 30_000, every: 0, tag: 46 });
  await call.undisturbed({ count: 200 });
  await flooding;
  const seconds = (performance.now() - begun) / 1000;
  const { streams } = await viewer.count();
  const [heard] = streams.map(({ tags }) => tags[46] ?? 0).filter(Boolean);
  const most = (bitrate * (1 + seconds)) / 8 / 160;
  diagnostic(
    `${heard} of 30,000 packets were forwarded in ${seconds.toFixed(2)} s, ${most.toFixed(0)} fit the bitrate`,
  );
  assert(heard > 0 && heard <= most, `${heard} packets`);
  assert((await dropped(server)).rtp_rate > 20_000, 'the server did not count the excess packets');
});

await test('what was refused was counted', async () => {
  const drops = await dropped(server);
  diagnostic(JSON.stringify(drops));
  assert(Object.values(drops).reduce((sum, count) => sum + count, 0) > 1000, JSON.stringify(drops));
});

await end();
