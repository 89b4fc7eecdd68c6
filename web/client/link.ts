import { parseCandidate, parseCandidateText } from './candidate';
import { Connectivity } from './connectivity';
import { Emitter } from './emitter';
import type { LocalMedia } from './local-media';
import type { Codec, LineEstimate, Participant, Role, ServerMessage } from './message';
import { Negotiator } from './negotiator';
import type { NetworkFacts } from './network';
import type { StunServer } from './probe';
import { Publisher } from './publisher';
import { RemoteStreams, type RemoteStream } from './remote-streams';
import { Roster } from './roster';
import { Signaling } from './signaling';
import type { ServerTimeline, Timeline } from './timeline';
import { Views, type Picture, type PictureQuality, type View } from './views';

export interface LinkOptions {
  url: string;
  peerId: string;
  room: string;
  name: string;
  role: Role;
  codec?: Codec;
  /** For rooms that are not open. */
  token?: string;
  cameraBitrate?: number;
  pictures: PictureQuality;
  media: LocalMedia;
  /** Earlier ids of ours, not to be shown as participants. */
  formerIds: ReadonlySet<string>;
  timeline: Timeline;
}

/**
 * Why a link ended:
 * - `left`: the server let us go; do not come back
 * - `peer-taken`: come back with another id
 * - `room-full`, `server-full`: come back later
 * - `unauthorized`: the room takes a token, and ours is missing, expired or for something else
 * - `signaling`: the WebSocket could not be opened, was closed, or went silent
 * - `media`: signaling works, but no media connection came up or it broke
 * - `shutdown`: the server stops
 * - `refused`: the server did not accept our messages, or we did not accept the server's; `detail` has the error text
 */
export type LinkEnd =
  'left' | 'peer-taken' | 'room-full' | 'server-full' | 'unauthorized' | 'signaling' | 'media' | 'shutdown' | 'refused';

interface LinkEvents {
  /** The server let us in. */
  joined: { room: string; version: string };
  /** Media can flow, for the first time or again. */
  connected: void;
  /** Media does not flow; the link repairs it. */
  interrupted: void;
  participants: { participants: readonly Participant[]; audience: number };
  streams: readonly RemoteStream[];
  line: LineEstimate;
  network: NetworkFacts;
  /** The last event. Comes once, and never after `close()`. */
  ended: { reason: LinkEnd; detail: string };
}

/**
 * One stay with the server: one id, one RTCPeerConnection. The link repairs both its media (Connectivity) and its signaling
 * as long as the server remembers us; then it ends.
 */
export class Link extends Emitter<LinkEvents> {
  readonly pc: RTCPeerConnection;
  readonly peerId: string;
  readonly #options: LinkOptions;
  readonly #signaling: Signaling;
  readonly #negotiator: Negotiator;
  readonly #connectivity: Connectivity;
  readonly #publisher: Publisher;
  readonly #roster: Roster;
  readonly #remote = new RemoteStreams();
  readonly #views: Views;
  readonly #stopMedia: () => void;
  #muted = 'false false';
  #mapped = false;
  #probePort: number | null = null;
  #timelineWaiters: ((timeline: ServerTimeline) => void)[] = [];
  #joined = false;
  #over = false;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.peerId = options.peerId;
    this.#roster = new Roster(options.formerIds);
    this.#signaling = new Signaling(options.url, options.peerId, options.timeline);
    this.#signaling.on('message', (message) => this.#received(message));
    this.#signaling.on('lost', ({ reason }) => this.#end('signaling', reason));
    this.#views = new Views(options.pictures, (tracks) => this.#signaling.send({ type: 'view', tracks }));

    this.pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
    this.#connectivity = new Connectivity(this.pc, options.timeline);
    this.#connectivity.on('up', () => this.emit('connected', undefined));
    this.#connectivity.on('down', () => this.emit('interrupted', undefined));
    this.#connectivity.on('relaysWanted', () => this.#signaling.send({ type: 'turn' }));
    this.#connectivity.on('facts', (facts) => this.emit('network', facts));
    this.#connectivity.on('lost', ({ detail }) => this.#end('media', detail));
    this.#publisher = new Publisher(this.pc, options.role, options.cameraBitrate);
    this.#negotiator = new Negotiator(this.pc, {
      offer: (sdp) => this.#signaling.send({ type: 'offer', sdp, sources: this.#publisher.sources() }),
      answer: (sdp) => this.#signaling.send({ type: 'answer', sdp }),
      failed: (error) => this.#end('refused', String(error)),
    });
    this.pc.onicecandidate = ({ candidate }) => this.#foundCandidate(candidate);
    this.pc.ontrack = ({ streams }) => this.#foundTrack(streams);

    const { room, name, role, codec, token } = options;
    this.#signaling.send({
      type: 'join-room',
      room,
      name,
      role,
      resume: true,
      ...(codec ? { codec } : {}),
      ...(token ? { token } : {}),
    });
    this.#sendMute();
    // The offer is made while the socket still opens; the signaling keeps it until then.
    this.#publisher.start(options.media);
    this.#stopMedia = options.media.on('change', () => this.#localChanged());
  }

  /** The network has changed: the present way is broken, or no longer the best. */
  networkChanged(): void {
    this.#signaling.renew();
    this.#connectivity.restart('network-changed');
  }

  /** How the page shows a picture. */
  show(track: MediaStreamTrack, view: View): void {
    this.#views.show(track, view);
  }

  choosePictures(quality: PictureQuality): void {
    this.#views.choose(quality);
  }

  /** The server's timeline of this session; never resolves with a server that has none. */
  serverTimeline(): Promise<ServerTimeline> {
    this.#signaling.send({ type: 'timeline' });
    return new Promise((resolve) => this.#timelineWaiters.push(resolve));
  }

  /** Ports of the server that a probe may ask from one local port, to see how the NAT maps it. */
  probeServers(): StunServer[] {
    const first = this.#connectivity.servers()[0];
    if (!first) return [];
    return this.#probePort === null ? [first] : [first, { ...first, port: this.#probePort }];
  }

  /** Says goodbye and frees everything; local tracks stay as they are. */
  close(): void {
    if (this.#over) return;
    this.#signaling.send({ type: 'leave' });
    this.#finish();
  }

  #received(message: ServerMessage): void {
    if (this.#roster.apply(message))
      this.emit('participants', { participants: this.#roster.participants, audience: this.#roster.audience });
    switch (message.type) {
      case 'joined':
        this.#joined = true;
        this.#probePort = message.probePort;
        this.#connectivity.joined(message.address);
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
        this.#connectivity.began();
        break;
      case 'candidate': {
        const candidate = parseCandidateText(message.candidate);
        if (candidate) this.#negotiator.remoteCandidate(candidate);
        break;
      }
      case 'stun-candidate':
        this.#learnedAddress(message.stunCandidate);
        break;
      case 'resumed':
        this.#connectivity.joined(message.address);
        this.#sendMute(true);
        this.#views.resend();
        this.#negotiator.resume();
        break;
      case 'turn':
        this.#connectivity.offered(message.iceServers);
        break;
      case 'path':
        this.#connectivity.moved(message, message.reason, message.changes);
        break;
      case 'restart-ice':
        this.#connectivity.restart('server');
        break;
      case 'viewing':
        if (message.line) this.emit('line', message.line);
        // It may be about sections of an offer that is not applied yet.
        this.#negotiator.afterwards(() => this.#viewed(message));
        break;
      case 'timeline':
        for (const resolve of this.#timelineWaiters.splice(0)) resolve(message.timeline);
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
    const address = candidate?.candidate && parseCandidate(candidate.candidate);
    if (!address) return;
    if (!this.#mapped) this.#signaling.send({ type: 'ice-candidate', candidate: text });
    this.#mapped = true;
    this.#connectivity.seen(address);
  }

  #refused(code: string, message: string): void {
    switch (code) {
      case 'peer-taken':
      case 'room-full':
      case 'server-full':
      case 'unauthorized':
        this.#end(code, message);
        break;
      case 'too-many-joins':
        this.#end('server-full', message);
        break;
      case 'forbidden':
        this.#end(this.#joined ? 'refused' : 'unauthorized', message || code);
        break;
      case 'bad-sdp':
      case 'not-joined':
        // The exchange of descriptions cannot go on.
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
    if (this.#over || !this.#remote.refresh()) return;
    this.#views.receive(this.#pictures());
    this.emit('streams', this.#remote.streams);
  }

  #viewed({ tracks }: ServerMessage & { type: 'viewing' }): void {
    const changed = tracks.map(({ mid, ...viewing }) => {
      const transceiver = this.pc.getTransceivers().find((candidate) => candidate.mid === mid);
      return transceiver !== undefined && this.#remote.view(transceiver.receiver.track, viewing);
    });
    if (changed.includes(true)) this.emit('streams', this.#remote.streams);
  }

  #pictures(): Picture[] {
    return this.#remote.streams.flatMap(({ video, kind }) => {
      const mid = this.pc.getTransceivers().find(({ receiver }) => receiver.track === video)?.mid;
      return video && mid ? [{ mid, track: video, kind }] : [];
    });
  }

  #localChanged(): void {
    this.#publisher.sync(this.#options.media);
    this.#sendMute();
  }

  /** `again`: the server may have missed the last messages. */
  #sendMute(again = false): void {
    const { role, media } = this.#options;
    if (role === 'watch') return;
    const audio = !media.microphone.on;
    const video = !media.camera.on;
    const muted = `${audio} ${video}`;
    if (muted === this.#muted && !again) return;
    this.#muted = muted;
    this.#signaling.send({ type: 'mute', audio, video });
  }

  #end(reason: LinkEnd, detail: string): void {
    if (this.#over) return;
    // The socket may still work when media does not: `leave` keeps others from seeing us twice.
    if (reason === 'media') this.#signaling.send({ type: 'leave' });
    this.#finish();
    this.emit('ended', { reason, detail });
  }

  #finish(): void {
    this.#over = true;
    this.#connectivity.close();
    this.#stopMedia?.();
    this.#views.close();
    this.#signaling.close();
    this.pc.onicecandidate = this.pc.ontrack = this.pc.onnegotiationneeded = null;
    this.pc.close();
  }
}

function endOfBye(reason: string): LinkEnd {
  switch (reason) {
    case 'left':
      return 'left';
    case 'shutdown':
      return 'shutdown';
    case 'expired':
      return 'unauthorized';
    default:
      return 'media';
  }
}
