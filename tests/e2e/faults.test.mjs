#!/usr/bin/env node
// Faults in the server's environment: clocks, sends, descriptors, its log, its publishers, the network.
// A publisher and a viewer are in a call meanwhile.

import { mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { constants } from 'node:os';
import { AttackedCall } from './lib/attack-call.mjs';
import { freeze, placed } from './lib/freeze.mjs';
import { freePort, run } from './lib/lab.mjs';
import { start } from './lib/process.mjs';
import { hasTool, Puppet, tool, VP8 } from './lib/puppet.mjs';
import { cpuSeconds, descriptors, metric } from './lib/server-figures.mjs';
import { binary, slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, skipAll, suite, until } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 120 * slowness });

// The numbers of tests/fault/shim.c.
const folder = mkdtempSync(join(tmpdir(), 'faults-'));
after(() => rmSync(folder, { recursive: true }));
const file = openSync(join(folder, 'faults'), 'w+');
writeSync(file, Buffer.alloc(16), 0, 16, 0);
function set(index, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  writeSync(file, bytes, 0, 4, index * 4);
}
function failedSends() {
  const bytes = Buffer.alloc(4);
  readSync(file, bytes, 0, 4, 12);
  return bytes.readInt32LE();
}

const server = await startServer(
  { address: '127.0.0.1', port: freePort },
  {
    args: ['--keep-privileges', '--workers', '2'], // so that the test can change its limits from outside
    env: {
      LD_PRELOAD: join(dirname(binary), 'tests/fault/shim.so'),
      FAULTS: join(folder, 'faults'),
      ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:verify_asan_link_order=0',
    },
  },
);
after(() => server.stop());
explain(() => server.tail());

const becomes = (status) =>
  until(
    `/healthz is not ${status}`,
    async () => (await fetch(`${server.origin}/healthz`)).status === status,
    10 * slowness,
  );

const call = await AttackedCall.begin(server, { after, room: 'faults' });
const { signaling } = call.viewer;
const wasTold = (puppet) =>
  signaling.received.some(({ type, id }) => type === 'participant-left' && id === puppet.signaling.peerId);

// The outages run beside the following tests: a client that is back in time goes on; the server ends the others.
const outages = await Promise.all(
  [5, 20, 40].map(async (seconds) => {
    const puppet = await call.joins({ name: `away-${seconds}` });
    puppet.tell('outage 1');
    return {
      seconds,
      puppet,
      over: new Promise((pass) => setTimeout(pass, seconds * 1000)).then(() => puppet.tell('outage 0')),
    };
  }),
);

for (const [what, seconds] of [
  ['an hour ahead', 3600],
  ['an hour back', -3600],
  ['right again', 0],
]) {
  await test(`the wall clock is set ${what}: the call goes on, and new ones come in`, async () => {
    const guest = await Puppet.join(server, { room: call.room, name: 'guest' });
    after(() => guest.leave());
    guest.connect();
    set(0, seconds); // the clock jumps in the middle of the handshake
    await guest.is('connected');
    await call.undisturbed({ count: 300 });
    assert(!wasTold(guest), 'it was let go');
  });
}

for (const name of ['ENOBUFS', 'EAGAIN', 'EPERM', 'ECONNREFUSED', 'EIO', 'EMSGSIZE']) {
  await test(`one send of three fails with ${name}: that is lost and counted, the rest arrives`, async () => {
    const [failed, counted] = [failedSends(), await metric(server, 'drops_total')];
    set(1, constants.errno[name]);
    set(2, 3);
    await call.sends(300, 10);
    await call.viewer.heard(10, 100);
    set(2, 0);
    assert(failedSends() > failed, 'no send failed');
    assert((await metric(server, 'drops_total')) > counted, 'nothing was counted');
    await call.undisturbed();
  });
}

await test("one worker stands still: the log and /healthz say so, the other's viewers lose nothing, its own are back when it goes on", async () => {
  const join = (options) => () => call.joins(options);
  const [ssrc, viewers] = [0x77, []];
  const { who: publisher, worker } = await placed(server, join({ room: 'frozen', name: 'source', ssrc }));
  while (!viewers[0] || !viewers[1]) {
    const guest = await placed(server, join({ room: 'frozen', name: 'guest' }));
    viewers[guest.worker] ??= guest.who;
  }
  const frozen = Object.assign(Object.create(AttackedCall.prototype), {
    server,
    publisher,
    ssrc,
    seq: 0,
    tag: 100,
    viewer: viewers[worker],
  });
  for (const viewer of viewers) await frozen.reaches(viewer, 99);

  const name = `worker ${1 - worker}`;
  const goOn = await freeze(server, name);
  await frozen.undisturbed({ count: 1500 });
  await server.says(`event="thread stalled" thread="${name}"`);
  await becomes(503);
  await goOn();
  await server.says(`event="thread running again" thread="${name}"`);
  await becomes(200);
  assert((await metric(server, 'thread_stalls_total')) >= 1, 'it was not counted');
  await frozen.reaches(viewers[1 - worker], 98);
  await frozen.undisturbed();
});

for (const name of ['front', 'monoport']) {
  await test(`the ${name === 'front' ? 'front' : 'control thread'} stands still: the call goes on, and whoever knocked meanwhile is answered`, async () => {
    const goOn = await freeze(server, name);
    const health = fetch(`${server.origin}/healthz`);
    await call.undisturbed({ count: 500 });
    await server.says(`event="thread stalled" thread="${name === 'front' ? 'front' : 'control'}"`);
    await goOn();
    await health;
    await becomes(200);
  });
}

await test('no descriptor is left: calls go on, the processor rests, and joins work once there are some again', async () => {
  const { pid } = server.child;
  run('', 'prlimit', `--pid=${pid}`, `--nofile=${descriptors(server) + 5}:`);
  const sockets = Array.from({ length: 60 }, () => connect(server.port, server.address).on('error', () => {}));
  const before = cpuSeconds(server);
  const begin = performance.now();
  await call.undisturbed({ count: 500 });
  const share = (cpuSeconds(server) - before) / ((performance.now() - begin) / 1000);
  diagnostic(`${(share * 100).toFixed(0)} % of a core meanwhile`);
  assert(share < 0.5 * slowness, `${(share * 100).toFixed(0)} % of a core`);
  sockets.forEach((socket) => socket.destroy());
  run('', 'prlimit', `--pid=${pid}`, '--nofile=4096:');
  await call.joins({ name: 'later' });
  await call.undisturbed();
});

await test('a publisher whose sequence numbers jump, or whose SSRC changes, is heard on', async () => {
  call.seq += 30_000;
  await call.undisturbed();
  call.seq = 5;
  call.ssrc += 1;
  await call.undisturbed();
});

await test('a publisher never sends a key frame: it is asked once a second, its viewer gets nothing and is told why; when there is one, pictures', async () => {
  const room = 'no key frame';
  const video = { ssrc: 0x55, type: VP8.type, every: 20 };
  const publisher = await call.joins({ room, codec: VP8, ssrc: video.ssrc });
  const viewer = await call.joins({ room, codec: VP8 });
  const begin = performance.now();
  await Promise.all([
    publisher.send({ ...video, count: 350, tag: 1 }),
    call.undisturbed({ count: 3000 }),
    ...[publisher, viewer].map(async ({ signaling }) => {
      const { participant, source } = await signaling.next('track-stalled', 10 * slowness);
      equal([participant, source], [publisher.signaling.peerId, 'camera'], 'whose it is');
    }),
  ]);
  const seconds = (performance.now() - begin) / 1000;
  const { pli } = await publisher.count();
  diagnostic(`${pli} requests in ${seconds.toFixed(1)} s`);
  assert(pli >= 5 && pli <= seconds + 2, `${pli} requests`);
  equal((await viewer.count()).streams, [], 'what the viewer got');
  await server.says('event="no key frame"');
  equal(await metric(server, 'tracks_stalled_total'), 1, 'tracks_stalled_total');
  await publisher.send({ ...video, seq: 350, count: 50, tag: 16 });
  await viewer.heard(16, 50);
});

await test('whoever reads the log stands still: the call goes on, new ones come in, and what was lost of it is told', async () => {
  server.child.stderr.pause();
  const load = start(
    [
      join(dirname(binary), 'monoport-load'),
      server.signaling,
      '--room',
      'talkative',
      '--publishers',
      '0',
      '--viewers',
      '20',
      '--churn',
      '1000',
    ],
    { stdio: 'ignore' },
  );
  const [[code]] = await Promise.all([once(load, 'close'), call.undisturbed({ count: 500 })]);
  equal(code, 0, 'exit code of monoport-load');
  server.child.stderr.resume();
  await Puppet.join(server, { room: 'talkative', name: 'late' }).then((guest) => guest.leave());
  await server.says('event="log lines lost"');
  await call.undisturbed();
});

await test('nobody reads the log any more: the call goes on, and new ones come in', async () => {
  server.child.stdout.destroy();
  server.child.stderr.destroy();
  for (let n = 0; n < 20; n += 1) await (await Puppet.join(server, { room: 'talkative', name: `guest-${n}` })).leave();
  await call.joins({ name: 'unlogged' });
  await call.undisturbed();
});

for (const { seconds, puppet, over } of outages) {
  const ends = seconds > 30;
  await test(`the network is away for ${seconds} s: ${ends ? 'the session is ended' : 'the same session goes on'}`, async () => {
    await over;
    if (ends) {
      assert(await signaling.waitFor(() => wasTold(puppet), 20), 'it was not let go');
    } else {
      assert(!wasTold(puppet), 'it was let go');
      await call.reaches(puppet, 10 + seconds); // the first packets may arrive before the check of its path
      await call.sends(50, 60 + seconds);
      await puppet.heard(60 + seconds, 50);
    }
  });
}

await end();
