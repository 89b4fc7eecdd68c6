#!/usr/bin/env node
// The server is a virtual machine behind a 1:1 NAT: it does not know its outer address, and nobody told it.

import { launchChromium } from './chromium.mjs';
import { enter } from './lab.mjs';
import { Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { diagnostic, equal, suite } from './tap.mjs';
import { pairText } from '../../lab/matrix/words.mjs';

const lab = await enter('cloud', { kinds: ['symmetric'] });
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const server = await startServer({ ...lab, address: process.env.LAB_INNER });
after(() => server.stop());
explain(() => server.tail());

const join = async (name, host, address) => {
  const origin = `http://${address}:${server.port}`;
  const browser = await launchChromium({ host, origin });
  after(() => browser.close());
  return Participant.join(browser, { origin, room: 'cloud', name });
};

const home = await join('home', lab.homes[0].client, lab.address);
const colleague = await join('colleague', process.env.LAB_COLLEAGUE, process.env.LAB_INNER);

for (const [who, other, address, where] of [
  [home, 'colleague', lab.address, 'from outside, by its outer address'],
  [colleague, 'home', process.env.LAB_INNER, 'from its own network, by its inner address'],
]) {
  await test(`without --announce a call works ${where}`, async () => {
    await who.connected();
    await who.sees([other]);
    const pair = await who.selectedPair();
    diagnostic(pairText(pair));
    equal(`${pair.remote.address}:${pair.remote.port}`, `${address}:${server.port}`, 'the other end of the path');
  });
}

await end();
