// Runs the load generator to its end.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kill, start } from './process.mjs';
import { binary, slowness } from './server.mjs';

export const loadTool = join(dirname(binary), 'monoport-load');
export const hasLoadTool = existsSync(loadTool);

/** Returns its exit code or signal, and its output. `interruptAt`: sends SIGINT once its standard error matches. */
export async function load(args, { host, interruptAt } = {}) {
  const child = start([loadTool, ...args], { host, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].on('data', (data) => {
      output[name] += data;
      if (!interruptAt?.test(output.stderr)) return;
      interruptAt = undefined; // a second signal ends it at once
      child.kill('SIGINT');
    });
  }
  const overdue = setTimeout(() => kill(child), 60_000 * slowness);
  const [code, signal] = await once(child, 'close');
  clearTimeout(overdue);
  return { code: signal ?? code, ...output };
}

/** A publisher and viewers that join `rate` times a second: how many joins succeeded and failed, and how long they took. */
export async function joins(server, count, { rate = 50, room = 'load', ...options } = {}) {
  const { code, stdout, stderr } = await load(
    [
      server.signaling,
      '--json',
      '-',
      '--room',
      room,
      '--viewers',
      String(count - 1),
      '--join-rate',
      String(rate),
      '--seconds',
      '1',
      '--no-video',
      '--audio',
    ],
    options,
  );
  if (code !== 0 && code !== 1) throw new Error(`monoport-load: ${code}\n${stderr}`);
  return JSON.parse(stdout).joins;
}
