#!/usr/bin/env node
// One Firefox and one Chromium in a call: both ways, with devices off and on, shared screens and an ICE restart by each.

import { launchChromium } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

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
const [chromium, firefox] = await Promise.all([
  launch(launchChromium, lab.clients[0]),
  launch(launchFirefox, lab.clients[1]),
]);
/** Runs in the page: delays the server's WebSocket messages by `window.lateness` ms, as if it were far away. */
const farAway = () => {
  window.lateness = 0;
  const handler = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
  Object.defineProperty(WebSocket.prototype, 'onmessage', {
    ...handler,
    set(heard) {
      handler.set.call(this, (event) => (window.lateness ? setTimeout(heard, window.lateness, event) : heard(event)));
    },
  });
};
const join = (browser, name) =>
  Participant.join(browser, { origin: server.origin, room: 'mixed', name, before: farAway });

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
    diagnostic(
      `${who.name}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}; sound ${audio.packets} packets, energy ${audio.energy.toFixed(4)}`,
    );
    assert(
      video.framesPerSecond > 0 && audio.packets > 0 && audio.energy > 0,
      `${who.name} receives ${JSON.stringify(measured[index])}`,
    );
  }
});

await test('each turns camera and microphone off and on again', async () => {
  for (const [who, other] of [
    [fay, carl],
    [carl, fay],
  ]) {
    const shows = (audio, video) =>
      other.until(
        `shows ${who.name} as ${audio}, ${video}`,
        ({ participants }, wanted) =>
          participants.some(({ name, audioMuted, videoMuted }) => [name, audioMuted, videoMuted].join() === wanted),
        [who.name, audio, video].join(),
      );
    const turn = (on) =>
      who.tab.evaluate(
        `async (on) => { const { media } = window.monoport.call; await media.setMicrophone(on); await media.setCamera(on); }`,
        on,
      );
    await turn(false);
    await shows(true, true);
    await turn(true);
    await shows(false, false);
    await other.sees([who.name]);
  }
});

/** Runs in the page: replaces the screen capture by a generated picture. */
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
const decodes = (who) =>
  who.until('decodes the screen', ({ remote }) =>
    remote.some(({ source, framesDecoded }) => source === 'screen' && framesDecoded > 5),
  );

await test('each shares a screen, twice: the other decodes it beside the camera', async () => {
  for (const [who, other] of [
    [fay, carl],
    [carl, fay],
  ]) {
    for (let turn = 0; turn < 2; turn += 1) {
      await who.tab.evaluate(share);
      await decodes(other);
      await other.sees([who.name]);
      await who.tab.evaluate(() => window.monoport.call.media.stopScreen());
      await other.until('has no screen any more', ({ remote }) => remote.every(({ source }) => source !== 'screen'));
    }
  }
});

/** Restarts ICE in one browser and runs `meanwhile`: it must have another mapping, and the call must go on unchanged. */
async function restarts(who, meanwhile) {
  const connections = () => who.tab.evaluate(() => window.witness.connections.length);
  // Firefox's statistics lose a stream for a moment during renegotiation.
  const isAsBefore = ({ peerId, remote }, before) =>
    before.peerId === peerId &&
    before.remote.every(
      ({ streamId, kind, source }) =>
        source === 'screen' || remote.some((now) => now.streamId === streamId && now.kind === kind),
    );
  const before = [await who.summary(), await connections()];
  await Promise.all([who.tab.evaluate(() => void window.dispatchEvent(new Event('online'))), meanwhile?.()]);
  await who.until('has another mapping', ({ mappedAddress }, old) => mappedAddress !== old, before[0].mappedAddress);
  await Promise.all([carl.sees(['fay']), fay.sees(['carl'])]);
  await who.until('has the streams that it had', isAsBefore, before[0]);
  equal(await connections(), before[1], `connections of ${who.name}`);
}

await test('each restarts ICE: the call stays as it is', async () => {
  for (const who of [fay, carl]) await restarts(who);
});

// A browser checks under its new credentials and the server's old ones until the answer arrives.
await test('each restarts ICE, three times, with the server far away', async () => {
  const far = (ms) => Promise.all([carl, fay].map(({ tab }) => tab.evaluate((ms) => void (window.lateness = ms), ms)));
  await far(150);
  for (let turn = 0; turn < 3; turn += 1) for (const who of [fay, carl]) await restarts(who);
  await far(0);
});

await test('each restarts ICE while the server offers it a screen, or takes that away', async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    for (const [who, other] of [
      [fay, carl],
      [carl, fay],
    ]) {
      await restarts(who, () => other.tab.evaluate(share));
      await restarts(who, () => other.tab.evaluate(() => window.monoport.call.media.stopScreen()));
    }
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
