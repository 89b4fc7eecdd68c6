// Figures of the running server, from its metrics and from the kernel: memory, descriptors, drops.

import { readdirSync, readFileSync } from 'node:fs';

const status = (server, name) =>
  Number(readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);

export const residentKib = (server) => status(server, 'VmRSS');
export const descriptors = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length;

/** The sum over its labels for each metric, at one moment. */
export async function metrics(server, names) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  const sum = (name) =>
    [...text.matchAll(new RegExp(`^monoport_${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    );
  return names.map(sum);
}

export const metric = async (server, name) => (await metrics(server, [name]))[0];

/** Drops by reason. */
export async function dropped(server) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  const drops = {};
  for (const [, reason, value] of text.matchAll(/^monoport_drop\w*\{.*reason="(\w+)".*\} (\d+)$/gm))
    drops[reason] = (drops[reason] ?? 0) + Number(value);
  return drops;
}

/** CPU time of the server so far, user and system. */
export function cpuSeconds(server) {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
