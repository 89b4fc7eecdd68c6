import { CAMERA_BITRATE, SCREEN_BITRATE } from './limits';
import type { LocalMedia } from './local-media';
import type { Role, Source } from './message';

const KIND: Record<Source, 'audio' | 'video'> = {
  microphone: 'audio',
  camera: 'video',
  screen: 'video',
  'screen-audio': 'audio',
};

/**
 * Keeps the sections of one RTCPeerConnection in step with a LocalMedia.
 *
 * Microphone and camera get their section when they are first on and keep it: off and on again is a replaceTrack,
 * without negotiation. The screen's sections go inactive when it is not shared, and the server ends those tracks;
 * the next share uses them again.
 */
export class Publisher {
  readonly #pc: RTCPeerConnection;
  readonly #role: Role;
  readonly #cameraBitrate: number;
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>();
  // Only the ids are sent (a=msid): one for each group of synchronized tracks.
  readonly #person = new MediaStream();
  readonly #display = new MediaStream();

  constructor(pc: RTCPeerConnection, role: Role, cameraBitrate = CAMERA_BITRATE) {
    this.#pc = pc;
    this.#role = role;
    this.#cameraBitrate = cameraBitrate;
  }

  /** Makes the first sections, so that a client without devices also gets a connection and tells its codecs. */
  start(media: LocalMedia): void {
    if (this.#role !== 'watch') this.sync(media);
    if (this.#role === 'stream') {
      if (this.#transceivers.size === 0) this.#add('microphone', null);
      return;
    }
    for (const [source, kind] of [
      ['microphone', 'audio'],
      ['camera', 'video'],
    ] as const) {
      if (!this.#transceivers.has(source)) this.#pc.addTransceiver(kind, { direction: 'recvonly' });
    }
  }

  /** Brings senders in line with the tracks of `media`. */
  sync(media: LocalMedia): void {
    if (this.#role === 'watch') return;
    this.#put('microphone', media.microphone.track);
    this.#put('camera', media.camera.track);
    this.#put('screen', media.screen?.video ?? null);
    this.#put('screen-audio', media.screen?.audio ?? null);
  }

  /** What each section that we send on carries, by mid; right after a local description was set. */
  sources(): Record<string, Source> {
    const sources: Record<string, Source> = {};
    for (const [source, { mid, direction }] of this.#transceivers) {
      if (mid !== null && direction.startsWith('send')) sources[mid] = source;
    }
    return sources;
  }

  #put(source: Source, track: MediaStreamTrack | null): void {
    const transceiver = this.#transceivers.get(source);
    if (!transceiver) {
      if (track) this.#add(source, track);
      return;
    }
    if (transceiver.sender.track !== track) void transceiver.sender.replaceTrack(track).catch(() => undefined);
    if (isScreen(source)) transceiver.direction = track ? 'sendonly' : 'inactive';
  }

  #add(source: Source, track: MediaStreamTrack | null): void {
    const onlySends = isScreen(source) || this.#role === 'stream';
    const video = KIND[source] === 'video';
    const maxBitrate = source === 'screen' ? SCREEN_BITRATE : this.#cameraBitrate;
    const transceiver = this.#pc.addTransceiver(track ?? KIND[source], {
      direction: onlySends ? 'sendonly' : 'sendrecv',
      streams: [isScreen(source) ? this.#display : this.#person],
      ...(video ? { sendEncodings: [{ maxBitrate }] } : {}),
    });
    this.#transceivers.set(source, transceiver);
  }
}

function isScreen(source: Source): boolean {
  return source === 'screen' || source === 'screen-audio';
}
