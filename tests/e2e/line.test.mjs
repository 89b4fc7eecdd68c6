#!/usr/bin/env node
// The emulated line of the quality lab carries real packets as its settings say: a flow of datagrams, a TCP connection.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { Line, total } from '../../lab/quality/line.mjs';
import { enter } from './lib/lab.mjs';
import { hasEnded, kill, start } from './lib/process.mjs';
import { slowness } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

await enter('line');
const { test, after, end } = suite({ limit: 60 * slowness });
const flow = fileURLToPath(new URL('./lib/flow.mjs', import.meta.url));
const viewer = '198.51.100.2';
let port = 9000;

let running;
after(() => running?.kill());

/** Starts the line, and first ends one that a failed test left. */
async function startLine(settings) {
  if (running && !hasEnded(running.child)) await running.kill();
  running = await Line.start(settings);
  return running;
}

async function receiver(kind) {
  port += 1;
  const child = start([process.execPath, flow, `${kind}-receive`, String(port)], {
    host: 'viewer',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  after(() => kill(child));
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return async () => {
    child.stdin.end();
    return JSON.parse((await once(lines, 'line'))[0]);
  };
}

/** Sends datagrams of `size` bytes to the viewer; returns the receiver's result and the line's counters. */
async function datagrams(settings, { count, size, gap }) {
  const line = await startLine(settings);
  const stop = await receiver('udp');
  line.begin();
  const args = ['udp-send', viewer, port, count, size, gap].map(String);
  const [code] = await once(start([process.execPath, flow, ...args], { stdio: 'inherit' }), 'exit');
  equal(code, 0, 'the sender');
  const passed = () => {
    const { came, left, lost, full } = total(line.seconds, 'down');
    return came >= count && came === left + lost + full;
  };
  await until(() => `the line counted ${JSON.stringify(total(line.seconds, 'down'))}`, passed, 10 * slowness);
  const received = await stop();
  const counted = total(await line.end(), 'down');
  diagnostic(
    `${settings.down ?? 'nothing set'}: ${counted.came} came, ${counted.left} left, ${counted.lost} lost, ${counted.full} dropped; mean wait ${counted.queue_mean_ms.toFixed(1)} ms, at most ${counted.late_max_ms.toFixed(1)} ms late`,
  );
  return { received, counted };
}

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

await test('without settings everything passes, in order', async () => {
  const { received, counted } = await datagrams({}, { count: 500, size: 1000, gap: 2 });
  equal([received.packets, received.late], [500, 0], 'packets, and those that came late');
  equal([counted.lost, counted.full, counted.unwritten], [0, 0, 0], 'lost, dropped, not written');
});

await test('a delay of 50 ms', async () => {
  const { received } = await datagrams({ down: 'delay=50ms' }, { count: 200, size: 200, gap: 5 });
  diagnostic(`${Math.min(...received.ms).toFixed(1)} ms at least, ${middle(received.ms).toFixed(1)} ms in the middle`);
  assert(Math.min(...received.ms) >= 50, `${Math.min(...received.ms)} ms`);
  assert(middle(received.ms) < 60 * slowness, `${middle(received.ms)} ms`);
});

await test('twice as much as the rate: half of it passes, behind a full queue', async () => {
  // 1000 packets/s, each of 250 bytes with its headers: 2 Mbit/s
  const { received, counted } = await datagrams({ down: 'rate=1M queue=100ms' }, { count: 3000, size: 222, gap: 1 });
  // if the machine delays the line's program, packets reach it in bursts, of which it drops more
  assert(counted.full > 1000 && counted.full < 2250, `${counted.full} of 3000 dropped`);
  equal(received.packets, counted.left, 'packets received, by the line left');
  assert(counted.queue_max_ms > 95 && counted.queue_max_ms <= 100.1, `waits of at most ${counted.queue_max_ms} ms`);
  assert(Math.max(...received.ms) > 95, `at most ${Math.max(...received.ms)} ms on the way`);
});

await test('10 % random loss', async () => {
  const { received, counted } = await datagrams({ down: 'loss=10%', seed: 7 }, { count: 3000, size: 200, gap: 1 });
  assert(counted.lost > 220 && counted.lost < 380, `${counted.lost} of 3000 lost`);
  equal([received.packets, received.late], [3000 - counted.lost, 0], 'packets, and those that came late');
});

await test('jitter of 50 ms keeps the order, unless it may not', async () => {
  const kept = await datagrams({ down: 'jitter=50ms' }, { count: 500, size: 200, gap: 4 });
  equal([kept.received.packets, kept.received.late], [500, 0], 'packets, and those that came late');
  const free = await datagrams({ down: 'jitter=50ms reorder' }, { count: 500, size: 200, gap: 4 });
  equal(free.received.packets, 500, 'packets');
  assert(free.received.late > 100, `${free.received.late} of 500 came late`);
});

await test('a TCP connection fills a line of 2 Mbit/s and meets its fall to 500 kbit/s', async () => {
  const line = await startLine({ down: 'rate=2M queue=100ms delay=10ms @4 rate=500k', up: 'delay=10ms' });
  const stop = await receiver('tcp');
  line.begin();
  const sender = start([process.execPath, flow, 'tcp-send', viewer, String(port)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  after(() => hasEnded(sender) || kill(sender));
  await until('ten seconds have not passed', () => line.seconds.some(({ at_ms }) => at_ms >= 9900), 20 * slowness);
  await kill(sender);
  const { bytes } = await stop();
  const seconds = await line.end();
  const [fast, slow] = [total(seconds, 'down', 1100, 4100), total(seconds, 'down', 6100, 10100)];
  diagnostic(
    `${fast.left_kbps.toFixed(0)} kbit/s of 2000, then ${slow.left_kbps.toFixed(0)} of 500; ${fast.full + slow.full} packets dropped; ${bytes} bytes came`,
  );
  assert(fast.left_kbps > 1700 && fast.left_kbps < 2200, `${fast.left_kbps} kbit/s of 2000`);
  // the kernel's congestion control decides how it reacts to the fall; the line passes no more than the rate
  assert(slow.left_kbps > 250 && slow.left_kbps < 550, `${slow.left_kbps} kbit/s of 500`);
});

await end();
