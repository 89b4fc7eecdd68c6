// A thread with hundreds of watchers: they join, tell their codecs, and answer every offer, without media.
// Data: {signaling, room, count, sdp}. Posts 'in' when all have joined, and a tally for each message 'tally'.

import { parentPort, workerData } from 'node:worker_threads';
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

const { signaling, room, count, sdp, role = 'watch' } = workerData;
const tally = { bytes: 0, offers: 0, updates: 0, closed: {}, last: new Array(count).fill(0), muted: {} };
const crowd = [];

/** Cuts the description out of the message's text without parsing its JSON. */
const answerTo = (offer, peerId) => {
  const description = offer.slice(offer.indexOf('"sdp":"'), offer.indexOf('","streams"') + 1);
  return `{"type":"answer","peerId":"${peerId}",${description.replaceAll('a=sendonly', 'a=recvonly').replaceAll('a=setup:actpass', 'a=setup:active')}}`;
};

function watcher(number) {
  const peerId = randomUUID();
  const socket = new WebSocket(signaling, { maxPayload: 0, perMessageDeflate: false });
  crowd.push({ socket, peerId });
  return new Promise((done, failed) => {
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'join-room', peerId, room, role }));
      if (sdp) socket.send(JSON.stringify({ type: 'offer', peerId, sdp }));
    });
    socket.on('message', (data) => {
      const text = data.toString('latin1');
      tally.bytes += data.length;
      if (text.startsWith('{"type":"offer"')) {
        tally.offers += 1;
        tally.last[number] = text.split('a=sendonly').length - 1;
        socket.send(answerTo(text, peerId));
      } else if (text.startsWith('{"type":"participant-updated"')) {
        tally.updates += 1;
        if (number === 0) {
          const { participant } = JSON.parse(text);
          tally.muted[participant.id] = participant.audioMuted;
        }
      } else if (text.startsWith(sdp ? '{"type":"answer"' : '{"type":"joined"')) {
        done();
      } else if (text.startsWith('{"type":"error"')) {
        failed(new Error(text));
      }
    });
    socket.on('close', (code) => (tally.closed[code] = (tally.closed[code] ?? 0) + 1));
    socket.on('error', failed);
  });
}

for (let from = 0; from < count; from += 50)
  await Promise.all(Array.from({ length: Math.min(50, count - from) }, (_, i) => watcher(from + i)));
parentPort.postMessage({ in: count });
parentPort.on('message', (what) => {
  if (what === 'mute') {
    // sends all messages, at the rate limit of a client
    let audio = false;
    const begun = performance.now();
    const timer = setInterval(() => {
      audio = !audio;
      for (const { socket, peerId } of crowd) socket.send(`{"type":"mute","peerId":"${peerId}","audio":${audio}}`);
      if (performance.now() - begun < 8000 || !audio) return;
      clearInterval(timer);
      parentPort.postMessage({ muted: crowd.map(({ peerId }) => peerId) });
    }, 11);
  } else {
    parentPort.postMessage({ tally });
  }
});
