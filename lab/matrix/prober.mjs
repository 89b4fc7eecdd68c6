// Proves that a home behaves as its kind declares, before any measurement: lab/probe.mjs runs inside, lab/responder.mjs
// outside.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { kill, start } from '../../tests/e2e/lib/process.mjs';

const program = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const families = () => ({ 4: process.env.LAB_STUN, 6: process.env.LAB_STUN6 });

/** The STUN service on the host `stun`; runs until `close`. */
export async function startResponder() {
  const child = start([process.execPath, program('responder.mjs'), ...Object.values(families())], {
    host: 'stun',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`lab/responder.mjs ended (${code})`);
    }),
  ]);
  return { close: () => kill(child) };
}

/** Starts a probe; returns its first line and a promise of its second. */
async function probe(home, family, seconds) {
  const child = start(
    [
      process.execPath,
      program('probe.mjs'),
      families()[family],
      home.server,
      '8000',
      String(seconds),
      ...(home.proxy ? [home.proxy] : []),
    ],
    { host: home.client, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`lab/probe.mjs said nothing in ${home.kind}`);
    return JSON.parse(value);
  };
  return { found: await next(), later: seconds ? next() : null };
}

/**
 * Runs the probe in this home: returns `found`, and `wrong`, a list of differences from the kind's declaration (empty:
 * proved). With `remembers`, the promise `whole` adds `found.remembers`, which takes more than half a minute.
 */
export async function prove(home, { remembers = false } = {}) {
  const ipv4 = !home.server.includes(':');
  const [over4, over6] = await Promise.all([
    probe(home, 4, remembers && ipv4 ? 30 : 0),
    probe(home, 6, remembers && !ipv4 ? 30 : 0),
  ]);
  const main = ipv4 ? over4 : over6;
  const isStream = main.found.maps !== 'no answer';
  const found = { ...main.found, ipv6: over6.found.maps !== 'no answer' };
  const wrong = [];
  const expect = (what, is, expected) => is === expected || wrong.push(`${what}: ${is}, expected ${expected}`);
  expect('mapping', found.maps, home.maps);
  expect('TCP', found.tcp, home.tcp);
  expect('filtering', found.filters, home.filters);
  expect('longest datagram', found.mtu, home.mtu ?? (home.maps === 'no answer' ? 0 : 1500));
  expect('IPv6', found.ipv6, !ipv4);
  const whole = main.later?.then(({ shortly, later }) => {
    Object.assign(found, { remembers: later });
    expect('a mapping after 24 s of silence', shortly, isStream ? true : null);
    expect('a mapping after 34 s of silence', later, isStream ? home.forgets_s === null : null);
    return found;
  });
  return { found, wrong, whole: whole ?? Promise.resolve(found) };
}
