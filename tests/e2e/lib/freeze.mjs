// Stops single threads of the running server, and tells which worker owns a session.

import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { hasEnded, start } from './process.mjs';
import { binary } from './server.mjs';

/** Stops the thread of this name; returns a function that lets it go on. */
export async function freeze(server, name) {
  const child = start([join(dirname(binary), 'tests/fault/freeze'), String(server.child.pid), name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit')]);
  if (line !== 'frozen') throw new Error(`${name} is not frozen`);
  return async () => {
    if (hasEnded(child)) throw new Error(`${name} went on by itself`);
    child.stdin.end();
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${name} did not go on (${code})`);
  };
}

async function sessions(server) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return [...text.matchAll(/^monoport_sessions\{worker="\d+"\} (\d+)$/gm)].map(([, count]) => Number(count));
}

/** Returns the result of `join`, and the worker that owns the new session; no other client may join meanwhile. */
export async function placed(server, join) {
  const before = await sessions(server);
  const who = await join();
  const after = await sessions(server);
  return { who, worker: after.findIndex((count, worker) => count > before[worker]) };
}
