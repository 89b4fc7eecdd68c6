#!/usr/bin/env node
// Attacks on the WebSocket and the signaling: floods of messages and of frames, and messages that are expensive to handle.
// Two clients exchange messages meanwhile and must not notice.

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { freePort } from './lib/lab.mjs';
import { residentKib } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const { test, after, explain, end } = suite({ limit: 90 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const call = await readFile(new URL('../golden/chromium-call.sdp', import.meta.url), 'utf8');
const most = 256 * 1024; // the longest message
const room = 'attacked';
const [bystander, other] = [
  await SignalingClient.joined(server, { room }),
  await SignalingClient.joined(server, { room }),
];
for (const client of [bystander, other]) after(() => client.close());

/** The longest round trip of a few messages to the server and back. */
async function delay(times = 5) {
  let longest = 0;
  for (let n = 0; n < times; n += 1) {
    const begun = performance.now();
    await bystander.settled();
    longest = Math.max(longest, performance.now() - begun);
  }
  assert(longest < 1000 * slowness, `a ping took ${longest.toFixed(0)} ms`);
  return longest;
}

await test('a client that talks without end is closed with 1008, and the others are heard meanwhile', async () => {
  const flooder = await SignalingClient.joined(server, { room });
  const ping = JSON.stringify({ type: 'ping', peerId: flooder.peerId, fill: 'x'.repeat(2000) });
  for (let n = 0; n < 20_000; n += 1) flooder.raw(ping);
  const longest = await delay();
  equal(await flooder.closing(20 * slowness), 1008, 'close code');
  const answered = flooder.received.filter(({ type }) => type === 'pong').length;
  equal(flooder.received.at(-1).reason, 'too-many-messages', 'its last word');
  diagnostic(`${answered} of 20,000 messages were answered; a ping of another took ${longest.toFixed(1)} ms meanwhile`);
  assert(answered >= 300 && answered < 1500 * slowness, `${answered} were answered`);
});

await test('who mutes and unmutes without end is not repeated to the room without end', async () => {
  const flooder = await SignalingClient.joined(server, { room });
  for (let n = 0; n < 5000; n += 1) flooder.send({ type: 'mute', audio: n % 2 === 0 });
  equal(await flooder.closing(20 * slowness), 1008, 'close code');
  await bystander.settled();
  const told = bystander.received.filter(
    ({ type, participant }) => type === 'participant-updated' && participant.id === flooder.peerId,
  ).length;
  diagnostic(`the room was told ${told} of 5,000 times`);
  assert(told > 0 && told < 1000 * slowness, `told ${told} times`);
});

// --- frames ---

/** A WebSocket of which the test writes every byte. */
async function opened({ secure = false } = {}) {
  const options = { port: server.port, host: server.address };
  const socket = secure
    ? connectTls({ ...options, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    : connect(options);
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.on('error', () => {});
  socket.write(
    `GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  assert(answer.toString().includes(' 101 '), answer.toString());
  after(() => socket.destroy());
  return socket;
}
const masked = (first, payload = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

/** Writes the bytes `times` times, as fast as the server reads. False: the connection ended before all were written. */
async function pour(socket, bytes, times) {
  const block = Buffer.concat(Array.from({ length: 1000 }, () => bytes));
  const closed = new Promise((done) => socket.once('close', done));
  for (let n = 0; n < times && !socket.destroyed; n += 1000)
    if (!socket.write(block)) await Promise.race([new Promise((done) => socket.once('drain', done)), closed]);
  return !socket.destroyed;
}

/** The code of the close frame at the end of these bytes; undefined if there is none. */
function closeCode(bytes) {
  for (let at = 0; at + 2 <= bytes.length;) {
    const short = bytes[at + 1] & 0x7f;
    const [length, head] = short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [short, 2];
    if ((bytes[at] & 0x0f) === 8) return bytes.readUInt16BE(at + head);
    at += head + length;
  }
}

/** Reads until the connection ends; returns the bytes, and whether a reset ended it. */
async function rest(socket) {
  const chunks = [];
  let error;
  socket.on('error', (happened) => (error = happened));
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.resume();
  await once(socket, 'close');
  return { code: closeCode(Buffer.concat(chunks)), error };
}

for (const secure of [false, true]) {
  await test(`a client that talks on for 4 s after it was closed, and reads only then, is told 1008 ${secure ? 'by TLS' : 'in the clear'}`, async () => {
    const socket = await opened({ secure });
    socket.pause();
    const words = Buffer.concat(Array.from({ length: 20 }, () => masked(0x81, Buffer.from('{"type":"ping"}'))));
    let broken;
    socket.on('error', (error) => (broken = error));
    // Twice as long as the server waits for the answer to its close frame. This client cannot know when that is over.
    for (const begun = performance.now(); performance.now() - begun < 4000 && !broken;) {
      socket.write(words);
      await new Promise((done) => setTimeout(done, 10)); // its pace
    }
    assert(!broken, `while it talked: ${broken}`);
    socket.end();
    const { code, error } = await rest(socket);
    equal([code, error?.code], [1008, undefined], 'close code and error');
  });
}

for (const [what, bytes] of [
  ['without a mask', Buffer.from([0x81, 1, 0x78])],
  ['of a reserved opcode', masked(0x83)],
  ['of text that is none', masked(0x81, Buffer.from([0xff]))],
]) {
  for (const secure of [false, true]) {
    await test(`a frame ${what} ends the connection ${secure ? 'by TLS' : 'in the clear'}`, async () => {
      const socket = await opened({ secure });
      socket.write(bytes);
      socket.once('data', () => socket.end());
      equal((await rest(socket)).code, what.includes('text') ? 1007 : 1002, 'close code');
    });
  }
}

for (const [what, begin, frame] of [
  ['pings whose answers it never reads', masked(0x89), masked(0x89, Buffer.alloc(100))],
  ['pongs that nobody asked for', masked(0x8a), masked(0x8a, Buffer.alloc(100))],
]) {
  await test(`a million ${what}: nothing is kept, and the others are heard meanwhile`, async () => {
    const socket = await opened();
    socket.pause();
    socket.write(begin);
    await pour(socket, frame, 20_000);
    const before = residentKib(server);
    const poured = pour(socket, frame, 1_000_000 / slowness);
    const longest = await delay(20);
    const taken = await poured;
    const grown = residentKib(server) - before;
    diagnostic(
      `${taken ? 'all were taken' : `it was closed after ${socket.bytesWritten} bytes`}, memory grew by ${grown} KiB; a ping of another took ${longest.toFixed(1)} ms`,
    );
    assert(grown < 1024 * slowness, `memory grew by ${grown} KiB`);
    socket.destroy();
  });
}

await test('a message of fragments without end, empty ones: it is ended', async () => {
  const socket = await opened();
  const ended = once(socket, 'close');
  socket.resume();
  socket.write(masked(0x01, Buffer.from('{')));
  await pour(socket, masked(0x00), 100_000);
  await ended;
  await delay();
});

// --- messages ---

const filled = (head, unit, tail, limit = most - 200) =>
  head + unit.repeat(Math.floor((limit - head.length - tail.length) / unit.length)) + tail;
const offer = (sdp) => (client) => JSON.stringify({ type: 'offer', peerId: client.peerId, sdp });
/** An offer of a browser with as many of these lines in its first section as a message holds. */
const lines = (line) => {
  const [head, first, ...others] = call.split(/^(?=m=)/m);
  const room = most - 3000 - JSON.stringify(call).length;
  const count = Math.floor(room / (JSON.stringify(line(10_000)).length - 2));
  return offer(
    head + first + Array.from({ length: Math.min(count, 10_000) }, (_, n) => line(n)).join('') + others.join(''),
  );
};
const keys = () => {
  let text = '{"type":"ping"';
  for (let n = 0; text.length < most - 100; n += 1) text += `,"k${n}":0`;
  return `${text}}`;
};

const bombs = {
  '20,000 different members': () => keys(),
  'one member 40,000 times': () => filled('{"type":"ping"', ',"k":0', '}'),
  'a number of 260,000 digits': () => filled('{"type":"ping","n":', '9', '}'),
  'an exponent without end': () => '{"type":"ping","n":1e999999999}',
  'half a surrogate pair, 40,000 times': () => filled('{"type":"ping","s":"', '\\ud800', '"}'),
  '260,000 brackets': () => filled('', '[', ''),
  '80,000 empty arrays': () => filled('{"type":"ping","a":[[]', ',[]', ']}'),
  'NULs in an offer': offer(call.replaceAll('a=', 'a\0=')),
  'an offer of 60,000 lines of nothing': offer(`v=0\r\n${'m\r\n'.repeat(50_000)}`),
  'an offer of 9,000 short sections': offer(call.split(/^(?=m=)/m)[0] + 'm=audio 9 X 0\r\n'.repeat(9000)),
  'an offer of one line of 250,000 bytes': offer(`${call}a=${'x'.repeat(240_000)}\r\n`),
  'an offer of 10,000 candidates': lines((n) => `a=candidate:1 1 udp 1 10.0.${n >> 8}.${n & 255} 9 typ host\r\n`),
  'an offer of 10,000 rids': lines((n) => `a=rid:r${n} send\r\n`),
  'an offer of 10,000 SSRCs': lines((n) => `a=ssrc:${n} cname:x\r\n`),
  'an offer of 10,000 payload types of 128 and more': lines((n) => `a=rtpmap:${128 + n} opus/48000/2\r\n`),
  'an offer of 10,000 extensions': lines((n) => `a=extmap:${1 + (n % 14)} urn:x:${n}\r\n`),
  'an offer of 10,000 fingerprints': lines(() => 'a=fingerprint:sha-256 00\r\n'),
  'an offer of 10,000 codecs of one number': lines(() => 'a=fmtp:111 x=y\r\n'),
};

await test('messages that are made to cost: each is over in less than a second, and nothing is left of it', async () => {
  const measured = [];
  const before = residentKib(server);
  for (const [what, text] of Object.entries(bombs)) {
    const client = await SignalingClient.joined(server, { room: 'bombs' });
    const bomb = text(client);
    assert(bomb.length <= most, `${what}: ${bomb.length} bytes are no test of this`);
    const begun = performance.now();
    client.raw(bomb);
    client.send({ type: 'ping' });
    await client.next('pong', 20 * slowness);
    const ms = performance.now() - begun;
    const said = client.received.find(({ type }) => type === 'error' || type === 'answer');
    measured.push({ what, ms, said: said?.code ?? said?.type ?? 'nothing' });
    assert(ms < 1000 * slowness, `${what}: ${ms.toFixed(0)} ms`);
    client.close();
  }
  for (const { what, ms, said } of measured) diagnostic(`${ms.toFixed(1)} ms: ${what}: ${said}`);
  const grown = residentKib(server) - before;
  diagnostic(`memory grew by ${grown} KiB in all`);
  assert(grown < 4096 * slowness, `memory grew by ${grown} KiB`);
});

await test('the others noticed nothing', async () => {
  equal([bystander.closed, other.closed], [null, null], 'their connections');
  await other.settled();
  assert(await server.healthy(), 'healthz');
});

await end();
