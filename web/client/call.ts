import { backoffDelay, fullDelay } from './backoff';
import { formatAddress } from './candidate';
import { Emitter } from './emitter';
import { receivedLevels } from './levels';
import { Link, type LinkEnd, type LinkOptions } from './link';
import { STABLE_AFTER, TIMELINE_LIMIT } from './limits';
import type { LocalMedia } from './local-media';
import type { Codec, LineEstimate, Participant, Role } from './message';
import { NOTHING_KNOWN, type NetworkFacts } from './network';
import { onNetworkChange } from './network-events';
import { makePeerId } from './peer-id';
import { probe, type ProbeResult } from './probe';
import type { RemoteStream } from './remote-streams';
import { makeReport, type Report } from './report';
import { StatsReader, type CallSummary } from './summary';
import { Timeline } from './timeline';
import type { PictureQuality, View } from './views';

export interface CallOptions {
  /** WebSocket URL of the server, see `signalingUrl`. */
  url: string;
  room: string;
  name: string;
  role: Role;
  media: LocalMedia;
  codec?: Codec;
  /** For rooms that are not open. */
  token?: string;
  /** Upper bound of the camera's video, bit/s. */
  cameraBitrate?: number;
  /** The pictures to receive; `automatic` if absent. */
  pictures?: PictureQuality;
}

/**
 * - `connecting`: first attempt
 * - `connected`: media can flow
 * - `reconnecting`: the connection failed, and the client tries again without end. It first repairs the connection
 *   (`trouble` is null, the streams stay), then makes a new one
 * - `left`: over; a Call cannot be used again
 */
export type CallState = 'connecting' | 'connected' | 'reconnecting' | 'left';

export interface CallSnapshot {
  state: CallState;
  /** Our id in the room; changes with every reconnect. */
  peerId: string;
  room: string;
  participants: readonly Participant[];
  /** The number of watchers beyond those in `participants`: the server lists only the first ones. */
  audience: number;
  streams: readonly RemoteStream[];
  /** The user's choice of pictures to receive. */
  pictures: PictureQuality;
  /** The server's estimate of the line to this client; null until it has told one. */
  line: LineEstimate | null;
  /** The facts about the network that the present connection has learned. */
  network: NetworkFacts;
  /** Why the last attempt ended; null while connected. */
  trouble: LinkEnd | null;
  /** Failed attempts in a row. */
  failures: number;
}

export interface CallTimings {
  /** All performance.now(); null: not yet. */
  joinStarted: number;
  connected: number | null;
  firstRemoteFrame: number | null;
  /** The last time that a connection was established, and the number of reconnects. */
  lastConnected: number | null;
  reconnects: number;
}

interface CallEvents {
  /** `snapshot` is a new object. */
  change: CallSnapshot;
  /** One failed attempt, with the message of browser or server; for logs. */
  trouble: { reason: LinkEnd; detail: string; retryIn: number };
}

/**
 * A stay in a room. It uses one Link after the other, until `leave()`.
 *
 * Timers: the pause before the next attempt; `STABLE_AFTER`, after which a connection counts as good.
 */
export class Call extends Emitter<CallEvents> {
  readonly role: Role;
  readonly media: LocalMedia;
  readonly timings: CallTimings;
  readonly #options: CallOptions;
  readonly #makeLink: (options: LinkOptions) => Link;
  readonly #formerIds = new Set<string>();
  readonly #stats = new StatsReader();
  readonly #timeline = new Timeline();
  readonly #stopListening: () => void;
  #snapshot: CallSnapshot;
  #link: Link | null = null;
  /** The present link has been connected before. */
  #isRepair = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #stableTimer: ReturnType<typeof setTimeout> | undefined;

  /** Starts at once. `makeLink` is for tests. */
  constructor(options: CallOptions, makeLink: (options: LinkOptions) => Link = (link) => new Link(link)) {
    super();
    this.#options = options;
    this.#makeLink = makeLink;
    this.role = options.role;
    this.media = options.media;
    this.timings = {
      joinStarted: performance.now(),
      connected: null,
      firstRemoteFrame: null,
      lastConnected: null,
      reconnects: 0,
    };
    this.#snapshot = {
      state: 'connecting',
      peerId: '',
      room: options.room,
      participants: [],
      audience: 0,
      streams: [],
      pictures: options.pictures ?? 'automatic',
      line: null,
      network: NOTHING_KNOWN,
      trouble: null,
      failures: 0,
    };
    this.#stopListening = onNetworkChange((event) => this.#networkChanged(event));
    window.addEventListener('pagehide', this.#pageWent);
    window.addEventListener('pageshow', this.#pageCameBack);
    this.#attempt();
  }

  get snapshot(): CallSnapshot {
    return this.#snapshot;
  }

  /** How loud the others are now, by id of their audio track. */
  async levels(): Promise<Map<string, number>> {
    return this.#link ? receivedLevels(this.#link.pc) : new Map<string, number>();
  }

  leave(): void {
    if (this.#snapshot.state === 'left') return;
    this.#link?.close();
    this.#finish();
  }

  /** Does not wait for the present pause to end. */
  retryNow(): void {
    if (this.#link === null && this.#snapshot.state !== 'left') this.#attempt();
  }

  /**
   * How the page shows the picture of this track, so that the server sends no larger one than it needs; `observeView` watches
   * an element for it. A picture of which nothing was said comes as large as it is.
   */
  show(track: MediaStreamTrack, view: View): void {
    this.#link?.show(track, view);
  }

  /** Chooses the pictures to receive; sound never depends on it. */
  choosePictures(pictures: PictureQuality): void {
    this.#link?.choosePictures(pictures);
    this.#update({ pictures });
  }

  /** The page reports the first picture of another participant: only the page knows when it shows one. */
  noteRemoteFrame(at: number = performance.now()): void {
    this.timings.firstRemoteFrame ??= at;
  }

  /** Figures of the present connection, see CallSummary. The first takes a moment, as rates need two samples. */
  async summary(): Promise<CallSummary> {
    const snapshot = this.#snapshot;
    const { seen } = snapshot.network;
    const numbers = await this.#stats.read(this.#link?.pc ?? null, snapshot.streams);
    return {
      state: snapshot.state,
      peerId: snapshot.peerId,
      room: snapshot.room,
      mappedAddress: seen ? formatAddress(seen) : null,
      line: snapshot.line,
      network: snapshot.network,
      participants: snapshot.participants,
      timings: { ...this.timings },
      ...numbers,
    };
  }

  /** All data for the diagnosis of a network problem; includes the server's timeline if it answers in time. */
  async report(): Promise<Report> {
    const server = this.#link?.serverTimeline() ?? Promise.resolve(null);
    const late = new Promise<null>((resolve) => setTimeout(resolve, TIMELINE_LIMIT, null));
    const [summary, told] = await Promise.all([this.summary(), Promise.race([server, late])]);
    return makeReport(this.#timeline, summary, told);
  }

  /** Measures, beside the call, what kind of NAT is in front of this device; null if the server has no second port to ask. */
  async measureNat(): Promise<ProbeResult | null> {
    const servers = this.#link?.probeServers() ?? [];
    if (servers.length < 2) return null;
    const result = await probe(servers);
    this.#timeline.note('probe', { ...result });
    return result;
  }

  #attempt(): void {
    clearTimeout(this.#retryTimer);
    if (this.#snapshot.peerId) this.#formerIds.add(this.#snapshot.peerId);
    const peerId = makePeerId();
    this.#update({ peerId });
    this.#timeline.note('attempt', { peerId, failures: this.#snapshot.failures });
    const link = this.#makeLink({
      ...this.#options,
      pictures: this.#snapshot.pictures,
      peerId,
      formerIds: this.#formerIds,
      timeline: this.#timeline,
    });
    this.#link = link;
    this.#isRepair = false;
    link.on('joined', ({ room }) => this.#update({ room }));
    link.on('participants', (people) => this.#update(people));
    link.on('streams', (streams) => this.#update({ streams }));
    link.on('line', (line) => this.#update({ line }));
    link.on('network', (network) => this.#update({ network }));
    link.on('connected', () => this.#connected());
    link.on('interrupted', () => this.#interrupted());
    link.on('ended', ({ reason, detail }) => this.#linkEnded(reason, detail));
  }

  #connected(): void {
    if (this.#snapshot.state === 'connected') return;
    const now = performance.now();
    if (this.timings.connected !== null && !this.#isRepair) this.timings.reconnects += 1;
    this.timings.connected ??= now;
    this.timings.lastConnected = now;
    this.#isRepair = true;
    clearTimeout(this.#stableTimer);
    this.#stableTimer = setTimeout(() => this.#update({ failures: 0 }), STABLE_AFTER);
    this.#update({ state: 'connected', trouble: null });
  }

  #interrupted(): void {
    clearTimeout(this.#stableTimer);
    this.#update({ state: 'reconnecting', trouble: null });
  }

  #linkEnded(reason: LinkEnd, detail: string): void {
    clearTimeout(this.#stableTimer);
    this.#timeline.note('ended', { reason, detail });
    this.#link = null;
    if (reason === 'left') {
      this.#finish();
      return;
    }
    const { failures, state } = this.#snapshot;
    const isFull = reason === 'room-full' || reason === 'server-full' || reason === 'unauthorized';
    const retryIn = isFull ? fullDelay() : backoffDelay(failures);
    this.#retryTimer = setTimeout(() => this.#attempt(), retryIn);
    this.#update({
      state: state === 'connected' ? 'reconnecting' : state,
      // Their tracks have ended. The participants are probably still there: they stay until the next link lists them.
      streams: [],
      line: null,
      network: NOTHING_KNOWN,
      trouble: reason,
      failures: failures + 1,
    });
    this.emit('trouble', { reason, detail, retryIn });
  }

  #networkChanged(event: string): void {
    this.#timeline.note('network', { event });
    if (this.#link) this.#link.networkChanged();
    else this.retryNow();
  }

  readonly #pageWent = (): void => {
    this.#link?.close();
    this.#link = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
  };

  /** The browser froze the page and resumes it now. */
  readonly #pageCameBack = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted || this.#link) return;
    this.#update({ state: 'reconnecting' });
    this.#attempt();
  };

  #finish(): void {
    this.#link = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    this.#stopListening();
    window.removeEventListener('pagehide', this.#pageWent);
    window.removeEventListener('pageshow', this.#pageCameBack);
    this.#update({
      state: 'left',
      participants: [],
      audience: 0,
      streams: [],
      line: null,
      network: NOTHING_KNOWN,
      trouble: null,
    });
  }

  #update(change: Partial<CallSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.emit('change', this.#snapshot);
  }
}
