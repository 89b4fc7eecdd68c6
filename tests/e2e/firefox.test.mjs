#!/usr/bin/env node
// One Firefox and one Chromium in a call: both ways, with devices off and on, shared screens and an ICE restart by each.

import { launchChromium } from './chromium.mjs';
import { launchFirefox } from './firefox.mjs';
import { enter } from './lab.mjs';
import { Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, suite } from './tap.mjs';

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

await test('each turns camera and microphone off and on again', async () => {
  for (const [who, other] of [[fay, carl], [carl, fay]]) {
    const shows = (audio, video) =>
      other.until(
        `shows ${who.name} as ${audio}, ${video}`,
        ({ participants }, wanted) => participants.some(({ name, audioMuted, videoMuted }) => [name, audioMuted, videoMuted].join() === wanted),
        [who.name, audio, video].join(),
      );
    const turn = (on) => who.tab.evaluate(`async (on) => { const { media } = window.monoport.call; await media.setMicrophone(on); await media.setCamera(on); }`, on);
    await turn(false);
    await shows(true, true);
    await turn(true);
    await shows(false, false);
    await other.sees([who.name]);
  }
});

/** In the page: what is shared as if it were a screen. */
const share = async () => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  [canvas.width, canvas.height] = [640, 360];
  setInterval(() => {
    context.fillStyle = `hsl(${performance.now() / 10} 80% 50%)`;
    context.fillRect(0, 0, 640, 360);
  }, 50);
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream();
  await window.monoport.call.media.shareScreen();
};
const decodes = (who) => who.until('decodes the screen', ({ remote }) => remote.some(({ source, framesDecoded }) => source === 'screen' && framesDecoded > 5));

await test('each shares a screen, twice: the other decodes it beside the camera', async () => {
  for (const [who, other] of [[fay, carl], [carl, fay]]) {
    for (let turn = 0; turn < 2; turn += 1) {
      await who.tab.evaluate(share);
      await decodes(other);
      await other.sees([who.name]);
      await who.tab.evaluate(() => window.monoport.call.media.stopScreen());
      await other.until('has no screen any more', ({ remote }) => remote.every(({ source }) => source !== 'screen'));
    }
  }
});

await test('each restarts ICE: the call stays as it is', async () => {
  for (const who of [fay, carl]) {
    const standing = async () => {
      const { peerId, remote } = await who.summary();
      return [peerId, ...remote.map(({ streamId, kind }) => `${streamId} ${kind}`).sort(), await who.tab.evaluate(() => window.witness.connections.length)];
    };
    const before = await standing();
    const { mappedAddress } = await who.summary();
    await who.tab.evaluate(() => void window.dispatchEvent(new Event('online')));
    await who.until('has another mapping', ({ mappedAddress, network }, old) => network.restarts === 1 && mappedAddress !== old, mappedAddress);
    await Promise.all([carl.sees(['fay']), fay.sees(['carl'])]);
    equal(await standing(), before, `the call of ${who.name} after its restart`);
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
