#!/usr/bin/env node
// Other WebRTC stacks (lab/interop) publish to a browser and watch one; `make interop` runs all cells.

import { hears } from '../../lab/interop/cells.mjs';
import { Stack, stacks } from '../../lab/interop/stack.mjs';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const { host } = lab.clients[0];
const browser = await launchChromium({ origin: server.origin, fps: 15 });
after(() => browser.close());

const since = (begun) => `${Math.round(performance.now() - begun)} ms`;

/** One process of each. */
async function startAll() {
  const running = await Promise.all(stacks.map((stack) => Stack.start(stack, { host, server })));
  after(() => Promise.all(running.map((stack) => stack.end())));
  return running;
}

const publishers = await startAll();
const viewer = await Participant.join(browser, {
  origin: server.origin,
  room: 'stage',
  name: 'viewer',
  path: '/watch',
});

for (const stack of publishers) {
  await test(`${stack.title} publishes, and what is refused of its offer harms nothing`, async () => {
    const begun = performance.now();
    await stack.post(`/whip/stage?name=${encodeURIComponent(stack.title)}`, { direction: 'sendonly', refused: true });
    await viewer.sees([stack.title]);
    diagnostic(`${stack.title}: first frame after ${since(begun)}`);
  });
}

await test('all of them go on, in picture and sound', async () => {
  await viewer.sees(publishers.map(({ title }) => title));
  await hears(viewer, publishers.length);
  const streams = await viewer.measure(2);
  const poor = streams.filter(({ kind, framesPerSecond, energy }) =>
    kind === 'video' ? framesPerSecond < 5 : energy === 0,
  );
  assert(
    streams.length === 2 * publishers.length && poor.length === 0,
    `${streams.length} streams, poor: ${JSON.stringify(poor)}`,
  );
});

await test('those whose transport says goodbye are gone at once', async () => {
  const [silent, others] = [true, false].map((is) => publishers.filter((stack) => Boolean(stack.silent) === is));
  const begun = performance.now();
  await Promise.all(others.map((stack) => stack.order({ do: 'close' })));
  await viewer.knows(
    silent.map(({ title }) => title),
    3 * slowness,
  );
  diagnostic(`gone after ${since(begun)}`);
});
await viewer.close();
await Promise.all(publishers.map((stack) => stack.end()));

const stage = await Participant.join(browser, {
  origin: server.origin,
  room: 'seats',
  name: 'stage',
  path: '/stream',
  query: { video: 'small' },
});
const watchers = await startAll();
await stage.until('sends video', ({ outbound }) =>
  outbound.some(({ kind, bytesSent }) => kind === 'video' && bytesSent),
);

for (const stack of watchers) {
  await test(`${stack.title} watches a browser`, async () => {
    const begun = performance.now();
    await stack.post('/whep/seats', { direction: 'recvonly' });
    await stack.event('picture');
    diagnostic(`${stack.title}: first frame after ${since(begun)}`);
  });
}

await test('all of them see and hear it on', async () => {
  const before = await Promise.all(watchers.map((stack) => stack.count()));
  await stage.measure(2);
  const counts = await Promise.all(watchers.map((stack) => stack.count()));
  watchers.forEach(({ title }, index) => {
    const [pictures, sounds] = ['pictures', 'sounds'].map((kind) => counts[index][kind] - before[index][kind]);
    assert(pictures > 5 && sounds > 10, `${title}: ${pictures} pictures and ${sounds} sounds in 2 s`);
  });
});

await end();
