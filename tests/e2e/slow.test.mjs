#!/usr/bin/env node
// Slow viewers: one stops reading its WebSocket, one its ICE-TCP connection, a browser behind 30 % loss requests everything
// again, and one has 100 kbit/s for a stream of 1.5 Mbit/s. Twenty others in the room must lose nothing and have no more
// latency. The test first measures the same call without the slow viewers.

import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { launchChromium } from './lib/chromium.mjs';
import { enter, run } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { signalGroup, start } from './lib/process.mjs';
import { metric } from './lib/server-figures.mjs';
import { binary, slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

function load(...args) {
  const child = start([join(dirname(binary), 'monoport-load'), server.signaling, '--room', 'slow', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (data) => (said[name] += data));
  return { child, said };
}

/** Latency and loss of twenty viewers over some seconds, while something happens. */
async function others(what, seconds, meanwhile) {
  const { child, said } = load(
    '--publishers',
    '1',
    '--viewers',
    '20',
    '--audio',
    '--seconds',
    String(seconds),
    '--json',
    '-',
  );
  const [[code]] = await Promise.all([once(child, 'close'), meanwhile?.()]);
  equal(code, 0, `exit code of monoport-load\n${said.stderr}\n`);
  const { latency_us: latency, packets, feedback } = JSON.parse(said.stdout);
  diagnostic(
    `${what}: ${packets.lost} of ${packets.expected} lost; p50 ${latency.p50.toFixed(0)} us, p99 ${latency.p99.toFixed(0)} us; ${feedback.keyframe_requests} key frame requests, ${feedback.nacks} asked for again`,
  );
  return { p99: latency.p99, loss: packets.lost / packets.expected };
}

const alone = await test('twenty viewers alone', () => others('alone', 4));

const stalling = await test('the slow ones come: two browsers, a WebSocket and a TCP connection', async () => {
  const [lossy, narrow] = lab.clients;
  const watch = async ({ host }, name) => {
    const browser = await launchChromium({ host, origin: server.origin });
    after(() => browser.close());
    const viewer = await Participant.join(browser, { origin: server.origin, room: 'slow', name, path: '/watch' });
    await viewer.connected();
  };
  await Promise.all([watch(lossy, 'lossy'), watch(narrow, 'narrow')]);
  const forward = (nat, rule) =>
    run(
      nat,
      'nft',
      `add table inet slow; add chain inet slow forward { type filter hook forward priority -10; }; add rule inet slow forward meta l4proto udp ${rule} drop`,
    );
  forward(lossy.nat, 'numgen random mod 100 < 30');
  forward(narrow.nat, `ip saddr ${lab.address} limit rate over 12500 bytes/second`);

  const deaf = await SignalingClient.joined(server, { room: 'slow', name: 'deaf', role: 'watch' });
  after(() => deaf.close());
  deaf.socket.pause();

  const { child, said } = load('--tcp', '--publishers', '0', '--viewers', '1', '--seconds', '100');
  after(() => signalGroup(child, 'SIGKILL'));
  await until('the TCP viewer is not there', () => /measuring/.test(said.stderr), 20 * slowness);
  return child;
});

await test('twenty viewers beside them: no loss, and no later', async () => {
  const beside = await others('beside the slow', 6, async () => {
    await until(
      'the TCP viewer is sent no media',
      async () => (await metric(server, 'stream_bytes_out_total')) > 50_000,
      20 * slowness,
    );
    stalling.kill('SIGSTOP');
  });
  const full = await metric(server, 'drops_total\\{.*stream_full.*\\}');
  diagnostic(
    `${full} datagrams did not fit the stalled TCP connection; ${await metric(server, 'nack_in_total')} asked for by the slow, ${await metric(server, 'rtx_out_total')} sent again`,
  );
  assert(full > 0, 'the TCP connection does not stall');
  assert((await metric(server, 'nack_in_total')) > 0, 'nobody asks for anything again');
  assert(beside.loss < 0.001, `${(beside.loss * 100).toFixed(2)} % lost`);
  assert(beside.p99 < alone.p99 + 50_000 * slowness, `${beside.p99} us, alone ${alone.p99} us`);
});

await end();
