#!/usr/bin/env node
// Attacks by STUN: wrong and stolen checks, floods, reflection, consent. A publisher and a viewer are in a call meanwhile,
// and must not notice.

import { randomBytes } from 'node:crypto';
import { AttackedCall } from './lib/attack-call.mjs';
import { freePort } from './lib/lab.mjs';
import { flood, hasTool, Puppet, tool } from './lib/puppet.mjs';
import { residentKib } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { request } from './lib/stun.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const call = await AttackedCall.begin(server, { after, room: 'ice' });
const { publisher, viewer } = call;

// This client goes silent now; the last test checks that the server ended its session.
const sleeper = await Puppet.call(server, { room: call.room, name: 'sleeper' });
after(() => sleeper.leave());
sleeper.tell('silence');
const silentSince = performance.now();

async function stranger(address) {
  const puppet = await Puppet.make({ address });
  puppet.server = server;
  after(() => puppet.leave());
  return puppet;
}

await test('every first byte in every length from a stranger: nothing but STUN is answered', async () => {
  const socket = await stranger('127.0.0.20');
  for (let first = 0; first < 256; first += 1)
    for (const length of [0, 1, 2, 3, 11, 12, 13, 19, 20, 21, 28, 40, 64, 1200, 1499]) {
      const datagram = randomBytes(length + 1);
      datagram[0] = first;
      socket.raw(datagram);
    }
  socket.raw(request());
  const { datagrams, bytes } = await socket.until(
    'the answer to a plain request behind them',
    (count) => count.datagrams > 0,
  );
  equal([datagrams, bytes], [1, 32], 'datagrams and bytes back');
  await call.undisturbed();
});

await test('100,000 checks under a wrong password, for both of a call: nobody is answered, nothing moves', async () => {
  for (const { username } of [publisher, viewer]) {
    // With few cores the kernel may drop some datagrams of both; the server must drop none of the call's.
    const [{ received }] = await Promise.all([
      flood(server, 'stun', 100_000 / slowness, { username }),
      call.sends(100, 64),
    ]);
    equal(received, 0, 'bytes back');
    await viewer.heard(64, 10);
    await call.undisturbed();
  }
  await call.undisturbed();
});

await test("a peer that names a victim's address as its own: no stream goes there", async () => {
  const mallory = await call.joins({ name: 'mallory' });
  await call.reaches(mallory, 60);
  // The victim's address: counts the datagrams that arrive there and answers none.
  mallory.tell('silence');
  await mallory.move('127.0.0.77');
  const before = await mallory.count();
  mallory.raw(request({ username: mallory.username, password: mallory.remote.password, nominate: true }));
  await mallory.until('the check is answered', ({ datagrams }) => datagrams > before.datagrams);
  await call.sends(300, 61);
  await call.undisturbed();
  const { streams, datagrams, bytes } = await mallory.count();
  const media = streams.reduce((sum, { tags }) => sum + (tags[61] ?? 0), 0);
  diagnostic(
    `to the victim: ${datagrams - before.datagrams} datagrams, ${bytes - before.bytes} bytes, ${media} of 300 packets of media`,
  );
  assert(media < 3, `${media} packets of media`);
});

await test('a candidate that names an address from which nothing came: nothing goes there', async () => {
  const victim = await stranger('127.0.0.78');
  const line = (type) => `candidate:1 1 udp 2130706431 127.0.0.78 ${victim.port} typ ${type}`;
  for (const candidate of [line('host'), `${line('srflx')} raddr 0.0.0.0 rport 0`])
    viewer.signaling.send({ type: 'ice-candidate', candidate: JSON.stringify({ candidate, sdpMid: '0' }) });
  await viewer.signaling.settled();
  await call.undisturbed();
  equal((await victim.count()).datagrams, 0, 'datagrams to the victim');
});

await test("the address of one who left, used by the next within the second: it is the next one's", async () => {
  const first = await call.joins({ name: 'first' });
  const { port } = first;
  await call.reaches(first, 62);
  await first.leave();
  const second = await call.joins({ name: 'second', port });
  await call.reaches(second, 63);
  const { streams } = await second.count();
  assert(
    streams.every(({ tags }) => !tags[62]),
    'packets that were for the first',
  );
});

await test('no shape of a request gets more than 1.6 times its bytes back', async () => {
  const username = publisher.username;
  const shapes = {
    'a bare request': request(),
    'with FINGERPRINT': request({ fingerprint: true }),
    'an unknown ufrag': request({ username: 'nobody:here', password: 'wrong' }),
    'a known ufrag, no integrity': request({ username }),
    'a known ufrag, wrong integrity': request({ username, password: 'wrong' }),
    'another method': (() => {
      const bytes = request();
      bytes[1] = 0x03;
      return bytes;
    })(),
    'an indication': (() => {
      const bytes = request();
      bytes[1] = 0x11;
      return bytes;
    })(),
    'a ClientHello': Buffer.from(
      `16fefd0000000000000000003601000029${'00'.repeat(8)}fefd${'11'.repeat(32)}00000002c02b0100`,
      'hex',
    ),
  };
  for (const [what, bytes] of Object.entries(shapes)) {
    const socket = await stranger('127.0.0.21');
    for (let n = 0; n < 10; n += 1) socket.raw(bytes);
    await call.undisturbed(); // a hundred packets there and back: all answers have arrived by then
    const ratio = (await socket.count()).bytes / (bytes.length * 10);
    diagnostic(`${what}: ${ratio.toFixed(2)} times`);
    assert(ratio <= 1.6, `${what}: ${ratio.toFixed(2)} times`);
  }
});

await test('the answers to one source are capped', async () => {
  const socket = await stranger('127.0.0.22');
  for (let n = 0; n < 3000; n += 1) socket.raw(request());
  await call.undisturbed();
  const { datagrams } = await socket.count();
  diagnostic(`${datagrams} of 3000 answered`);
  assert(datagrams > 0 && datagrams < 500, `${datagrams} of 3000 answered`);
});

await test('a million checks of unknown sessions leave nothing behind', async () => {
  await flood(server, 'stun', 10_000);
  const before = residentKib(server);
  const { received } = await flood(server, 'stun', 1_000_000 / slowness, { sources: 512 });
  const grown = residentKib(server) - before;
  diagnostic(`memory grew by ${grown} KiB`);
  equal(received, 0, 'bytes back');
  assert(grown < 1024 * slowness, `memory grew by ${grown} KiB`);
  await call.undisturbed();
});

await test('20,000 authentic checks from as many addresses: the call stays where it is', async () => {
  const credentials = { sources: 0, username: viewer.username, password: viewer.remote.password };
  await flood(server, 'stun', 10_000, credentials); // touches all memory that exists from the start
  const before = residentKib(server);
  await flood(server, 'stun', 10_000, credentials);
  const grown = residentKib(server) - before;
  diagnostic(`memory grew by ${grown} KiB`);
  // The rings between threads have a fixed size and are still being touched. 10,000 stored objects would take more.
  assert(grown < 4096 * slowness, `memory grew by ${grown} KiB`);
  await call.undisturbed();
});

await test('nothing goes to one who was silent for 30 s, and the others are told', async () => {
  const { signaling } = viewer;
  const told = () =>
    signaling.received.some(({ type, id }) => type === 'participant-left' && id === sleeper.signaling.peerId);
  assert(await signaling.waitFor(told, 45), 'it was not let go within 75 s');
  const silent = (performance.now() - silentSince) / 1000;
  const { datagrams } = await sleeper.count();
  await call.undisturbed();
  equal((await sleeper.count()).datagrams, datagrams, 'datagrams before and after');
  diagnostic(`let go after ${silent.toFixed(1)} s`);
});

await end();
