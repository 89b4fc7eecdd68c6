#!/usr/bin/env node
// @roamhq/wrtc: Google's own library for Node, in another version than the browser's.

import wrtc from '@roamhq/wrtc';
import { serve, tell } from './lines.mjs';
import { commands, offer } from './peer.mjs';

const { RTCPeerConnection, nonstandard } = wrtc;
const [WIDTH, HEIGHT] = [320, 180];
let connection;
let [pictures, sounds] = [0, 0];

/** A picture with a moving bar, 15 times a second. */
function camera() {
  const video = new nonstandard.RTCVideoSource();
  const data = new Uint8ClampedArray((WIDTH * HEIGHT * 3) / 2);
  let turn = 0;
  setInterval(() => {
    turn += 1;
    data.fill(128);
    for (let row = 0; row < HEIGHT; row += 1)
      data.fill(220, row * WIDTH + ((turn * 4) % 280), row * WIDTH + ((turn * 4) % 280) + 40);
    video.onFrame({ width: WIDTH, height: HEIGHT, data });
  }, 1000 / 15);
  return video.createTrack();
}

/** A tone in pieces of 10 ms, as many as the clock asks for. */
function microphone() {
  const audio = new nonstandard.RTCAudioSource();
  const begun = performance.now();
  let made = 0;
  setInterval(() => {
    for (; made * 10 < performance.now() - begun; made += 1) {
      const samples = Int16Array.from(
        { length: 480 },
        (_, index) => 6000 * Math.sin((2 * Math.PI * 440 * (made * 480 + index)) / 48_000),
      );
      audio.onData({ samples, sampleRate: 48_000, channelCount: 1, bitsPerSample: 16, numberOfFrames: 480 });
    }
  }, 10);
  return audio.createTrack();
}

function hear(track) {
  if (track.kind === 'audio') {
    new nonstandard.RTCAudioSink(track).ondata = () => (sounds += 1);
    return;
  }
  new nonstandard.RTCVideoSink(track).onframe = () => {
    if (pictures === 0) tell('picture');
    pictures += 1;
  };
}

/** This library has no setCodecPreferences, so this edits the SDP: its last section keeps PCMU alone. */
const withPcmuLast = (sdp) =>
  sdp.replace(
    /m=audio (\d+ \S+) [\d ]+\r\n(?![\s\S]*m=audio)([\s\S]*?)(?=m=|$)/,
    (_, head, rest) => `m=audio ${head} 0\r\n${rest.replace(/a=(rtpmap|fmtp|rtcp-fb):(?!0 )\d+ .*\r\n/g, '')}`,
  );

await serve({
  async offer({ direction, refused }) {
    connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    connection.onconnectionstatechange = () => tell(connection.connectionState);
    connection.ontrack = ({ track }) => hear(track);
    for (const [kind, make] of [
      ['video', camera],
      ['audio', microphone],
    ])
      connection.addTransceiver(direction === 'recvonly' ? kind : make(), { direction });
    if (refused) {
      connection.addTransceiver('audio', { direction });
      connection.createDataChannel('refused');
    }
    return offer(connection, refused ? withPcmuLast : undefined);
  },
  ...commands(() => connection),
  count: () => ({ pictures, sounds }),
});
