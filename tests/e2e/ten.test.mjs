#!/usr/bin/env node
// Ten participants in one room, each sending small video: ninety video streams, and every one of them decodes.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { diagnostic, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 180 * slowness });
const patience = 90 * slowness;

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browsers = [];
for (let count = 0; count < 2; count += 1) {
  const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin, fps: 10 });
  after(() => browser.close());
  browsers.push(browser);
}

const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
const others = (name) => names.filter((other) => other !== name);
// Ten browsers on one machine: small windows, slow cameras, and no microphones, since ten echo cancellers and ninety
// decoders of sound take more than two cores, and this test is about video.
const tab = { viewport: { width: 480, height: 360 } };
function noMicrophone() {
  const devices = navigator.mediaDevices;
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    if (constraints.audio) throw new DOMException('this machine has no microphone', 'NotFoundError');
    return real(constraints);
  };
}
const begun = performance.now();

const all = await test('ten join', async () => {
  const joined = [];
  for (const [index, name] of names.entries()) {
    const options = { origin: server.origin, room: 'ten', name, query: { video: 'small' }, tab, before: noMicrophone };
    joined.push(await Participant.join(browsers[index % browsers.length], options));
  }
  await Promise.all(joined.map((participant) => participant.knows(others(participant.name), patience)));
  return joined;
});

if (all) {
  await test('all 90 video streams decode', async () => {
    await Promise.all(all.map((participant) => participant.sees(others(participant.name), patience)));
    diagnostic(`all 90 within ${((performance.now() - begun) / 1000).toFixed(1)} s of the first join`);
  });

  await test('and go on decoding', async () => {
    await Promise.all(all.map((participant) => participant.sees(others(participant.name), patience)));
    const measured = await Promise.all(all.map((participant) => participant.measure(4)));
    const rates = measured
      .flat()
      .filter(({ kind }) => kind === 'video')
      .map(({ framesPerSecond }) => framesPerSecond)
      .sort((a, b) => a - b);
    const [least, middle] = [rates[0], rates[rates.length >> 1]].map((rate) => rate?.toFixed(1));
    diagnostic(`frames/s of ${rates.length} streams: least ${least}, median ${middle}`);
  });
}

await end();
