#!/usr/bin/env node
// The rights of the running server: every thread has dropped its privileges, and a call still works.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AttackedCall } from './lib/attack-call.mjs';
import { freePort } from './lib/lab.mjs';
import { hasEnded, kill, start } from './lib/process.mjs';
import { hasTool, tool } from './lib/puppet.mjs';
import { runServer, slowness, startServer } from './lib/server.mjs';
import { assert, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 30 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort }, { env: { MONOPORT_REFUSED_CALLS: 'fail' } });
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

await test('system calls are filtered in every thread', () =>
  equal([...values('Seccomp')], [slowness > 1 ? '0' : '2'], 'Seccomp'));

await test('it is not root any more', () => {
  const [uids] = values('Uid');
  const mapped = readFileSync(`${process_}/uid_map`, 'utf8').trim().split(/\s+/);
  // A user namespace with one user has no other user to change to.
  assert(process.getuid() !== 0 || Number(mapped[2]) === 1 || !uids.split('\t').includes('0'), uids);
});

if (slowness === 1)
  await test('a crash would leave no dump of its memory, and nobody of its user may look into it', () => {
    const limits = readFileSync(`${process_}/limits`, 'utf8');
    equal(limits.match(/^Max core file size\s+(\d+)\s+(\d+)/m)?.slice(1), ['0', '0'], 'the most that a dump may have');
    // In /proc, the files of a process that may not be dumped belong to root instead of its user.
    equal(statSync(`${process_}/mem`).uid, 0, 'owner of its memory');
  });

// A file and a process of the server's own user: file permissions alone would allow access.
const folder = mkdtempSync(join(tmpdir(), 'monoport-takeover-'));
after(() => rmSync(folder, { recursive: true }));
chmodSync(folder, 0o777);
const file = join(folder, 'file');

async function takeOver(victim) {
  writeFileSync(file, 'untouched');
  chmodSync(file, 0o666);
  const thread = readdirSync(`${process_}/task`).find(
    (task) => readFileSync(`${process_}/task/${task}/comm`, 'utf8') === 'front\n',
  );
  const child = start([join(dirname(tool), 'takeover'), String(server.child.pid), thread, String(victim.pid), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (data) => (said.out += data));
  child.stderr.on('data', (data) => (said.err += data));
  const [code] = await once(child, 'close');
  return {
    code,
    ...said,
    results: said.out
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  };
}

const [EACCES, ENOSYS] = [-13, -38];
if (slowness === 1 && process.arch === 'x64')
  await test('a server that was taken over sends by its sockets, and does nothing else', async () => {
    const {
      Uid: [, uid],
      Gid: [, gid],
    } = Object.fromEntries(
      threads[0]
        .split('\n')
        .filter((line) => /^[UG]id:/.test(line))
        .map((line) => [line.slice(0, 3), line.split(/\s+/)]),
    );
    const asServer =
      process.getuid() === 0 ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'] : [];
    const victim = start([...asServer, 'sleep', '60'], { stdio: 'ignore' });
    after(() => kill(victim));
    const { code, out, err, results } = await takeOver(victim);
    equal(code, 0, `${out}${err}`);
    assert(results.length > 60, `${results.length} attempts`);
    // Landlock decides about opening files, the filter about all other calls: the same on every kernel.
    const expected = { descriptors: 0, itself: 0, 'read-users': EACCES, 'read-file': EACCES };
    const wrong = results.filter(([name, result]) => Number(result) !== (expected[name] ?? ENOSYS));
    equal(wrong, [], 'attempts that were not refused');
    equal(readFileSync(file, 'utf8'), 'untouched', 'the file');
    equal(statSync(file).mode & 0o777, 0o666, 'its rights');
    assert(!hasEnded(victim), 'the other process ended');
    assert(await server.healthy(), 'the server is ill');
  });

// In a mount namespace in which accounts come from a file alone, and the test provides that file.
const accounts = join(folder, 'passwd');
writeFileSync(
  accounts,
  'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nstreams:x:4711:4712::/:/bin/false\n',
);
writeFileSync(join(folder, 'nsswitch.conf'), 'passwd: files\ngroup: files\n');
const mounts = `mount --bind ${accounts} /etc/passwd && mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf`;
const under = ['unshare', '--mount', 'sh', '-c', `${mounts} && exec "$0" "$@"`];
const mapped = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
const isRoot = process.getuid() === 0 && Number(mapped[2]) > 65534;

for (const [args, uid, gid] of isRoot
  ? [
      [['--user', 'streams'], 4711, 4712],
      [['--user', '4711'], 4711, 4712],
      [['--user', '12345'], 12345, 12345],
      [[], 65534, 65534],
    ]
  : [])
  await test(`started by root with ${args.join(' ') || 'no --user'}, it becomes ${uid}`, async () => {
    const other = await startServer({ address: '127.0.0.1', port: freePort }, { args, under });
    after(() => hasEnded(other.child) || other.stop());
    const status = readFileSync(`/proc/${other.child.pid}/status`, 'utf8');
    equal(status.match(/^Uid:\s+(.*)$/m)[1], Array(4).fill(uid).join('\t'), 'its user');
    equal(status.match(/^Gid:\s+(.*)$/m)[1], Array(4).fill(gid).join('\t'), 'its group');
    equal(status.match(/^Groups:[ \t]*(.*)$/m)[1].trim(), '', 'further groups');
    await other.stop();
  });

await test('a user that nobody knows is said', async () => {
  if (process.getuid() !== 0) return;
  const { code, stderr } = await runServer(['--port', String(await freePort()), '--user', 'no-such-user']);
  equal(code, 2, 'exit code');
  assert(stderr.includes('no such user'), stderr);
});

await test('a call works', async () => {
  const call = await AttackedCall.begin(server, { after, room: 'unprivileged' });
  await call.undisturbed();
});

await end();
