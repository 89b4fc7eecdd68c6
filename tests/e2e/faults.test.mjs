#!/usr/bin/env node
// What breaks around a server that does nothing wrong: clocks, sends, descriptors, its log, its publishers, the network
// (THREATS: F4, F14, F15, F17, F20, F22). A publisher and a viewer are in a call meanwhile.

import { mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { constants } from 'node:os';
import { AttackedCall } from './attack-call.mjs';
import { freePort, run } from './lab.mjs';
import { hasTool, Puppet, tool } from './puppet.mjs';
import { cpuSeconds, descriptors, metric } from './server-figures.mjs';
import { binary, slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './tap.mjs';

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

const server = await startServer({ address: '127.0.0.1', port: freePort }, {
  args: ['--keep-privileges'], // or nobody could change its limits from outside
  env: { LD_PRELOAD: join(dirname(binary), 'tests/fault/shim.so'), FAULTS: join(folder, 'faults'), ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:verify_asan_link_order=0' },
});
after(() => server.stop());
explain(() => server.tail());

const call = await AttackedCall.begin(server, { after, room: 'faults' });
const { signaling } = call.viewer;
const wasTold = (puppet) => signaling.received.some(({ type, id }) => type === 'participant-left' && id === puppet.signaling.peerId);

// F4 runs beside all that follows: whoever is back in time goes on, whoever is not is let go.
const outages = await Promise.all([5, 20, 40].map(async (seconds) => {
  const puppet = await call.joins({ name: `away-${seconds}` });
  puppet.tell('outage 1');
  return { seconds, puppet, over: new Promise((pass) => setTimeout(pass, seconds * 1000)).then(() => puppet.tell('outage 0')) };
}));

for (const [what, seconds] of [['an hour ahead', 3600], ['an hour back', -3600], ['right again', 0]]) {
  await test(`F17: the wall clock is set ${what}: the call goes on, and new ones come in`, async () => {
    const guest = await Puppet.join(server, { room: call.room, name: 'guest' });
    after(() => guest.leave());
    guest.connect();
    set(0, seconds); // in the middle of the handshake
    await guest.is('connected');
    await call.undisturbed({ count: 300 });
    assert(!wasTold(guest), 'it was let go');
  });
}

for (const name of ['ENOBUFS', 'EAGAIN', 'EPERM', 'ECONNREFUSED', 'EIO', 'EMSGSIZE']) {
  await test(`F14: every third send fails with ${name}: that is lost and counted, the rest arrives`, async () => {
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

await test('F15: no descriptor is left: calls go on, the processor rests, and joins work once there are some again', async () => {
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

await test('F20: a publisher whose sequence numbers jump, or whose SSRC changes, is heard on', async () => {
  call.seq += 30_000;
  await call.undisturbed();
  call.seq = 5;
  call.ssrc += 1;
  await call.undisturbed();
});

await test('F22: nobody reads the log any more: the call goes on, and new ones come in', async () => {
  server.child.stdout.destroy();
  server.child.stderr.destroy();
  for (let n = 0; n < 20; n += 1) await (await Puppet.join(server, { room: 'talkative', name: `guest-${n}` })).leave();
  await call.joins({ name: 'unlogged' });
  await call.undisturbed();
});

for (const { seconds, puppet, over } of outages) {
  const ends = seconds > 30;
  await test(`F4: the network is away for ${seconds} s: ${ends ? 'the session is ended' : 'the same session goes on'}`, async () => {
    await over;
    if (ends) {
      assert(await signaling.waitFor(() => wasTold(puppet), 20), 'it was not let go');
    } else {
      assert(!wasTold(puppet), 'it was let go');
      await call.sends(50, 90 + seconds);
      await puppet.heard(90 + seconds, 50);
    }
  });
}

await end();
