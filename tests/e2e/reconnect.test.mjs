#!/usr/bin/env node
// The server goes away and comes back: the pages find each other again by themselves.

import { launchChromium } from './chromium.mjs';
import { enter } from './lab.mjs';
import { Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, suite } from './tap.mjs';

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
  Promise.all([ada, bob].map((who) => who.until('notices that the server is gone', ({ state }) => state !== 'connected', undefined, patience)));

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

await test('nobody is there twice', async () => {
  await Promise.all([ada.knows(['bob']), bob.knows(['ada'])]);
  for (const who of [ada, bob]) {
    const { remote } = await who.summary();
    const videos = remote.filter(({ kind }) => kind === 'video');
    assert(videos.length === 1, `${who.name} receives ${videos.length} videos`);
  }
});

await end();
