#!/usr/bin/env node
// Hand-made datagrams to the one UDP port: which of them the server answers.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { freeze } from './lib/freeze.mjs';
import { freePort } from './lib/lab.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { attribute, authentic, parse, request, type } from './lib/stun.mjs';
import { assert, equal, suite } from './lib/tap.mjs';

const { test, after, explain, end } = suite({ limit: 60 * slowness });
const probePort = await freePort();
const server = await startServer(
  { address: '127.0.0.1', port: freePort },
  { args: ['--probe-port', String(probePort)] },
);
after(() => server.stop());
explain(() => server.tail());

async function udp(family = 'udp4') {
  const socket = createSocket(family);
  socket.bind(0, family === 'udp4' ? '127.0.0.1' : '::1');
  await once(socket, 'listening');
  after(() => socket.close());
  const address = family === 'udp4' ? server.address : '::1';
  return {
    port: socket.address().port,
    send: (bytes) => socket.send(bytes, server.port, address),
    probe: (bytes) => socket.send(bytes, probePort, address),
    async next(seconds = 3 * slowness) {
      const [bytes] = await once(socket, 'message', { signal: AbortSignal.timeout(seconds * 1000) });
      return bytes;
    },
  };
}

// Sends all of these and then a plain request. Loopback keeps the order of one flow, and one worker handles it: if the
// plain request's answer arrives first, the server answered none of the others. One plain request for all, because their
// rate per source is limited.
async function silence(socket, datagrams) {
  datagrams.forEach(socket.send);
  const plain = request();
  socket.send(plain);
  const answer = await socket.next();
  assert(
    parse(answer).transaction.equals(plain.subarray(8, 20)),
    `one of ${datagrams.length} was answered with ${answer.toString('hex')}`,
  );
}

await test('a plain Binding request is told its address, in no more bytes than that takes', async () => {
  const socket = await udp();
  const sent = request();
  socket.send(sent);
  const bytes = await socket.next();
  const answer = parse(bytes);
  equal(answer.type, type.BINDING_SUCCESS, 'type');
  assert(answer.transaction.equals(sent.subarray(8, 20)), 'another transaction');
  equal(answer.mapped, { address: '127.0.0.1', port: socket.port }, 'mapped address');
  assert(bytes.length <= 32, `${bytes.length} bytes for ${sent.length}`);
});

await test('the probe port tells the same, and answers nothing else', async () => {
  const socket = await udp();
  const sent = [
    randomBytes(20),
    request({ username: 'a:b', password: 'x' }),
    Buffer.from([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    request(),
  ];
  sent.forEach(socket.probe);
  const answer = parse(await socket.next());
  assert(answer.transaction.equals(sent.at(-1).subarray(8, 20)), 'something else was answered first');
  equal(answer.mapped, { address: '127.0.0.1', port: socket.port }, 'mapped address');
});

await test('a probe port that stands still is told of', async () => {
  const socket = await udp();
  const sent = request();
  const goOn = await freeze(server, 'probe port');
  socket.probe(sent);
  await server.says('event="thread stalled" thread="probe port"');
  const answer = socket.next();
  await goOn();
  assert(parse(await answer).transaction.equals(sent.subarray(8, 20)), 'something else was answered');
  await server.says('event="thread running again" thread="probe port"');
});

await test('with FINGERPRINT too', async () => {
  const socket = await udp();
  socket.send(request({ fingerprint: true }));
  equal(parse(await socket.next()).mapped, { address: '127.0.0.1', port: socket.port }, 'mapped address');
});

await test('over IPv6 too', async () => {
  const socket = await udp('udp6');
  socket.send(request());
  equal(
    parse(await socket.next()).mapped,
    { address: `${'0000:'.repeat(7)}0001`, port: socket.port },
    'mapped address',
  );
});

await test('an unknown ufrag: silence', async () => {
  const socket = await udp();
  await silence(socket, [
    request({ username: 'nobody:here', password: 'whatever-it-may-be-0123456' }),
    request({ username: 'nobody', password: 'whatever-it-may-be-0123456' }),
    request({ username: ':', password: 'whatever-it-may-be-0123456' }),
    request({ username: 'x'.repeat(600), password: 'whatever-it-may-be-0123456' }),
  ]);
});

await test('what is no STUN from an address without a session: silence', async () => {
  const socket = await udp();
  const firsts = Array.from({ length: 256 }, (_, byte) =>
    Buffer.concat([Buffer.from([byte]), randomBytes(1 + ((byte * 7) % 1300))]),
  );
  const clientHello = Buffer.from(
    `16fefd0000000000000000003601000029${'00'.repeat(8)}fefd${'11'.repeat(32)}00000002c02b0100`,
    'hex',
  );
  await silence(socket, [
    ...firsts,
    clientHello,
    ...Array.from({ length: 20 }, (_, length) => request().subarray(0, length)),
  ]);
});

const session = await test('an offer is answered with credentials', async () => {
  const client = await SignalingClient.joined(server, { room: 'stun' });
  after(() => client.close());
  client.send({ type: 'offer', sdp: await readFile(new URL('../golden/chromium-call.sdp', import.meta.url), 'utf8') });
  const { sdp } = await client.next('answer');
  const value = (name) => sdp.match(new RegExp(`^a=${name}:(.*)\r$`, 'm'))[1];
  return { client, ufrag: value('ice-ufrag'), password: value('ice-pwd') };
});

if (session) {
  const { client, ufrag, password } = session;
  const offered = (await readFile(new URL('../golden/chromium-call.sdp', import.meta.url), 'utf8')).match(
    /^a=ice-ufrag:(\S+)/m,
  )[1];
  const username = `${ufrag}:${offered}`;

  await test('a known ufrag without, with a wrong or with a cut MESSAGE-INTEGRITY: silence', async () => {
    const socket = await udp();
    const right = request({ username, password });
    const flipped = [20, 30, right.length - 20, right.length - 9].map((at) => {
      const copy = Buffer.from(right);
      copy[at] ^= 1;
      return copy;
    });
    await silence(socket, [
      request({ username }),
      request({ username, fingerprint: true }),
      request({ username, password: `${password}x` }),
      request({ username, password: '' }),
      ...flipped,
      ...Array.from({ length: right.length - 20 }, (_, index) => right.subarray(0, 20 + index)),
    ]);
    await client.settled();
    assert(
      !client.received.some((message) => message.type === 'stun-candidate'),
      'an address was learned from a check that is not authentic',
    );
  });

  await test('the right one: an authentic answer, and the WebSocket is told the address', async () => {
    const socket = await udp();
    const check = request({ username, password, nominate: true });
    socket.send(check);
    const bytes = await socket.next();
    const answer = parse(bytes);
    equal(answer.type, type.BINDING_SUCCESS, 'type');
    assert(answer.transaction.equals(check.subarray(8, 20)), 'another transaction');
    equal(answer.mapped, { address: '127.0.0.1', port: socket.port }, 'mapped address');
    assert(authentic(bytes, password), 'its MESSAGE-INTEGRITY is wrong');
    assert(answer.attributes.has(attribute.FINGERPRINT), 'no FINGERPRINT');
    const { stunCandidate } = await client.next('stun-candidate');
    const { candidate } = JSON.parse(stunCandidate);
    assert(new RegExp(` udp \\d+ 127\\.0\\.0\\.1 ${socket.port} typ srflx`, 'i').test(candidate), candidate);
  });

  await test('the same name of another session with this password: silence', async () => {
    const other = await SignalingClient.joined(server, { room: 'stun' });
    other.send({ type: 'offer', sdp: await readFile(new URL('../golden/firefox-call.sdp', import.meta.url), 'utf8') });
    const { sdp } = await other.next('answer');
    const otherUfrag = sdp.match(/^a=ice-ufrag:(\S+)/m)[1];
    assert(otherUfrag !== ufrag, 'two sessions share a ufrag');
    await silence(await udp(), [request({ username: `${otherUfrag}:${offered}`, password })]);
    other.close();
  });
}

await test('the server is healthy', async () => assert(await server.healthy(), 'healthz'));

await end();
