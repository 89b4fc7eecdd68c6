#!/usr/bin/env node
// Thousands of connections that send nothing, or a byte in ten seconds, or request much and never read it: the server still
// serves all others.

import { connect } from 'node:net';
import { once } from 'node:events';
import { enter, run } from './lib/lab.mjs';
import { joins } from './lib/load.mjs';
import { cpuSeconds, descriptors, metric, residentKib } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const each = 5000;
run('', 'prlimit', `--pid=${process.pid}`, `--nofile=${3 * each}:`);

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

const sockets = new Set();
after(() => sockets.forEach((socket) => socket.destroy()));

/** A connection from one of twenty addresses: each address has its own limit. */
async function opened(number) {
  const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (number % 20)}` });
  sockets.add(socket);
  socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  return socket;
}

async function crowd(count, then) {
  for (let from = 0; from < count; from += 500) {
    const some = await Promise.all(Array.from({ length: Math.min(500, count - from) }, (_, i) => opened(from + i)));
    some.forEach((socket, i) => then?.(socket, from + i));
  }
}

// The requests that the slow connections send and never complete.
const beginnings = [
  Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from('16030100c8010000c40303', 'hex'),
  Buffer.from('0014000100002112a442', 'hex'),
  Buffer.from('000300002112a442', 'hex'),
];

function slowly(socket, number) {
  const text = beginnings[number % beginnings.length];
  let at = 0;
  const next = () => socket.destroyed || at === text.length || socket.write(text.subarray(at, (at += 1)));
  next();
  const timer = setInterval(next, 10_000);
  socket.on('close', () => clearInterval(timer));
}

const healthy = async () => {
  const begun = performance.now();
  const response = await fetch(`${server.origin}/healthz`);
  equal(response.status, 200, 'healthz');
  return performance.now() - begun;
};

const quiet = { kib: residentKib(server), descriptors: descriptors(server) };

await test(`${each} silent and ${each} slow connections do not keep a call from starting`, async () => {
  await Promise.all([crowd(each), crowd(each, slowly)]);
  const pending = await metric(server, 'front_pending');
  diagnostic(
    `${sockets.size} stand, ${pending} of them undecided; ${residentKib(server) - quiet.kib} KiB, ${descriptors(server) - quiet.descriptors} descriptors`,
  );
  assert(pending > 1000, 'hardly anybody waits');
  const cpu = cpuSeconds(server);
  const begun = performance.now();
  const { ok, failed, max_ms: slowest } = await joins(server, 2);
  equal([ok, failed], [2, 0], 'joins that succeeded and that failed');
  diagnostic(`the slower of both joins took ${slowest.toFixed(1)} ms`);
  assert(slowest < 5000 * slowness, `a join took ${slowest} ms`);
  diagnostic(
    `the call and its second of media took ${((performance.now() - begun) / 1000).toFixed(2)} s, the server ${(cpuSeconds(server) - cpu).toFixed(2)} s of CPU`,
  );
  const ms = await healthy();
  diagnostic(`healthz: ${ms.toFixed(1)} ms`);
  assert(ms < 1000 * slowness, 'healthz took longer than a second');
});

// The page's largest file, larger than the kernel's buffers for a client that reads nothing; and an upgrade.
const page = await (await fetch(server.origin)).text();
const scripts = [...page.matchAll(/src="(\/[^"]+\.js)"/g)].map((match) => match[1]);
const requests = [
  `${`GET ${scripts[0]} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(8)}`,
  `GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
];

await test(`${each} that ask for much and never read it neither`, async () => {
  const before = residentKib(server);
  const deaf = [];
  await crowd(each, (socket, number) => {
    socket.pause();
    socket.write(requests[number % requests.length]);
    deaf.push(socket);
  });
  const { ok, failed, max_ms: slowest } = await joins(server, 2);
  equal([ok, failed], [2, 0], 'joins that succeeded and that failed');
  const stand = descriptors(server) - quiet.descriptors - (await metric(server, 'front_pending'));
  const kib = (residentKib(server) - before) / stand;
  diagnostic(
    `the slower of both joins took ${slowest.toFixed(1)} ms; ${stand} connections of HTTP stand, ${kib.toFixed(1)} KiB of memory for each`,
  );
  assert(stand >= each, `${stand} stand`);
  assert(slowest < 1000 * slowness, `a join took ${slowest} ms`);
  assert(kib < 64 * slowness, `${kib} KiB each`);
  const cpu = cpuSeconds(server);
  await new Promise((tick) => setTimeout(tick, 2000)); // the span of the measurement
  diagnostic(`they cost ${(cpuSeconds(server) - cpu).toFixed(2)} s of CPU in 2 s`);
  assert(cpuSeconds(server) - cpu < 0.5 * slowness, 'they keep the server busy');
  equal(await metric(server, 'thread_stalls_total'), 0, 'threads that stood still');
  deaf.forEach((socket) => socket.destroy());
});

await test('they end, and everything is given back', async () => {
  const pending = () => metric(server, 'front_pending');
  await until(
    async () => `${await pending()} undecided connections`,
    async () => (await pending()) === 0,
    40,
  );
  diagnostic(
    `${await metric(server, 'front_silent_total')} ended by time, ${await metric(server, 'front_crowded_total')} made room`,
  );
  sockets.forEach((socket) => socket.destroy());
  await until(
    () => `${descriptors(server)} descriptors of ${quiet.descriptors}`,
    () => descriptors(server) <= quiet.descriptors + 10,
    10,
  );
});

await end();
