import { backoffDelay, fullDelay } from './backoff';
import { formatAddress } from './candidate';
import { Emitter } from './emitter';
import { receivedLevels } from './levels';
import { Link, type LinkEnd, type LinkOptions } from './link';
import { STABLE_AFTER } from './limits';
import type { LocalMedia } from './local-media';
import type { Codec, Participant, Role } from './message';
import { makePeerId } from './peer-id';
import type { RemoteStream } from './remote-streams';
import { StatsReader, type CallSummary } from './summary';

export interface CallOptions {
  /** WebSocket URL of the server, see `signalingUrl`. */
  url: string;
  room: string;
  name: string;
  role: Role;
  media: LocalMedia;
  codec?: Codec;
  /** Upper bound of the camera's video, bit/s. */
  cameraBitrate?: number;
}

/**
 * - `connecting`: first attempt
 * - `connected`: media can flow
 * - `reconnecting`: it did or might have, and we try again, for ever
 * - `left`: over; a Call is not used again
 */
export type CallState = 'connecting' | 'connected' | 'reconnecting' | 'left';

export interface CallSnapshot {
  state: CallState;
  /** Our id in the room; changes with every reconnect. */
  peerId: string;
  room: string;
  participants: readonly Participant[];
  /** Watchers beyond those in `participants`: in a crowd they are only counted. */
  audience: number;
  streams: readonly RemoteStream[];
  /** `address:port` as the server sees it; null until it said so. */
  mappedAddress: string | null;
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
  /** Latest time that a connection came up, and how often one came up again. */
  lastConnected: number | null;
  reconnects: number;
}

interface CallEvents {
  /** `snapshot` is a new object. */
  change: CallSnapshot;
  /** One failed attempt, with the words of browser or server; for logs. */
  trouble: { reason: LinkEnd; detail: string; retryIn: number };
}

/**
 * A stay in a room. It makes Links, one after the other, until `leave()`.
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
  #snapshot: CallSnapshot;
  #link: Link | null = null;
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
      mappedAddress: null,
      trouble: null,
      failures: 0,
    };
    window.addEventListener('online', this.#networkCameBack);
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

  /** Only the page sees pictures: it reports when the first one of another participant was shown. */
  noteRemoteFrame(at: number = performance.now()): void {
    this.timings.firstRemoteFrame ??= at;
  }

  /** Numbers of the present connection, see CallSummary. The first one takes a moment, as rates need two looks. */
  async summary(): Promise<CallSummary> {
    const snapshot = this.#snapshot;
    const numbers = await this.#stats.read(this.#link?.pc ?? null, snapshot.streams);
    return {
      state: snapshot.state,
      peerId: snapshot.peerId,
      room: snapshot.room,
      mappedAddress: snapshot.mappedAddress,
      participants: snapshot.participants,
      timings: { ...this.timings },
      ...numbers,
    };
  }

  #attempt(): void {
    clearTimeout(this.#retryTimer);
    if (this.#snapshot.peerId) this.#formerIds.add(this.#snapshot.peerId);
    const peerId = makePeerId();
    this.#update({ peerId });
    const link = this.#makeLink({ ...this.#options, peerId, formerIds: this.#formerIds });
    this.#link = link;
    link.on('joined', ({ room }) => this.#update({ room }));
    link.on('participants', (people) => this.#update(people));
    link.on('streams', (streams) => this.#update({ streams }));
    link.on('mappedAddress', (address) => this.#update({ mappedAddress: formatAddress(address) }));
    link.on('connected', () => this.#connected());
    link.on('ended', ({ reason, detail }) => this.#linkEnded(reason, detail));
  }

  #connected(): void {
    // The browser also says so after a short `disconnected`.
    if (this.#snapshot.state === 'connected') return;
    const now = performance.now();
    if (this.timings.connected !== null) this.timings.reconnects += 1;
    this.timings.connected ??= now;
    this.timings.lastConnected = now;
    this.#stableTimer = setTimeout(() => this.#update({ failures: 0 }), STABLE_AFTER);
    this.#update({ state: 'connected', trouble: null });
  }

  #linkEnded(reason: LinkEnd, detail: string): void {
    clearTimeout(this.#stableTimer);
    this.#link = null;
    if (reason === 'left') {
      this.#finish();
      return;
    }
    const { failures, state } = this.#snapshot;
    const isFull = reason === 'room-full' || reason === 'server-full';
    const retryIn = isFull ? fullDelay() : backoffDelay(failures);
    this.#retryTimer = setTimeout(() => this.#attempt(), retryIn);
    this.#update({
      state: state === 'connected' ? 'reconnecting' : state,
      // Their tracks are dead. The people are most likely still there: they stay until the next link knows better.
      streams: [],
      mappedAddress: null,
      trouble: reason,
      failures: failures + 1,
    });
    this.emit('trouble', { reason, detail, retryIn });
  }

  readonly #networkCameBack = (): void => {
    if (this.#link) this.#link.doubt();
    else this.retryNow();
  };

  readonly #pageWent = (): void => {
    this.#link?.close();
    this.#link = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
  };

  /** The page was frozen and not thrown away. */
  readonly #pageCameBack = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted || this.#link) return;
    this.#update({ state: 'reconnecting' });
    this.#attempt();
  };

  #finish(): void {
    this.#link = null;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#stableTimer);
    window.removeEventListener('online', this.#networkCameBack);
    window.removeEventListener('pagehide', this.#pageWent);
    window.removeEventListener('pageshow', this.#pageCameBack);
    this.#update({ state: 'left', participants: [], audience: 0, streams: [], mappedAddress: null, trouble: null });
  }

  #update(change: Partial<CallSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.emit('change', this.#snapshot);
  }
}
