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
  /** Media can flow, again perhaps. */
  up: void;
  /** It does not, at the moment. */
  down: void;
  /** TURN servers would help: the server is to be asked for them. */
  relaysWanted: void;
  facts: NetworkFacts;
  /** All attempts to repair it failed: comes once. */
  lost: { detail: string };
}

/**
 * Keeps one RTCPeerConnection connected: restarts ICE when it breaks, chooses its way, and knows what it found out about
 * the network. Tracks stay through all of it. In the timeline: `restart` {reason}, `way` {way, reason}, `udp-check` {possible}.
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

  /** The address that the server sees this network as. */
  joined(network: string): void {
    this.#network = network;
    this.#ways.joined(network);
  }

  /** TURN servers of this server. */
  offered(relays: readonly RTCIceServer[]): void {
    this.#ways.offered(relays);
  }

  /** The server saw us come from there. Whether it sends there it says by a `path`, if it is one that says so. */
  seen({ address, port, protocol }: TransportAddress): void {
    if (!this.#hasPath) this.#learn({ seen: { address, port, protocol } });
    this.#journal.look();
  }

  /** The server sends there from now on. */
  moved({ address, port, protocol }: TransportAddress, reason: string, changes: number): void {
    this.#hasPath = true;
    // After a lost socket the server says it once more.
    const isNews = changes !== this.#facts.changes;
    const roamed = this.#facts.roamed + (reason === 'roamed' && isNews ? 1 : 0);
    this.#learn({ seen: { address, port, protocol }, changes, roamed });
    this.#journal.look();
  }

  /** A reason to restart ICE that only others know. */
  restart(reason: RestartReason): void {
    if (reason === 'network-changed') this.#ways.networkChanged();
    this.#recovery.restart(reason);
  }

  /** Addresses of the server that take UDP, as it told them. */
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
    // ICE that failed is repaired; DTLS that failed is not to be had again.
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
    // The server misses us before the browser misses the server.
    if (!this.#isUp || reason === 'server') this.#ways.repairing();
    this.#learn({ restarts: this.#facts.restarts + 1 });
    this.#pc.restartIce();
  }

  #allow(relays: readonly RTCIceServer[]): void {
    this.#timeline.note('relays', { urls: relays.flatMap(({ urls }) => urls) });
    this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: [...relays] });
  }

  async #canUdp(): Promise<boolean> {
    // Without a NAT a probe cannot be relied on. A restart harms nothing, and is the surest way to find out.
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
