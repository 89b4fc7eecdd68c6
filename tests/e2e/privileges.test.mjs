#!/usr/bin/env node
// What the running server may still do: every thread of it has given up its rights, and a call works all the same.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { AttackedCall } from './attack-call.mjs';
import { freePort } from './lab.mjs';
import { hasTool, tool } from './puppet.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, equal, skipAll, suite } from './tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 30 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const process_ = `/proc/${server.child.pid}`;
const threads = readdirSync(`${process_}/task`).map((task) => readFileSync(`${process_}/task/${task}/status`, 'utf8'));
const values = (name) => new Set(threads.map((status) => status.match(new RegExp(`^${name}:\\s+(.*)$`, 'm'))[1]));

await test('no thread has a capability, or can get one', () => {
  assert(threads.length > 2, `${threads.length} threads`);
  equal([...values('CapEff')], ['0000000000000000'], 'CapEff');
  equal([...values('CapPrm')], ['0000000000000000'], 'CapPrm');
  equal([...values('CapBnd')], ['0000000000000000'], 'CapBnd');
  equal([...values('NoNewPrivs')], ['1'], 'NoNewPrivs');
});

await test('its threads have their names nevertheless', () => {
  const names = [...values('Name')];
  for (const name of ['worker 0', 'front', 'watchdog']) assert(names.includes(name), `no ${name} among ${names}`);
});

await test('system calls are filtered in every thread', () => equal([...values('Seccomp')], [slowness > 1 ? '0' : '2'], 'Seccomp'));

await test('it is not root any more', () => {
  const [uids] = values('Uid');
  const mapped = readFileSync(`${process_}/uid_map`, 'utf8').trim().split(/\s+/);
  // In a user namespace of one user there is nobody else to be.
  assert(process.getuid() !== 0 || Number(mapped[2]) === 1 || !uids.split('\t').includes('0'), uids);
});

if (slowness === 1)
  await test('a crash would leave no dump of its memory, and nobody of its user may look into it', () => {
    const limits = readFileSync(`${process_}/limits`, 'utf8');
    equal(limits.match(/^Max core file size\s+(\d+)\s+(\d+)/m)?.slice(1), ['0', '0'], 'the most that a dump may have');
    // Of a process that may not be dumped, /proc gives to root what else is its user's.
    equal(statSync(`${process_}/mem`).uid, 0, 'owner of its memory');
  });

await test('a call works', async () => {
  const call = await AttackedCall.begin(server, { after, room: 'unprivileged' });
  await call.undisturbed();
});

await end();
