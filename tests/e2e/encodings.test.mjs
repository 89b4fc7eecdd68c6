#!/usr/bin/env node
// Simulcast and scalable sources: a real browser sends several layers, and another decodes one.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

/** Runs before the page's scripts: sets the encodings of its camera. */
const encodeAs = (encodings) => `{
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, init) {
    const camera = track?.kind === 'video' && init?.sendEncodings;
    return add.call(this, track, camera ? { ...init, sendEncodings: ${JSON.stringify(encodings)} } : init);
  };
}`;

/** Runs in the page: the encodings of its camera, and the number of key frame requests. */
const sending = async () => {
  const reports = [];
  for (const connection of window.witness.connections) {
    if (connection.connectionState === 'closed') continue;
    for (const report of (await connection.getStats()).values())
      if (report.type === 'outbound-rtp' && report.kind === 'video') reports.push(report);
  }
  return reports.map(({ rid, scalabilityMode, pliCount, frameWidth, framesEncoded }) => ({
    rid,
    scalabilityMode,
    pliCount,
    frameWidth,
    framesEncoded,
  }));
};

// The lowest of three layers has a quarter of the width, and libwebrtc makes no layer narrower than 240.
for (const [codec, mode, scaleResolutionDownBy] of [
  ['av1', 'L2T2', 2],
  ['av1', 'L3T3', 4 / 3],
  ['vp9', 'L3T3', 4 / 3],
  ['vp9', 'L3T3_KEY', 4 / 3],
]) {
  await test(`${codec.toUpperCase()} in the layers of ${mode} is decoded by a watcher`, async () => {
    const options = { origin: server.origin, room: `${codec}-${mode}` };
    const before = encodeAs([{ scalabilityMode: mode, scaleResolutionDownBy, maxBitrate: 1_200_000 }]);
    const stage = await Participant.join(browser, {
      ...options,
      name: 'stage',
      path: '/stream',
      query: { codec },
      before,
    });
    const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
    await viewer.sees(['stage']);
    const [begun] = await stage.tab.evaluate(sending);
    const video = (await viewer.measure(10)).find(({ kind }) => kind === 'video');
    const [sent] = await stage.tab.evaluate(sending);
    const asked = sent.pliCount - begun.pliCount;
    diagnostic(
      `${sent.scalabilityMode}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}, ${asked} key frames asked for in 10 s`,
    );
    equal(sent.scalabilityMode, mode, 'the layers on the wire');
    assert(video.framesPerSecond > 4 / slowness, `${video.framesPerSecond} frames/s`);
    assert(asked <= 2, `${asked} key frames were asked for`);
    await Promise.all([stage.close(), viewer.close()]);
  });
}

/** Runs in the page: switches layer `rid` of its camera on or off. */
const activate = async ({ rid, active }) => {
  const camera = window.witness.connections
    .at(-1)
    .getSenders()
    .find(({ track }) => track?.kind === 'video');
  const parameters = camera.getParameters();
  for (const encoding of parameters.encodings) if (encoding.rid === rid) encoding.active = active;
  await camera.setParameters(parameters);
};

const sees = (viewer, width, seconds) =>
  viewer.until(
    `sees ${width} columns`,
    ({ remote }, width) => remote.some(({ kind, frameWidth }) => kind === 'video' && frameWidth === width),
    width,
    seconds,
  );

await test('of three rids, smallest first, a watcher is sent the highest, and the next one while that pauses', async () => {
  const options = { origin: server.origin, room: 'rids' };
  const layers = [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 120_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 300_000 },
    { rid: 'f', scaleResolutionDownBy: 4 / 3, maxBitrate: 900_000 },
  ];
  const stage = await Participant.join(browser, {
    ...options,
    name: 'stage',
    path: '/stream',
    query: { codec: 'vp8' },
    before: encodeAs(layers),
  });
  const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
  await viewer.sees(['stage']);
  const begin = performance.now();
  await sees(viewer, 960);
  diagnostic(`the highest after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  for (const active of [false, true]) {
    const changed = performance.now();
    await stage.tab.evaluate(activate, { rid: 'f', active });
    await sees(viewer, active ? 960 : 640, 10 * slowness);
    diagnostic(`${active ? 'up' : 'down'} after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  }
  const video = (await viewer.measure(3)).find(({ kind }) => kind === 'video');
  assert(video.framesPerSecond > 4 / slowness, `${video.framesPerSecond} frames/s`);
  const sent = await stage.tab.evaluate(sending);
  equal(
    sent
      .filter(({ framesEncoded }) => framesEncoded)
      .map(({ rid }) => rid)
      .sort()
      .join(),
    'f,h,q',
    'the layers on the wire',
  );
  await Promise.all([stage.close(), viewer.close()]);
});

await end();
