#!/usr/bin/env node
// Strangers at line rate, as fast as one core can send: the server stores nothing of their datagrams, sends and logs next to
// nothing, and still lets legitimate clients join.

import { freePort } from './lib/lab.mjs';
import { joins } from './lib/load.mjs';
import { flood, hasTool, tool } from './lib/puppet.mjs';
import { metric, residentKib } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 100 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort }, { args: ['--log-level', 'debug'] });
after(() => server.stop());
explain(() => server.tail());

const packets = Math.round(1_000_000 / slowness);
const clients = 200;

await test(`${clients} join while strangers send as much as they can: at least 99 % are let in`, async () => {
  let over = false;
  let sent = 0;
  const strangers = (async () => {
    while (!over) sent += (await flood(server, 'mix', 200_000, { sources: 512 })).sent;
  })();
  const { ok, failed, p99_ms: p99 } = await joins(server, clients);
  over = true;
  await strangers;
  diagnostic(
    `${ok} joined, ${failed} did not, beside ${(sent / 1e6).toFixed(0)} MB of strangers' datagrams; 99 % of joins took ${p99.toFixed(1)} ms at most`,
  );
  equal(ok + failed, clients, 'joins');
  assert(ok >= 0.99 * clients, `${ok} of ${clients} joined`);
  equal(await server.healthy(), true, 'healthz');
});

// A first flood touches all memory that exists from the start: the rings between threads wrap within four seconds of it.
await test(`${packets} datagrams of strangers: memory and log stay as they are, at most 1.6 bytes go out for each that came`, async () => {
  await flood(server, 'mix', 100_000, { sources: 512 });
  await metric(server, 'bytes_in_total');
  const before = {
    kib: residentKib(server),
    bytesIn: await metric(server, 'bytes_in_total'),
    bytesOut: await metric(server, 'bytes_out_total'),
    lines: server.log.length,
  };
  const begun = performance.now();
  const { sent, received } = await flood(server, 'mix', packets, { sources: 512 });
  const seconds = (performance.now() - begun) / 1000;
  const grown = residentKib(server) - before.kib;
  const bytesIn = (await metric(server, 'bytes_in_total')) - before.bytesIn;
  const bytesOut = (await metric(server, 'bytes_out_total')) - before.bytesOut;
  const lines = server.log.length - before.lines;
  diagnostic(
    `${packets} datagrams, ${(sent / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, of which the server took ${(bytesIn / 1e6).toFixed(0)} MB`,
  );
  diagnostic(
    `memory grew by ${grown} KiB, ${bytesOut} bytes went out (${(bytesOut / bytesIn).toFixed(3)} for each that came), ${lines} lines were logged`,
  );
  assert(grown < 100 * slowness ** 2, `memory grew by ${grown} KiB`); // sanitizers hold back freed memory
  assert(bytesIn > 0 && bytesOut <= 1.6 * bytesIn, `${bytesOut} bytes for ${bytesIn}`);
  assert(received <= 1.6 * sent, `${received} bytes for ${sent}`);
  assert(lines <= 10 * Math.ceil(seconds), `${lines} lines in ${seconds.toFixed(1)} s`);
});

await end();
