#!/usr/bin/env node
// node-datachannel: libdatachannel (C++), which handles packets and no codecs. It answers NACKs and requests key frames,
// but sends no NACK.

import datachannel from 'node-datachannel';
import { serve, source, tell } from './lines.mjs';
import { Received } from './peer.mjs';

const { PeerConnection, Video, Audio, RtcpReceivingSession, RtcpNackResponder } = datachannel;
const TYPES = { video: 96, audio: 111 };
const SSRC = { video: 0x1234567, audio: 0x7654321 };
const DIRECTIONS = { sendonly: 'SendOnly', recvonly: 'RecvOnly', sendrecv: 'SendRecv' };

const received = new Received();
let connection;
const kept = []; // objects that nothing else on this side of the binding references

function hear(track) {
  kept.push(track);
  if (track.type() === 'audio') {
    track.onMessage((packet) => (packet[1] & 0x7f) === TYPES.audio && received.audio());
    return;
  }
  const take = received.video(() => track.requestKeyframe());
  track.setMediaHandler(new RtcpReceivingSession());
  track.onMessage((packet) => {
    const type = packet[1] & 0x7f;
    if (type < 64 || type > 95) take(packet); // else RTCP (RFC 5761 4)
  });
}

function section(kind, mid, direction) {
  const media = kind === 'video' ? new Video(mid, DIRECTIONS[direction]) : new Audio(mid, DIRECTIONS[direction]);
  if (kind === 'video') media.addVP8Codec(TYPES.video);
  else media.addOpusCodec(TYPES.audio);
  if (direction !== 'recvonly') media.addSSRC(SSRC[kind], 'libdatachannel', 'stage', kind);
  return media;
}

function open(direction) {
  const tracks = {};
  for (const [mid, kind] of ['video', 'audio'].entries())
    tracks[kind] = connection.addTrack(section(kind, String(mid), direction));
  if (direction === 'recvonly') return Object.values(tracks).forEach(hear);
  tracks.video.setMediaHandler(new RtcpNackResponder());
  const keyFrame = source((kind, packet) => {
    packet[1] = (packet[1] & 0x80) | TYPES[kind];
    packet.writeUInt32BE(SSRC[kind], 8);
    if (tracks[kind].isOpen()) tracks[kind].sendMessageBinary(packet);
  });
  tracks.video.onMessage((packet) => packet[1] === 206 && (packet[0] & 31) === 1 && keyFrame());
  kept.push(tracks);
}

/** Resolves with the description of this type once it has all candidates. */
async function described(type, act) {
  const complete = new Promise((done) => connection.onGatheringStateChange((state) => state === 'complete' && done()));
  act();
  if (connection.gatheringState() !== 'complete') await complete;
  return { sdp: connection.localDescription().sdp, type };
}

await serve({
  async offer({ direction, refused }) {
    connection = new PeerConnection('interop', {
      iceServers: [],
      disableAutoNegotiation: true,
      forceMediaTransport: true,
    });
    connection.onStateChange(tell);
    connection.onTrack(hear);
    open(direction);
    if (refused) {
      const tone = new Audio('2', DIRECTIONS[direction]);
      tone.addAudioCodec(0, 'PCMU/8000');
      kept.push(connection.addTrack(tone), connection.createDataChannel('refused'));
    }
    return described('offer', () => connection.setLocalDescription('offer'));
  },
  accept({ sdp }) {
    connection.setRemoteDescription(sdp, 'answer');
  },
  answer({ sdp }) {
    return described('answer', () => {
      connection.setRemoteDescription(sdp, 'offer');
      connection.setLocalDescription('answer');
    });
  },
  count: () => received.count(),
  close: () => connection.close(),
});
