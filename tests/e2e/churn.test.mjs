#!/usr/bin/env node
// Thousands of clients join and leave: each ends somewhere between the first connection and the call, with or without a
// goodbye, and the test kills some client programs. Afterwards the empty server must hold no more than before. STAYS=100000
// tries more; the sanitized server (SANITIZE=1) must not have leaked a byte when it ends.

import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { freePort } from './lib/lab.mjs';
import { kill, start } from './lib/process.mjs';
import { cpuSeconds, descriptors, metric, metrics, residentKib } from './lib/server-figures.mjs';
import { binary, slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const stays = Number(process.env.STAYS ?? (slowness > 1 ? 1000 : 10_000));
const { test, after, explain, end } = suite({ limit: (60 + stays / 50) * slowness });
const server = await startServer(
  { address: '127.0.0.1', port: freePort },
  { args: ['--address-connection-rate', '100000', '--address-join-rate', '100000', '--log-level', 'warn'] },
);
explain(() => server.tail());

function load(...args) {
  const child = start(
    [
      join(dirname(binary), 'monoport-load'),
      server.signaling,
      '--audio',
      '--video-bps',
      '100000',
      '--join-rate',
      '2000',
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  child.output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (child.output += data));
  return child;
}

/** Waits until the server has ended all sessions. */
async function empty() {
  const left = async () =>
    (await metrics(server, ['participants', 'sessions', 'tracks', 'subscriptions', 'streams', 'front_pending'])).join();
  const settled = async () => (await left()) === '0,0,0,0,0,0' && descriptors(server) <= quiet;
  await until(
    async () => `left: ${await left()}, ${descriptors(server)} descriptors of ${quiet}`,
    settled,
    20 * slowness,
  );
  return { kib: residentKib(server), packets: await metric(server, 'packet_pool_used') };
}

async function churn(count) {
  const runs = [
    load('--room', 'crowd', '--publishers', '2', '--viewers', '80', '--churn', String(Math.ceil(count * 0.8))),
    load('--room', 'meeting', '--publishers', '10', '--meeting', '--churn', String(Math.ceil(count * 0.1))),
    load(
      '--room',
      'streams',
      '--tcp',
      '--publishers',
      '1',
      '--viewers',
      '20',
      '--churn',
      String(Math.ceil(count * 0.1)),
    ),
  ];
  const codes = await Promise.all(runs.map((child) => once(child, 'close').then(([code]) => code)));
  for (const [index, child] of runs.entries()) {
    equal(codes[index], 0, `exit code\n${child.output}\n`);
    diagnostic(child.output.trim().split('\n').at(-1));
  }
}

await metric(server, 'sessions'); // this test's own connection stays open
const quiet = descriptors(server);

await test('clients whose programs are killed are gone at once', async () => {
  const killed = load('--room', 'killed', '--viewers', '30', '--seconds', '60');
  while (!/measuring/.test(killed.output)) await once(killed.stderr, 'data');
  await kill(killed);
  await empty();
});

// Memory grows until every session's slot was used and the heap has reached its peak: 33.2, 34.2, 34.5, 34.5 MB with
// STAYS=40000. The last quarter of 10,000 stays may add less than a tenth, 1.2 KiB a stay; the sanitized server finds single
// bytes.
await test(`${stays} stays: nothing is left of them`, async () => {
  const rounds = [];
  for (let round = 0; round < 4; round += 1) {
    await churn(stays / 4);
    rounds.push(await empty());
  }
  const [, , before, last] = rounds;
  diagnostic(
    `memory after each quarter: ${rounds.map(({ kib }) => `${kib} KiB`).join(', ')}; ${quiet} descriptors; ${cpuSeconds(server).toFixed(1)} s of CPU`,
  );
  equal(last.packets, 0, 'packets in use');
  if (slowness === 1 && stays >= 10_000) assert(last.kib < before.kib * 1.1, `${last.kib} KiB, before ${before.kib}`);
});

await test('it ends, and a sanitized one reports no leak', () => server.stop());

await end();
