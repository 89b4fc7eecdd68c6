/**
 * Client library of Monoport: signaling (docs/signaling.md) and WebRTC, without any user interface.
 *
 *     const media = new LocalMedia();
 *     await media.open();                        // asks for microphone and camera; never rejects because of them
 *     const call = new Call({ url: signalingUrl(location.href), room: 'tea', name: 'Ada', role: 'call', media });
 *     call.on('change', ({ state, participants, streams }) => render(state, participants, streams));
 *     …
 *     call.leave();
 *     media.close();
 *
 * A `Call` reconnects by itself until `leave()`. Its `snapshot` is immutable: unchanged parts stay `===`.
 */
export { formatAddress, isHiddenAddress, type Candidate, type TransportAddress } from './candidate';
export { Call, type CallOptions, type CallSnapshot, type CallState, type CallTimings } from './call';
export { checkNetwork } from './check';
export {
  canShareScreen,
  listDevices,
  NORMAL_QUALITY,
  SMALL_QUALITY,
  type CaptureQuality,
  type DeviceProblem,
} from './capture';
export { TrackLevel } from './levels';
export { Emitter } from './emitter';
export { NAME_LENGTH, ROOM_LENGTH, SMALL_CAMERA_BITRATE } from './limits';
export type { LinkEnd } from './link';
export { LocalMedia, type LocalDevice, type LocalScreen, type WantedDevices } from './local-media';
export type { Codec, LineEstimate, Participant, Role, Source, Viewing } from './message';
export { isOwnAddress, isPortKept, type NetworkFacts, type WayReason } from './network';
export { isRelay, type PairSummary, type Way } from './pair';
export { probe, type Mapping, type ProbeResult, type StunServer } from './probe';
export type { Report } from './report';
export type { RemoteStream } from './remote-streams';
export { signalingUrl } from './signaling';
export type { CallSummary, OutboundSummary, RemoteSummary } from './summary';
export type { TimelineEntry } from './timeline';
export { observeView, type SeenView } from './view-observer';
export type { PictureQuality, View } from './views';
