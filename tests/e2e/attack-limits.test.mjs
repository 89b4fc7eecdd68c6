#!/usr/bin/env node
// One address that asks for ten times what an address may have, for as long as others join: it gets its share, they get in.

import { enter } from './lab.mjs';
import { joins } from './load.mjs';
import { descriptors, metrics } from './server-figures.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, suite, until } from './tap.mjs';

const lab = await enter('plain'); // addresses that are not this machine's own, which has no limits
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const sessions = 50;
const server = await startServer(lab, {
  args: ['--address-join-rate', '20', '--address-connection-rate', '100', '--address-connections', '100', '--address-sessions', String(sessions)],
});
after(() => server.stop());
explain(() => server.tail());
const { host } = lab.clients[0];
const quiet = descriptors(server);

await test('an address that connects and joins 1,000 times a second gets what one address may have, and who comes from another is let in', async () => {
  let over = false;
  const greedy = { ok: 0, failed: 0 };
  const flood = (async () => {
    while (!over) {
      const { ok, failed } = await joins(server, 1000, { host, rate: 1000, room: 'greedy' });
      greedy.ok = Math.max(greedy.ok, ok);
      greedy.failed += failed;
    }
  })();
  const honest = { ok: 0, failed: 0 };
  for (let round = 0; round < 2; round += 1) {
    const { ok, failed } = await joins(server, sessions);
    honest.ok += ok;
    honest.failed += failed;
  }
  over = true;
  await flood;
  diagnostic(`greedy: ${greedy.ok} at the same time, ${greedy.failed} refused; honest: ${honest.ok} joined, ${honest.failed} refused`);
  equal(honest, { ok: 2 * sessions, failed: 0 }, 'honest joins');
  assert(greedy.ok > 0 && greedy.ok <= sessions, `${greedy.ok} of the greedy address are in at once`);
  assert(greedy.failed > 1000, `only ${greedy.failed} were refused`);
});

await test('nothing of it is left', async () => {
  const left = () => metrics(server, ['sessions', 'rooms']);
  const gone = async () => (await left()).join() === '0,0' && descriptors(server) <= quiet + 10;
  await until(async () => `sessions and rooms ${await left()}, ${descriptors(server)} descriptors of ${quiet}`, gone, 20 * slowness);
  assert(await server.healthy(), 'healthz');
});

await end();
