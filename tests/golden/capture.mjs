#!/usr/bin/env node
// Writes the offers of this machine's browsers next to this file, one for each situation that the server meets. Run it again
// after a browser update and look at the difference: tests/golden/capture.mjs

import { createServer } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { launchChromium } from '../e2e/lib/chromium.mjs';
import { launchFirefox } from '../e2e/lib/firefox.mjs';

// Runs in the page. Returns the offer after setLocalDescription and before any candidate, as a trickling client sends it;
// `gathered` waits for the candidates.
async function offer({ send = [], receive = [], channel, codec, layers, gathered }) {
  const connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
  const stream = send.length
    ? await navigator.mediaDevices.getUserMedia({ audio: send.includes('audio'), video: send.includes('video') })
    : new MediaStream();
  const sending = stream.getTracks().map((track) => {
    const layered = layers && track.kind === 'video';
    const sendEncodings = layered
      ? [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }]
      : [{}];
    return connection.addTransceiver(track, {
      direction: receive.length ? 'sendrecv' : 'sendonly',
      streams: [stream],
      sendEncodings,
    });
  });
  for (const kind of receive.filter((kind) => !send.includes(kind)))
    connection.addTransceiver(kind, { direction: 'recvonly' });
  if (codec) {
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const first = all.filter(({ mimeType }) => mimeType.toLowerCase() === codec);
    if (!first.length) return null;
    const rest = all.filter(({ mimeType }) => mimeType.toLowerCase() !== codec);
    sending.find(({ sender }) => sender.track.kind === 'video').setCodecPreferences([...first, ...rest]);
  }
  if (channel) connection.createDataChannel('control');
  const description = await connection.createOffer();
  if (!gathered) return description.sdp;
  const complete = new Promise((done) => {
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && done();
  });
  await connection.setLocalDescription(description);
  await complete;
  return connection.localDescription.sdp;
}

const both = ['audio', 'video'];
const situations = {
  call: { send: both, receive: both },
  original: { send: both, receive: both, channel: true },
  stream: { send: both },
  watch: { receive: both },
  gathered: { send: both, receive: both, gathered: true },
  h264: { send: both, receive: both, codec: 'video/h264' },
  vp9: { send: both, receive: both, codec: 'video/vp9' },
  av1: { send: both, receive: both, codec: 'video/av1' },
  simulcast: { send: both, layers: true },
};

// Replaces the machine's own addresses by documentation addresses; changes nothing else.
function anonymous(sdp) {
  const known = new Map();
  const fake = (address) => {
    if (/^(0\.0\.0\.0|127\.|::1$)/.test(address) || address.endsWith('.local')) return address;
    const v6 = address.includes(':');
    if (!known.has(address)) known.set(address, (v6 ? '2001:db8::' : '192.0.2.') + (known.size + 1));
    return known.get(address);
  };
  return sdp
    .replace(/^(a=candidate:\S+ \d+ \S+ \d+ )(\S+)/gm, (_, head, address) => head + fake(address))
    .replace(/( raddr )(\S+)/g, (_, head, address) => head + fake(address))
    .replace(/^([co]=.*IN IP[46] )(\S+)/gm, (_, head, address) => head + fake(address));
}

const page = createServer((_, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>offer</title>');
});
await new Promise((listening) => page.listen(0, '127.0.0.1', listening));
const origin = `http://127.0.0.1:${page.address().port}`;

for (const launch of [launchChromium, launchFirefox]) {
  const browser = await launch({ origin });
  const tab = await browser.tab();
  await tab.open(origin);
  console.log(browser.name, await tab.evaluate(() => navigator.userAgent));
  for (const [name, situation] of Object.entries(situations)) {
    const sdp = await tab.evaluate(offer, situation);
    const file = `${browser.name}-${name}.sdp`;
    if (!sdp) {
      console.log(`  ${file}: this build has no such codec`);
      continue;
    }
    await writeFile(new URL(file, import.meta.url), anonymous(sdp));
    console.log(`  ${file}: ${sdp.length} bytes, ${sdp.match(/^m=/gm).length} sections`);
  }
  await browser.close();
}
page.close();
