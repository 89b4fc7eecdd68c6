#!/usr/bin/env node
// werift (TypeScript): takes and hands out packets, answers NACKs and sends them.

import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  useOPUS,
  usePCMU,
  useNACK,
  usePLI,
  useREMB,
} from 'werift';
import { serve, source, tell } from './lines.mjs';
import { commands, offer, Received } from './peer.mjs';

const video = [
  new RTCRtpCodecParameters({
    mimeType: 'video/VP8',
    clockRate: 90000,
    rtcpFeedback: [useNACK(), usePLI(), useREMB()],
  }),
  new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90000 }),
];
const received = new Received();
let connection;

function hear(transceiver, track) {
  if (track.kind === 'audio') {
    track.onReceiveRtp.subscribe(() => received.audio());
    return;
  }
  let ssrc;
  const take = received.video(() => transceiver.receiver.sendRtcpPLI(ssrc));
  track.onReceiveRtp.subscribe((packet) => {
    ssrc = packet.header.ssrc;
    take(packet.serialize());
  });
}

async function open({ direction, refused }) {
  connection = new RTCPeerConnection({
    codecs: { audio: [useOPUS(), ...(refused ? [usePCMU()] : [])], video },
    bundlePolicy: 'max-bundle',
  });
  connection.connectionStateChange.subscribe(tell);
  connection.onRemoteTransceiverAdded.subscribe((transceiver) =>
    transceiver.onTrack.subscribe((track) => hear(transceiver, track)),
  );
  if (direction === 'recvonly') {
    for (const kind of ['video', 'audio']) {
      const transceiver = connection.addTransceiver(kind, { direction });
      transceiver.onTrack.subscribe((track) => hear(transceiver, track));
    }
    return;
  }
  const tracks = {};
  for (const kind of ['video', 'audio']) {
    tracks[kind] = new MediaStreamTrack({ kind });
    const { sender } = connection.addTransceiver(tracks[kind], { direction });
    if (kind === 'video') sender.onPictureLossIndication.subscribe(() => keyFrame());
  }
  const keyFrame = source((kind, packet) => tracks[kind].writeRtp(packet));
}

await serve({
  async offer(wanted) {
    await open(wanted);
    if (wanted.refused) {
      const tone = connection.addTransceiver('audio', { direction: wanted.direction });
      tone.codecs = [usePCMU()];
      connection.createDataChannel('refused');
    }
    return offer(connection);
  },
  ...commands(() => connection),
  count: () => received.count(),
});
