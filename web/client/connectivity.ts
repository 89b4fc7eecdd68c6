import { parseCandidate, type TransportAddress } from './candidate';
import { Emitter } from './emitter';
import { IceJournal } from './ice-journal';
import { NOTHING_KNOWN, type NetworkFacts } from './network';
import type { PairSummary } from './pair';
import { probe, type StunServer } from './probe';
import { Recovery, type RestartReason } from './recovery';
import type { Timeline } from './timeline';
import { WayChooser } from './way-chooser';
import { WayMemory } from './way-memory';

interface ConnectivityEvents {
  /** Media can flow, for the first time or again. */
  up: void;
  /** Media does not flow at the moment. */
  down: void;
  /** Asks for TURN servers: the owner must request them from the server. */
  relaysWanted: void;
  facts: NetworkFacts;
  /** All repairs failed. Called once. */
  lost: { detail: string };
}

/**
 * Keeps one RTCPeerConnection connected: restarts ICE when it breaks, chooses its way, and holds the facts about the
 * network. Tracks stay throughout. In the timeline: `restart` {reason}, `way` {way, reason}, `udp-check` {possible}.
 */
export class Connectivity extends Emitter<ConnectivityEvents> {
  readonly #pc: RTCPeerConnection;
  readonly #timeline: Timeline;
  readonly #journal: IceJournal;
  readonly #recovery: Recovery;
  readonly #ways: WayChooser;
  #facts = NOTHING_KNOWN;
  #isUp = false;
  #wasUp = false;
  #hasPath = false;
  #network = '';

  constructor(pc: RTCPeerConnection, timeline: Timeline) {
    super();
    this.#pc = pc;
    this.#timeline = timeline;
    this.#recovery = new Recovery({
      restart: (reason) => this.#restart(reason),
      lost: (detail) => this.emit('lost', { detail }),
    });
    this.#ways = new WayChooser(
      {
        ask: () => this.emit('relaysWanted', undefined),
        allow: (relays) => this.#allow(relays),
        restart: (reason) => this.#recovery.restart(reason),
        canUdp: () => this.#canUdp(),
      },
      new WayMemory(),
    );
    this.#journal = new IceJournal(pc, timeline, {
      locals: (locals) => this.#learn({ locals }),
      pair: (pair) => this.#paired(pair),
    });
    pc.addEventListener('iceconnectionstatechange', () => this.#iceChanged());
    pc.addEventListener('connectionstatechange', () => this.#changed());
  }

  get facts(): NetworkFacts {
    return this.#facts;
  }

  /** The server answered our first offer. */
  began(): void {
    this.#ways.began();
  }

  /** This network's address, as the server sees it. */
  joined(network: string): void {
    this.#network = network;
    this.#ways.joined(network);
  }

  /** TURN servers of this server. */
  offered(relays: readonly RTCIceServer[]): void {
    this.#ways.offered(relays);
  }

  /** The server saw us at this address. Newer servers say by `path` whether they also send there. */
  seen({ address, port, protocol }: TransportAddress): void {
    if (!this.#hasPath) this.#learn({ seen: { address, port, protocol } });
    this.#journal.look();
  }

  /** The server sends there from now on. */
  moved({ address, port, protocol }: TransportAddress, reason: string, changes: number): void {
    this.#hasPath = true;
    // The server repeats it after a lost socket.
    const isNews = changes !== this.#facts.changes;
    const roamed = this.#facts.roamed + (reason === 'roamed' && isNews ? 1 : 0);
    this.#learn({ seen: { address, port, protocol }, changes, roamed });
    this.#journal.look();
  }

  /** Restarts ICE for a reason that this object cannot detect. */
  restart(reason: RestartReason): void {
    if (reason === 'network-changed') this.#ways.networkChanged();
    this.#recovery.restart(reason);
  }

  /** The server's UDP addresses, as the server announced them. */
  servers(): StunServer[] {
    const sdp = this.#pc.remoteDescription?.sdp ?? '';
    const candidates = (sdp.match(/^a=candidate:.*$/gm) ?? []).map(parseCandidate);
    const hosts = candidates.filter((candidate) => candidate?.protocol === 'udp' && candidate.type === 'host');
    const unique = new Map(hosts.map((host) => [`${host!.address} ${host!.port}`, host!]));
    return [...unique.values()].map(({ address, port }) => ({ address, port }));
  }

  close(): void {
    this.#recovery.close();
    this.#ways.close();
  }

  #iceChanged(): void {
    const state = this.#pc.iceConnectionState;
    this.#recovery.changed(state);
    if (state === 'failed' && !this.#wasUp && !this.#ways.failed()) this.emit('lost', { detail: 'no way found' });
    this.#changed();
  }

  #changed(): void {
    const { connectionState, iceConnectionState: ice } = this.#pc;
    // ICE can be repaired after a failure; DTLS cannot.
    if (connectionState === 'failed' && ice !== 'failed') this.emit('lost', { detail: 'not secured' });
    const isUp = connectionState === 'connected' && (ice === 'connected' || ice === 'completed');
    if (isUp && !this.#isUp) {
      this.#isUp = this.#wasUp = true;
      this.#journal.look();
      this.emit('up', undefined);
    } else if (this.#isUp && (ice === 'disconnected' || ice === 'failed')) {
      this.#isUp = false;
      this.emit('down', undefined);
    }
  }

  #restart(reason: RestartReason): void {
    this.#timeline.note('restart', { reason });
    // The server notices a lost path before the browser does.
    if (!this.#isUp || reason === 'server') this.#ways.repairing();
    this.#learn({ restarts: this.#facts.restarts + 1 });
    this.#pc.restartIce();
  }

  #allow(relays: readonly RTCIceServer[]): void {
    this.#timeline.note('relays', { urls: relays.flatMap(({ urls }) => urls) });
    this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: [...relays] });
  }

  async #canUdp(): Promise<boolean> {
    // Without a NAT a probe is not reliable. A restart is harmless, and shows it reliably.
    if (this.#facts.locals.some(({ address }) => address === this.#network)) return true;
    const { udp } = await probe(this.servers().slice(0, 1));
    this.#timeline.note('udp-check', { possible: udp });
    return udp;
  }

  #paired({ way }: PairSummary): void {
    const { way: before, reason: reasonBefore } = this.#facts;
    this.#ways.connected(way);
    const { reason } = this.#ways;
    if (way === before && reason === reasonBefore) return;
    this.#timeline.note('way', { way, reason });
    this.#learn({ way, reason });
  }

  #learn(change: Partial<NetworkFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.emit('facts', this.#facts);
  }
}
