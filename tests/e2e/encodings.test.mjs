#!/usr/bin/env node
// Sources of several layers: a real browser sends them, and another decodes them.

import { launchChromium } from './chromium.mjs';
import { enter } from './lab.mjs';
import { Participant } from './participant.mjs';
import { slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, suite } from './tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

/** Ahead of the page's scripts: its camera is sent so. */
const encodeAs = (encodings) => `{
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (track, init) {
    const camera = track?.kind === 'video' && init?.sendEncodings;
    return add.call(this, track, camera ? { ...init, sendEncodings: ${JSON.stringify(encodings)} } : init);
  };
}`;

/** In the page: what its camera is encoded as, and how often it was asked for a key frame. */
const sending = async () => {
  const reports = [];
  for (const connection of window.witness.connections) {
    if (connection.connectionState === 'closed') continue;
    for (const report of (await connection.getStats()).values()) if (report.type === 'outbound-rtp' && report.kind === 'video') reports.push(report);
  }
  return reports.map(({ rid, scalabilityMode, pliCount, frameWidth, framesEncoded }) => ({ rid, scalabilityMode, pliCount, frameWidth, framesEncoded }));
};

// The lowest of three layers has a quarter of the width, and libwebrtc makes none below 240.
for (const [codec, mode, scaleResolutionDownBy] of [['av1', 'L2T2', 2], ['av1', 'L3T3', 4 / 3], ['vp9', 'L3T3', 4 / 3], ['vp9', 'L3T3_KEY', 4 / 3]]) {
  await test(`${codec.toUpperCase()} in the layers of ${mode} is decoded by a watcher`, async () => {
    const options = { origin: server.origin, room: `${codec}-${mode}` };
    const before = encodeAs([{ scalabilityMode: mode, scaleResolutionDownBy, maxBitrate: 1_200_000 }]);
    const stage = await Participant.join(browser, { ...options, name: 'stage', path: '/stream', query: { codec }, before });
    const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
    await viewer.sees(['stage']);
    const [begun] = await stage.tab.evaluate(sending);
    const video = (await viewer.measure(10)).find(({ kind }) => kind === 'video');
    const [sent] = await stage.tab.evaluate(sending);
    const asked = sent.pliCount - begun.pliCount;
    diagnostic(`${sent.scalabilityMode}: ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}, ${asked} key frames asked for in 10 s`);
    equal(sent.scalabilityMode, mode, 'the layers on the wire');
    assert(video.framesPerSecond > 4 / slowness, `${video.framesPerSecond} frames/s`);
    assert(asked <= 2, `${asked} key frames were asked for`);
    await Promise.all([stage.close(), viewer.close()]);
  });
}

await end();
