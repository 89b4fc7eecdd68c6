#!/usr/bin/env node
// One address opens ten times as many connections as an address may, while others join: it gets its limit, they get in. By
// every protocol of the one port: HTTP, TLS, HTTP/2, ICE-TCP, TURN in the clear and inside TLS.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { enter } from './lib/lab.mjs';
import { joins } from './lib/load.mjs';
import { kill, start } from './lib/process.mjs';
import { descriptors, metric, metrics } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const lab = await enter('plain'); // for clients on another host: the server's own machine has no limits
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const sessions = 50;
const server = await startServer(lab, {
  args: [
    '--address-join-rate',
    '20',
    '--address-connection-rate',
    '100',
    '--address-connections',
    '100',
    '--address-sessions',
    String(sessions),
  ],
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
  diagnostic(
    `greedy: ${greedy.ok} at the same time, ${greedy.failed} refused; honest: ${honest.ok} joined, ${honest.failed} refused`,
  );
  equal(honest, { ok: 2 * sessions, failed: 0 }, 'honest joins');
  assert(greedy.ok > 0 && greedy.ok <= sessions, `${greedy.ok} of the greedy address are in at once`);
  assert(greedy.failed > 1000, `only ${greedy.failed} were refused`);
});

await test('nothing of it is left', async () => {
  const left = () => metrics(server, ['sessions', 'rooms']);
  const gone = async () => (await left()).join() === '0,0' && descriptors(server) <= quiet + 10;
  await until(
    async () => `sessions and rooms ${await left()}, ${descriptors(server)} descriptors of ${quiet}`,
    gone,
    20 * slowness,
  );
  assert(await server.healthy(), 'healthz');
});

// --- one more than each limit, by every way ---

const burst = 5; // seconds' worth at once
const program = fileURLToPath(new URL('./lib/crowd-of-one.mjs', import.meta.url));
async function openCrowd(of, kind, count, every) {
  const child = start([process.execPath, program, kind, of.address, String(of.port), String(count), String(every)], {
    host,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  after(() => kill(child));
  let result;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => (result = JSON.parse(line)));
  await once(lines, 'line');
  return {
    /** How many were opened, and how many of them stand by now. */
    latest: () => result,
    async leave() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}

/**
 * Opens a crowd of each kind at the same time. No answer tells that a connection of ICE-TCP stands, so with that kind this
 * waits until the front has decided on all connections and the crowds have seen the end of those that it refused.
 */
async function crowds(of, kinds, count, every) {
  const decisions = ['ice', 'tls', 'turn', 'limited'].map((name) => `front_${name}_total`);
  const before = await metrics(of, decisions);
  const all = await Promise.all(kinds.map((kind) => openCrowd(of, kind, count, every)));
  const counted = all.filter((_, index) => kinds[index] !== 'http'); // the web server counts those itself
  const tried = counted.length * count;
  const state = async () => {
    const since = (await metrics(of, decisions)).map((value, index) => value - before[index]);
    const stand = counted.reduce((sum, { latest }) => sum + latest().stand, 0);
    return { decided: since.reduce((sum, value) => sum + value), refused: since.at(-1), ended: tried - stand };
  };
  if (kinds.includes('ice')) {
    await until(
      async () => `${tried} connections: ${JSON.stringify(await state())}`,
      async () => {
        const { decided, refused, ended } = await state();
        return decided >= tried && ended >= refused;
      },
      10 * slowness,
    );
  }
  return all.map(({ latest, leave }) => ({ ...latest(), leave }));
}
const crowd = async (of, kind, count, every) => (await crowds(of, [kind], count, every))[0];

const another = async (port, args) => {
  const other = await startServer(lab, { port, args });
  after(() => other.stop());
  return other;
};

await test('four connections are four, by HTTP, TLS, HTTP/2, ICE-TCP and TURN alone and together', async () => {
  const limited = await another(8001, ['--address-connections', '4']);
  for (const kind of ['http', 'tls', 'h2', 'turns', 'turn', 'ice']) {
    const { tried, stand, leave } = await crowd(limited, kind, 12, 20);
    diagnostic(`${kind}: ${stand} of ${tried}`);
    equal(stand, 4, `${kind}: connections that stand`);
    await leave();
    await until(
      `${kind}: closed connections still count`,
      async () => (await crowdOfOne(limited, kind)) === 1,
      10 * slowness,
    );
  }
  const first = await crowd(limited, 'h2', 3, 20);
  const rest = await crowds(limited, ['http', 'tls', 'turn', 'ice'], 4, 20);
  equal(
    [first.stand, rest.reduce((sum, { stand }) => sum + stand, 0)],
    [3, 1],
    'three of HTTP/2, and one of all others',
  );
  assert(await limited.healthy(), 'another address is served');
  await Promise.all([first, ...rest].map(({ leave }) => leave()));
  assert((await metric(limited, 'front_limited_total')) > 40, 'they are counted');
});

await test('one handshake of TLS a second is one, whatever it is for', async () => {
  const limited = await another(8002, ['--address-connection-rate', '1']);
  const begun = performance.now();
  const counts = await crowds(limited, ['tls', 'h2', 'turns'], 200, 20);
  const seconds = (performance.now() - begun) / 1000;
  const stand = counts.reduce((sum, count) => sum + count.stand, 0);
  diagnostic(`${stand} handshakes of 600 in ${seconds.toFixed(1)} s`);
  assert(stand > 0 && stand <= burst + seconds, `${stand} handshakes in ${seconds} s`);
  assert(await limited.healthy(), 'another address is served');
});

async function crowdOfOne(of, kind) {
  const { stand, leave } = await crowd(of, kind, 1, 0);
  await leave();
  return stand;
}

await end();
