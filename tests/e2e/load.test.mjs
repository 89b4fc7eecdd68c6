#!/usr/bin/env node
// The load generator against the server: all clients join, every packet arrives, and its report is correct.

import { enter } from './lib/lab.mjs';
import { hasLoadTool, load as loadAt, loadTool } from './lib/load.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, skipAll, suite, until } from './lib/tap.mjs';

if (!hasLoadTool) skipAll(`${loadTool} is not built`);

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

const load = (args, options) => loadAt(args, { host: lab.clients[0].host, ...options });

async function measured(...args) {
  const run = await load([server.signaling, '--json', '-', ...args]);
  equal(run.code, 0, `exit code\n${run.stderr}\n`);
  const result = JSON.parse(run.stdout);
  equal(
    [result.joins.failed, result.packets.lost, result.packets.duplicates, result.verified.bad],
    [0, 0, 0, 0],
    'failed, lost, twice, bad',
  );
  diagnostic(
    `${result.packets.received} packets, ${result.verified.packets} of them verified, the largest of ${result.packets.largest} bytes`,
  );
  // Its clients send 1200 bytes at the most; a viewer's extensions may need four more. 1232 fit into IPv6's least MTU.
  assert(result.packets.largest <= 1232, `a datagram of ${result.packets.largest} bytes`);
  return result;
}

const metric = async (name) => {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^monoport_${name}\\{.*\\} (\\d+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
};

await test('2 publishers, 20 viewers: all join, no packet is lost', async () => {
  const { joins, packets, verified } = await measured(
    '--publishers',
    '2',
    '--viewers',
    '20',
    '--audio',
    '--seconds',
    '5',
  );
  equal(joins.ok, 22, 'joins');
  equal(packets.received, packets.expected, 'received');
  assert(
    packets.received >= packets.sent * 20 - 20 * 4,
    `${packets.received} received of ${packets.sent} sent to 20 viewers`,
  );
  assert(verified.packets >= 80, `${verified.packets} packets verified`);
  const forwarded = await metric('rtp_out_total');
  assert(forwarded >= packets.received, `${packets.received} received, the server forwarded ${forwarded}`);
});

await test('a meeting: each receives all the others', async () => {
  const { joins, packets } = await measured('--publishers', '4', '--meeting', '--seconds', '2', '--even');
  equal(joins.ok, 4, 'joins');
  assert(packets.received > 0 && packets.received === packets.expected, 'received');
});

await test('--feedback: each viewer tells its arrivals ten times a second; --pace: no packet is lost for it', async () => {
  const viewers = 10;
  const { feedback, seconds } = await measured(
    '--viewers',
    String(viewers),
    '--feedback',
    '100ms',
    '--pace',
    '13ms',
    '--seconds',
    '3',
  );
  const expected = viewers * seconds * 10;
  diagnostic(`${feedback.sent} feedback packets, ${expected.toFixed(0)} expected`);
  assert(Math.abs(feedback.sent - expected) <= expected / 10, `${feedback.sent} feedback packets`);
  equal(feedback.keyframe_requests, 0, 'key frame requests');
});

await test('--layers: a section of three layers; each viewer receives one of them', async () => {
  const { layers, packets, feedback, views } = await measured(
    '--viewers',
    '6',
    '--layers',
    '3',
    '--step',
    '--audio',
    '--seconds',
    '4',
  );
  diagnostic(
    `${JSON.stringify(layers.streams)} streams of each layer, ${feedback.keyframe_requests} key frame requests`,
  );
  assert(views >= 6 * 2, `${views} views told in two steps of six viewers`);
  equal(layers.streams.q + layers.streams.h + layers.streams.f, 6, 'pictures');
  assert(packets.received < packets.sent * 6, `${packets.received} received of ${packets.sent} sent in all layers`);
});

await test('--meeting --talk --stage: who speaks is told, and shown large', async () => {
  const { joins, verified, views } = await measured(
    ...['--publishers', '3', '--meeting', '--audio', '--talk', '--layers', '3', '--stage', '--seconds', '9'],
  );
  diagnostic(`${views} views told, ${verified.packets} packets verified`);
  equal(joins.ok, 3, 'joins');
  assert(views >= 3 * 2 + 2, `${views} views told: one for each picture that came, more for those who spoke`);
});

await test('40 publishers: more streams than a transport has places for', async () => {
  const { packets, verified } = await measured(
    ...['--publishers', '40', '--viewers', '1', '--no-video', '--audio', '--seconds', '4'],
  );
  assert(packets.received > packets.sent * 0.9, `${packets.received} received of ${packets.sent} sent`);
  assert(verified.packets >= 40, `${verified.packets} packets verified of 40 streams`);
});

await test('--line: a viewer behind a narrow line gets what it bears, the others get all', async () => {
  const { code, stdout, stderr } = await load(
    [server.signaling, '--json', '-', '--viewers', '3', '--line', '500000', '--line-viewers', '1'].concat([
      '--feedback',
      '100ms',
      '--seconds',
      '4',
    ]),
  );
  equal(code, 0, `exit code\n${stderr}\n`);
  const { line, packets } = JSON.parse(stdout);
  diagnostic(
    `${(line.bps_each / 1000).toFixed(0)} kbit/s, ${line.lost} lost, at most ${line.p99_ms.toFixed(0)} ms late`,
  );
  equal(line.count, 1, 'lines');
  assert(line.bps_each < 505000, `${line.bps_each} bit/s through it`);
  assert(line.p99_ms < 250, `${line.p99_ms} ms late`);
  assert(packets.lost <= line.lost + 10, `${packets.lost} packets lost, ${line.lost} of them on the line`);
});

await test('--churn: as many stays as wanted, and some of them get into the call', async () => {
  const { code, stdout, stderr } = await load([
    server.signaling,
    '--viewers',
    '10',
    '--churn',
    '200',
    '--join-rate',
    '1000',
    '--json',
    '-',
  ]);
  equal(code, 0, `exit code\n${stderr}\n`);
  const { churn } = JSON.parse(stdout);
  diagnostic(`${churn.connected} of ${churn.stays} stays got into the call`);
  equal(churn.stays, 200, 'stays');
  assert(churn.connected > 50 && churn.connected < 200, `${churn.connected} got into the call`);
});

await test('clients that take AES-CM only, two threads', async () => {
  const { joins } = await measured(
    '--viewers',
    '5',
    '--cm',
    '--threads',
    '2',
    '--no-video',
    '--audio',
    '--seconds',
    '2',
  );
  equal(joins.ok, 6, 'joins');
});

await test('interrupted, it reports and leaves', async () => {
  const { code, stdout } = await load([server.signaling, '--viewers', '3', '--seconds', '60'], {
    interruptAt: /measuring[^]* in [1-9]/,
  });
  equal(code, 0, 'exit code');
  assert(/\(interrupted\)/.test(stdout), stdout);
});

await test('nobody is left in the server', async () => {
  await until(
    async () => `${await metric('sessions')} sessions`,
    async () => (await metric('sessions')) === 0,
    5 * slowness,
  );
});

await test('no server there: exit code 1; a wrong command line: 2', async () => {
  equal((await load([`ws://${server.address}:9/sdp`, '--viewers', '1'])).code, 1, 'no server');
  for (const args of [
    [],
    ['--viewers', '1'],
    ['http://localhost/'],
    [server.signaling, '--churn', '5', '--rejoin'],
    [server.signaling, '--bogus'],
    [server.signaling, '--seconds', '0'],
    [server.signaling, '--pace', '13'],
    [server.signaling, '--pace', '40ms'],
    [server.signaling, '--feedback', '1ms'],
    [server.signaling, '--layers', '4'],
    [server.signaling, '--viewers', '1', '--step'],
    [server.signaling, '--layers', '3', '--step', '--stage'],
    [server.signaling, '--line', '500000', '--tcp'],
    [server.signaling, '--line-viewers', '2'],
  ]) {
    const { code, stderr } = await load(args);
    equal([code, stderr.split('\n').length], [2, 2], `exit code and lines for ${args.join(' ')}`);
  }
});

await end();
