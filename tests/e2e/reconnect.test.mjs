#!/usr/bin/env node
// The server ends and starts again: the pages reconnect by themselves, and so does a crowd.

import { once } from 'node:events';
import { dirname, join as path } from 'node:path';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { start } from './lib/process.mjs';
import { binary, slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const patience = 45 * slowness;

let server = await startServer(lab);
const { origin, port } = server;
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin });
after(() => browser.close());

const join = (name) => Participant.join(browser, { origin, room: 'again', name });
const [ada, bob] = await Promise.all([join('ada'), join('bob')]);
const seeEachOther = () => Promise.all([ada.sees(['bob'], patience), bob.sees(['ada'], patience)]);

await test('both see each other', seeEachOther);

const notice = () =>
  Promise.all(
    [ada, bob].map((who) =>
      who.until('notices that the server is gone', ({ state }) => state !== 'connected', undefined, patience),
    ),
  );

async function comeBack() {
  await notice();
  server = await startServer(lab, { port });
  const begun = performance.now();
  await Promise.all([ada, bob].map((who) => who.connected()));
  await seeEachOther();
  diagnostic(`see each other ${((performance.now() - begun) / 1000).toFixed(1)} s after the server is back`);
}

await test('the server is killed and started again', async () => {
  await server.crash();
  await comeBack();
});

await test('the server is asked to stop, says goodbye, and is started again', async () => {
  const seconds = await server.stop();
  diagnostic(`it ended ${seconds.toFixed(2)} s after SIGTERM`);
  await comeBack();
});

// CROWD=1000 for more: clients run on this machine too, so the figure includes their part of a thousand handshakes.
const crowd = Number(process.env.CROWD ?? 200);

await test(`the server is killed under ${crowd} viewers and a publisher: all have media again in 5 s, and not in the same instant`, async () => {
  const load = start(
    [
      path(dirname(binary), 'monoport-load'),
      server.signaling,
      '--rejoin',
      '--room',
      'crowd',
      '--viewers',
      String(crowd),
      '--no-video',
      '--audio',
      '--join-rate',
      '100',
      '--seconds',
      '120',
      '--json',
      '-',
    ],
    { host: lab.clients[0].host, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) load[name].on('data', (data) => (said[name] += data));
  const tells = async (text) => {
    while (!text.test(said.stderr)) await once(load.stderr, 'data', { signal: AbortSignal.timeout(patience * 1000) });
  };
  await tells(/measuring/);
  await server.crash();
  server = await startServer(lab, { port });
  await tells(new RegExp(`back again: ${crowd + 1}\\b`));
  load.kill('SIGINT');
  equal((await once(load, 'close'))[0], 0, `exit code of monoport-load\n${said.stderr}\n`);
  const { back } = JSON.parse(said.stdout);
  diagnostic(
    `media again after ${back.min_ms.toFixed(0)} ms at the earliest, ${back.p50_ms.toFixed(0)} ms in the median, ${back.max_ms.toFixed(0)} ms at the latest`,
  );
  equal(back.count, crowd + 1, 'who came back');
  assert(back.max_ms < 5000 * slowness, `${back.max_ms} ms`);
  const joins = server.log
    .filter((line) => /"participant joined".* room="crowd"/.test(line))
    .map((line) => Date.parse(line.match(/^time=(\S+)/)[1]));
  const spread = Math.max(...joins) - Math.min(...joins);
  diagnostic(`their joins spread over ${spread} ms`);
  assert(spread > 100, 'they all came in the same instant');
  await seeEachOther();
});

await test('nobody is there twice', async () => {
  await Promise.all([ada.knows(['bob']), bob.knows(['ada'])]);
  for (const who of [ada, bob]) {
    const { remote } = await who.summary();
    const videos = remote.filter(({ kind }) => kind === 'video');
    assert(videos.length === 1, `${who.name} receives ${videos.length} videos`);
  }
});

await end();
