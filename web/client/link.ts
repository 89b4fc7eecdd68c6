import { candidateAddress, parseCandidateText, type TransportAddress } from './candidate';
import { Emitter } from './emitter';
import { CONNECT_LIMIT, DISCONNECTED_LIMIT } from './limits';
import type { LocalMedia } from './local-media';
import type { Codec, Participant, Role, ServerMessage } from './message';
import { Negotiator } from './negotiator';
import { Publisher } from './publisher';
import { RemoteStreams, type RemoteStream } from './remote-streams';
import { Roster } from './roster';
import { Signaling } from './signaling';

export interface LinkOptions {
  url: string;
  peerId: string;
  room: string;
  name: string;
  role: Role;
  codec?: Codec;
  cameraBitrate?: number;
  media: LocalMedia;
  /** Earlier ids of ours, not to be shown as participants. */
  formerIds: ReadonlySet<string>;
}

/**
 * Why a link ended:
 * - `left`: the server let us go; do not come back
 * - `peer-taken`: come back with another id
 * - `room-full`, `server-full`: come back later
 * - `signaling`: the WebSocket could not be opened, was closed, or went silent
 * - `media`: signaling works, but no media connection came up or it broke
 * - `shutdown`: the server stops
 * - `refused`: the server did not accept our messages, or we not its; `detail` has its words
 */
export type LinkEnd =
  | 'left'
  | 'peer-taken'
  | 'room-full'
  | 'server-full'
  | 'signaling'
  | 'media'
  | 'shutdown'
  | 'refused';

interface LinkEvents {
  /** The server let us in. */
  joined: { room: string; version: string };
  /** Media can flow. */
  connected: void;
  participants: { participants: readonly Participant[]; audience: number };
  streams: readonly RemoteStream[];
  mappedAddress: TransportAddress;
  /** Comes once, the last event; never after `close()`. */
  ended: { reason: LinkEnd; detail: string };
}

/**
 * One attempt at a connection: one id, one WebSocket, one RTCPeerConnection. It never heals, it ends.
 *
 * Timers: `CONNECT_LIMIT` until connected; `DISCONNECTED_LIMIT` for a connection that the browser calls disconnected.
 */
export class Link extends Emitter<LinkEvents> {
  readonly pc: RTCPeerConnection;
  readonly peerId: string;
  readonly #options: LinkOptions;
  readonly #signaling: Signaling;
  readonly #negotiator: Negotiator;
  readonly #publisher: Publisher;
  readonly #roster: Roster;
  readonly #remote = new RemoteStreams();
  readonly #stopMedia: () => void;
  #muted = '';
  #mapped = false;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #disconnectedTimer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.peerId = options.peerId;
    this.#roster = new Roster(options.formerIds);
    this.#signaling = new Signaling(options.url, options.peerId);
    this.#signaling.on('message', (message) => this.#received(message));
    this.#signaling.on('lost', ({ reason }) => this.#end('signaling', reason));

    this.pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
    this.#publisher = new Publisher(this.pc, options.role, options.cameraBitrate);
    this.#negotiator = new Negotiator(this.pc, {
      offer: (sdp) => this.#signaling.send({ type: 'offer', sdp, sources: this.#publisher.sources() }),
      answer: (sdp) => this.#signaling.send({ type: 'answer', sdp }),
      failed: (error) => this.#end('refused', String(error)),
    });
    this.pc.onicecandidate = ({ candidate }) => this.#foundCandidate(candidate);
    this.pc.ontrack = ({ streams }) => this.#foundTrack(streams);
    this.pc.onconnectionstatechange = () => this.#watchConnection();

    const { room, name, role, codec } = options;
    this.#signaling.send({ type: 'join-room', room, name, role, ...(codec ? { codec } : {}) });
    this.#sendMute();
    // The offer is made while the socket still opens; the signaling keeps it until then.
    this.#publisher.start(options.media);
    this.#stopMedia = options.media.on('change', () => this.#localChanged());
    this.#connectTimer = setTimeout(() => this.#end('media', 'no connection in time'), CONNECT_LIMIT);
  }

  /** The network may have changed: find out soon whether this link still lives. */
  doubt(): void {
    this.#signaling.doubt();
  }

  /** Says goodbye and frees everything; local tracks stay as they are. */
  close(): void {
    if (this.#over) return;
    this.#signaling.send({ type: 'leave' });
    this.#finish();
  }

  #received(message: ServerMessage): void {
    if (this.#roster.apply(message)) this.emit('participants', { participants: this.#roster.participants, audience: this.#roster.audience });
    switch (message.type) {
      case 'joined':
        this.emit('joined', { room: message.room || this.#options.room, version: message.version });
        break;
      case 'offer':
        this.#negotiator.remoteOffer(message.sdp, () => {
          this.#remote.describe(message.streams);
          this.#refreshStreams();
        });
        break;
      case 'answer':
        this.#negotiator.remoteAnswer(message.sdp);
        break;
      case 'candidate': {
        const candidate = parseCandidateText(message.candidate);
        if (candidate) this.#negotiator.remoteCandidate(candidate);
        break;
      }
      case 'stun-candidate':
        this.#learnedAddress(message.stunCandidate);
        break;
      case 'error':
        this.#refused(message.code, message.message);
        break;
      case 'bye':
        this.#end(endOfBye(message.reason), message.message);
        break;
      default:
        break;
    }
  }

  /** The first one is echoed: servers of the original protocol wait for it as a candidate of ours. */
  #learnedAddress(text: string): void {
    const candidate = parseCandidateText(text);
    const address = candidate?.candidate && candidateAddress(candidate.candidate);
    if (!address) return;
    if (!this.#mapped) this.#signaling.send({ type: 'ice-candidate', candidate: text });
    this.#mapped = true;
    this.emit('mappedAddress', address);
  }

  #refused(code: string, message: string): void {
    switch (code) {
      case 'peer-taken':
      case 'room-full':
      case 'server-full':
        this.#end(code, message);
        break;
      case 'bad-sdp':
      case 'forbidden':
      case 'not-joined':
        // The exchange of descriptions stands still for good.
        this.#end('refused', message || code);
        break;
      default:
        // `glare`: the server's offer is on its way, ours follows by itself. The others are about single messages.
        break;
    }
  }

  #foundCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate?.candidate) return;
    this.#signaling.send({ type: 'ice-candidate', candidate: JSON.stringify(candidate.toJSON()) });
  }

  #foundTrack(streams: readonly MediaStream[]): void {
    this.#remote.added(streams);
    for (const stream of streams) stream.onremovetrack = () => this.#refreshStreams();
  }

  #refreshStreams(): void {
    if (!this.#over && this.#remote.refresh()) this.emit('streams', this.#remote.streams);
  }

  #localChanged(): void {
    this.#publisher.sync(this.#options.media);
    this.#sendMute();
  }

  #sendMute(): void {
    const { role, media } = this.#options;
    if (role === 'watch') return;
    const audio = !media.microphone.on;
    const video = !media.camera.on;
    const muted = `${audio} ${video}`;
    if (muted === (this.#muted || 'false false')) return;
    this.#muted = muted;
    this.#signaling.send({ type: 'mute', audio, video });
  }

  #watchConnection(): void {
    clearTimeout(this.#disconnectedTimer);
    switch (this.pc.connectionState) {
      case 'connected':
        clearTimeout(this.#connectTimer);
        this.emit('connected', undefined);
        break;
      case 'disconnected':
        this.#disconnectedTimer = setTimeout(() => this.#end('media', 'disconnected'), DISCONNECTED_LIMIT);
        break;
      case 'failed':
        this.#end('media', 'failed');
        break;
      default:
        break;
    }
  }

  #end(reason: LinkEnd, detail: string): void {
    if (this.#over) return;
    // The socket may well be alive when the media is not: then the others need not see us twice.
    if (reason === 'media') this.#signaling.send({ type: 'leave' });
    this.#finish();
    this.emit('ended', { reason, detail });
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#disconnectedTimer);
    this.#stopMedia?.();
    this.#signaling.close();
    this.pc.onicecandidate = this.pc.ontrack = this.pc.onconnectionstatechange = this.pc.onnegotiationneeded = null;
    this.pc.close();
  }
}

function endOfBye(reason: string): LinkEnd {
  switch (reason) {
    case 'left':
      return 'left';
    case 'shutdown':
      return 'shutdown';
    default:
      return 'media';
  }
}
