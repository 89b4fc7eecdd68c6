#!/usr/bin/env node
// One Firefox and one Chromium in a call.

import { launchChromium } from './chromium.mjs';
import { launchFirefox } from './firefox.mjs';
import { enter } from './lab.mjs';
import { Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, suite } from './tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 120 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

const launch = async (launcher, { host }) => {
  const browser = await launcher({ host, origin: server.origin });
  after(() => browser.close());
  return browser;
};
const [chromium, firefox] = await Promise.all([launch(launchChromium, lab.clients[0]), launch(launchFirefox, lab.clients[1])]);
const join = (browser, name, options) => Participant.join(browser, { origin: server.origin, room: 'mixed', name, ...options });

const carl = await join(chromium, 'carl');
await test('Chromium connects', () => carl.connected());
const fay = await join(firefox, 'fay');

await test('Firefox connects', () => fay.connected());
await test('Chromium decodes Firefox', () => carl.sees(['fay']));
await test('Firefox decodes Chromium', () => fay.sees(['carl']));

await test('sound both ways, and the video keeps coming', async () => {
  const measured = await Promise.all([carl, fay].map((who) => who.measure(4)));
  for (const [index, who] of [carl, fay].entries()) {
    const video = measured[index].find(({ kind }) => kind === 'video');
    const audio = measured[index].find(({ kind }) => kind === 'audio');
    assert(video && audio, `${who.name} receives ${JSON.stringify(measured[index])}`);
    diagnostic(`${who.name}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}; sound ${audio.packets} packets, energy ${audio.energy.toFixed(4)}`);
    assert(video.framesPerSecond > 0 && audio.packets > 0 && audio.energy > 0, `${who.name} receives ${JSON.stringify(measured[index])}`);
  }
});

await test('a Chromium that comes later: Firefox decodes it too', async () => {
  const late = await join(chromium, 'late');
  await fay.sees(['carl', 'late']);
  await late.sees(['carl', 'fay']);
  await late.close();
  await fay.knows(['carl']);
});

await test('Firefox leaves and comes again', async () => {
  await fay.close();
  await carl.knows([]);
  const again = await join(firefox, 'again');
  await Promise.all([again.sees(['carl']), carl.sees(['again'])]);
});

await end();
