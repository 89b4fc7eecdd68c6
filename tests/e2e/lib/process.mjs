// Child processes: starts them on a host of the lab, and ends them by their process group, never by name.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The command line that runs `argv` on `host` of the lab; without a host, right here. */
export const onHost = (host, argv) => (host ? ['nsenter', `--net=/run/netns/${host}`, '--', ...argv] : argv);

const running = new Set();

/** Starts `argv` as the leader of a process group of its own. */
export function start(argv, { host, ...options } = {}) {
  const [file, ...args] = onHost(host, argv);
  const child = spawn(file, args, { detached: true, ...options });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

/** Sends `signal` to the whole group of `child`, including its own children. */
export function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Kills the group of `child` and waits for its end. */
export async function kill(child) {
  const ended = hasEnded(child) || once(child, 'exit');
  signalGroup(child, 'SIGKILL');
  await ended;
}

export const hasEnded = (child) => child.exitCode !== null || child.signalCode !== null;

// However this process ends, its children end with it.
process.on('exit', () => running.forEach((child) => signalGroup(child, 'SIGKILL')));
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.on(signal, () => process.exit(128 + number));
}
