import { DIRECT_PATIENCE, UDP_CHECK_CAP, UDP_CHECK_FIRST } from './limits';
import type { WayReason } from './network';
import { isRelay, type Way } from './pair';
import type { RestartReason } from './recovery';
import type { WayMemory } from './way-memory';

export interface WayChooserOutput {
  /** The server is to be asked for TURN servers; its answer is `offered`. */
  ask(): void;
  /** From now on ICE may use these TURN servers too. */
  allow(relays: readonly RTCIceServer[]): void;
  restart(reason: RestartReason): void;
  /** Whether an answer comes back over UDP now. */
  canUdp(): Promise<boolean>;
}

/**
 * Chooses between the direct ways (UDP, ICE-TCP) and TURN, which costs a detour and the server work:
 * direct first; TURN when nothing direct comes up in time, at once when this network needed it the last time, and whenever
 * a connection is to be repaired; back to UDP when that has become possible again.
 *
 * Timers: `DIRECT_PATIENCE` from the server's answer until TURN is added; while the way is not UDP, a check whether that is
 * possible now, first after `UDP_CHECK_FIRST`, then each pause twice the one before, up to `UDP_CHECK_CAP`.
 */
export class WayChooser {
  readonly #output: WayChooserOutput;
  readonly #memory: WayMemory;
  #network = '';
  #relays: readonly RTCIceServer[] = [];
  #allowed = false;
  #wantsRelay = false;
  #isUp = false;
  #way: Way | null = null;
  #reason: WayReason = 'direct';
  #relayReason: 'remembered' | 'blocked' = 'blocked';
  #patience: ReturnType<typeof setTimeout> | undefined;
  #check: ReturnType<typeof setTimeout> | undefined;
  #checkPause = UDP_CHECK_FIRST;
  #over = false;

  constructor(output: WayChooserOutput, memory: WayMemory) {
    this.#output = output;
    this.#memory = memory;
  }

  get way(): Way | null {
    return this.#way;
  }

  get reason(): WayReason {
    return this.#reason;
  }

  /** The server let us in, or in again; `network` is the address that it sees. */
  joined(network: string): void {
    this.#network = network;
    // Question or answer may have been lost with the socket before.
    if (this.#wantsRelay || (this.#isUp && this.#relays.length === 0)) this.#output.ask();
    if (!this.#isUp && this.#memory.needsRelay(network)) this.#turnTo('remembered');
  }

  /** The server's TURN servers. New credentials replace the old. */
  offered(relays: readonly RTCIceServer[]): void {
    this.#relays = relays;
    if (this.#allowed) this.#output.allow(relays);
    else if (this.#wantsRelay && this.#allow()) this.#output.restart('relay');
  }

  /** The server's first answer is here: ICE has begun. */
  began(): void {
    if (this.#isUp || this.#wantsRelay || this.#over) return;
    this.#patience ??= setTimeout(() => this.#turnTo('blocked'), DIRECT_PATIENCE);
  }

  /** ICE could not come up by what it was allowed so far. False: there is nothing else to try. */
  failed(): boolean {
    if (this.#allowed) return false;
    this.#turnTo('blocked');
    return true;
  }

  /** A connection that was up is to be repaired: every way is welcome. */
  repairing(): void {
    this.#isUp = false;
    this.#wantsRelay = true;
    this.#allow();
    // Those at hand may be old.
    this.#output.ask();
  }

  /** Connected, or connected otherwise than before. */
  connected(way: Way): void {
    clearTimeout(this.#patience);
    const before = this.#way;
    this.#isUp = true;
    this.#way = way;
    if (isRelay(way)) this.#memory.remember(this.#network);
    // Whoever has them when the way breaks need not ask a server that is hard to reach then.
    if (before === null && this.#relays.length === 0) this.#output.ask();
    if (way === before) return;
    this.#reason = this.#reasonOf(way, before);
    clearTimeout(this.#check);
    this.#checkPause = UDP_CHECK_FIRST;
    this.#wantsRelay = false;
    if (way === 'udp') this.#memory.forget(this.#network);
    else this.#planCheck();
  }

  /** This device is on another network: what was found out about the one before is void. */
  networkChanged(): void {
    this.#checkPause = UDP_CHECK_FIRST;
    if (this.#way !== null && this.#way !== 'udp') this.#planCheck();
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#patience);
    clearTimeout(this.#check);
  }

  #reasonOf(way: Way, before: Way | null): WayReason {
    if (before !== null) return way === 'udp' || (isRelay(before) && !isRelay(way)) ? 'returned' : 'lost';
    if (isRelay(way)) return this.#relayReason;
    return way === 'udp' ? 'direct' : 'blocked';
  }

  #turnTo(reason: 'remembered' | 'blocked'): void {
    clearTimeout(this.#patience);
    if (this.#wantsRelay) return;
    this.#relayReason = reason;
    this.#wantsRelay = true;
    this.#output.ask();
  }

  /** False: there is nothing to allow, or nothing more. */
  #allow(): boolean {
    if (this.#allowed || this.#relays.length === 0) return false;
    this.#allowed = true;
    this.#output.allow(this.#relays);
    return true;
  }

  #planCheck(): void {
    clearTimeout(this.#check);
    this.#check = setTimeout(() => void this.#checkUdp(), this.#checkPause);
    this.#checkPause = Math.min(UDP_CHECK_CAP, this.#checkPause * 2);
  }

  async #checkUdp(): Promise<void> {
    const isPossible = this.#isUp && (await this.#output.canUdp().catch(() => false));
    if (this.#over || this.#way === 'udp') return;
    // The present way stays until ICE has found the better one, and if it finds none.
    if (isPossible && this.#isUp) this.#output.restart('udp-again');
    this.#planCheck();
  }
}
