#!/usr/bin/env node
// A page that speaks only the original protocol: without rooms, names and rollback.

import { fileURLToPath } from 'node:url';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';
import { inbound, keepConnections } from './lib/witness.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const patience = 20 * slowness;
const file = fileURLToPath(new URL('./pages/original.html', import.meta.url));

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

const types = () => window.received.map(({ type }) => type);
const got = (type) => window.received.find((message) => message.type === type);
const connected = () => window.witness.connections[0]?.connectionState === 'connected';

async function open() {
  const tab = await browser.tab();
  await tab.before(keepConnections);
  await tab.serve(`${server.origin}/original.html`, file);
  await tab.open(`${server.origin}/original.html`);
  return tab;
}

async function decodes(tab, what, streams) {
  await tab.until(
    what,
    `async (streams) => {
      const video = (await (${inbound})()).filter(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 10);
      return video.length >= streams && document.querySelectorAll('video').length === streams;
    }`,
    streams,
    patience,
    inbound,
  );
}

const first = await open();

await test('the first page gets an answer, candidates and its own address', async () => {
  for (const type of ['answer', 'candidate', 'stun-candidate'])
    await first.until(`a message ${type}`, got, type, patience, types);
  await first.until('a connection', connected, undefined, patience, types);
  const { candidate } = await first.evaluate(got, 'candidate');
  equal(typeof candidate, 'string', 'the type of a candidate');
  assert(/ typ host/.test(JSON.parse(candidate).candidate), candidate);
  const mapped = await first.evaluate(got, 'stun-candidate');
  const text = JSON.parse(mapped.stunCandidate).candidate;
  diagnostic(text);
  assert(/ typ srflx/.test(text), text);
});

const second = await open();

await test('a second page comes: the first is offered its tracks and decodes them', async () => {
  await first.until('an offer', got, 'offer', patience, types);
  await decodes(first, "the second page's video", 1);
});

await test('the second page decodes the first, who was there before', () =>
  decodes(second, "the first page's video", 1));

await test('a third page: everyone shows two videos', async () => {
  const third = await open();
  await Promise.all([first, second, third].map((tab, index) => decodes(tab, `two videos in page ${index + 1}`, 2)));
  await third.close();
});

await test('it went: everyone shows one', () =>
  Promise.all(
    [first, second].map((tab) =>
      tab.until('one video', () => document.querySelectorAll('video').length === 1, undefined, patience),
    ),
  ));

await test('nothing failed in the pages on the way, and the server complained of nothing', async () => {
  for (const tab of [first, second]) {
    const wrong = await tab.evaluate(() =>
      window.received.filter(({ type }) => ['exception', 'error', 'bye'].includes(type)),
    );
    equal(wrong, [], 'messages');
  }
});

await end();
