// The command protocol of a stack's program: one JSON object a line, and one as the result. README.md of this folder
// lists the commands.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Reports an event that is no result of a command. */
export const tell = (event) => say({ event });

/** Runs the function that each line's `do` names and prints its result, until the input ends. */
export async function serve(actions) {
  process.on('uncaughtException', (error) => say({ error: String(error.stack ?? error) }));
  process.on('unhandledRejection', (error) => say({ error: String(error?.stack ?? error) }));
  say({ event: 'ready' });
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    try {
      say({ done: message.do, ...(await actions[message.do](message)) });
    } catch (error) {
      say({ done: message.do, error: String(error.stack ?? error) });
    }
  }
  process.exit();
}

/** Starts source.py and calls `take(kind, packet)` for each packet. Returns a function that requests a key frame. */
export function source(take) {
  const child = spawn(fileURLToPath(new URL('source.py', import.meta.url)), { stdio: ['pipe', 'pipe', 'inherit'] });
  let rest = Buffer.alloc(0);
  child.stdout.on('data', (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      const packet = Buffer.from(rest.subarray(2, end));
      rest = rest.subarray(end);
      take((packet[1] & 0x7f) === 96 ? 'video' : 'audio', packet);
    }
  });
  return seldom(() => child.stdin.write('\n'));
}

/** Limits `act` to two calls a second. */
export function seldom(act) {
  let last = -Infinity;
  return () => {
    if (performance.now() - last < 500) return;
    last = performance.now();
    act();
  };
}
