import { DIRECT_PATIENCE, UDP_CHECK_CAP, UDP_CHECK_FIRST } from './limits';
import type { WayReason } from './network';
import { isRelay, type Way } from './pair';
import type { RestartReason } from './recovery';
import type { WayMemory } from './way-memory';

export interface WayChooserOutput {
  /** Asks the owner to request TURN servers from the server, and to pass the answer to `offered`. */
  ask(): void;
  /** From now on ICE may use these TURN servers too. */
  allow(relays: readonly RTCIceServer[]): void;
  restart(reason: RestartReason): void;
  /** Whether an answer comes back over UDP now. */
  canUdp(): Promise<boolean>;
}

/**
 * Chooses between the direct ways (UDP, ICE-TCP) and TURN, which costs latency and server CPU time: direct first; TURN when no
 * direct way connects in time, at once when this network needed it the last time, and for every repair of a connection; back to
 * UDP when that has become possible again.
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
    // Request or answer may have been lost with the previous socket.
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

  /** ICE could not connect by the ways allowed so far. False: there is nothing else to try. */
  failed(): boolean {
    if (this.#allowed) return false;
    this.#turnTo('blocked');
    return true;
  }

  /** A broken connection must be repaired: allows every way. */
  repairing(): void {
    this.#isUp = false;
    this.#wantsRelay = true;
    this.#allow();
    // The present credentials may be old.
    this.#output.ask();
  }

  /** Connected, or connected otherwise than before. */
  connected(way: Way): void {
    clearTimeout(this.#patience);
    const before = this.#way;
    this.#isUp = true;
    this.#way = way;
    if (isRelay(way)) this.#memory.remember(this.#network);
    // With TURN servers in advance, the client need not ask the server when the way breaks.
    if (before === null && this.#relays.length === 0) this.#output.ask();
    if (way === before) return;
    this.#reason = this.#reasonOf(way, before);
    clearTimeout(this.#check);
    this.#checkPause = UDP_CHECK_FIRST;
    this.#wantsRelay = false;
    if (way === 'udp') this.#memory.forget(this.#network);
    else this.#planCheck();
  }

  /** This device is on another network: resets all facts about the previous one. */
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
