import { CONNECT_LIMIT, RECOVERY_LIMIT, RESTART_DELAY, RESTART_PATIENCE } from './limits';

/**
 * Why ICE restarts:
 * - `disconnected`, `failed`: the browser lost the server
 * - `retry`: the previous restart failed
 * - `network-changed`: this device is on another network, or back on one
 * - `server`: the server asked for it
 * - `relay`: another way was added, see WayChooser
 * - `udp-again`: a better way has become possible
 */
export type RestartReason = 'disconnected' | 'failed' | 'retry' | 'network-changed' | 'server' | 'relay' | 'udp-again';

export interface RecoveryOutput {
  restart(reason: RestartReason): void;
  /** Restarts did not help: make a new connection. */
  lost(detail: string): void;
}

/**
 * Decides when an unconnected connection restarts ICE, and when to give it up.
 *
 * Timers: `CONNECT_LIMIT` for the first connection, `RECOVERY_LIMIT` for one that was up and is down; `RESTART_DELAY` from
 * `disconnected` to the restart, `RESTART_PATIENCE` from one restart to the next.
 */
export class Recovery {
  readonly #output: RecoveryOutput;
  #wasUp = false;
  #isUp = false;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #restartTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(output: RecoveryOutput) {
    this.#output = output;
    this.#deadline = setTimeout(() => output.lost('no connection in time'), CONNECT_LIMIT);
  }

  /** The state of ICE changed. */
  changed(state: RTCIceConnectionState): void {
    if (state === 'connected' || state === 'completed') {
      this.#isUp = this.#wasUp = true;
      this.close();
    } else if (state === 'disconnected') {
      this.#down();
      this.#restartIn(RESTART_DELAY, 'disconnected');
    } else if (state === 'failed') {
      this.#down();
      // The first connection tries its ways in order by itself; a restart by the same way only helps after a change.
      if (this.#wasUp) this.#restartIn(0, 'failed');
    }
  }

  /** The present way is probably broken or will be soon: restart before the browser notices. */
  restart(reason: RestartReason): void {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    this.#output.restart(reason);
    if (!this.#isUp && this.#wasUp) this.#restartIn(RESTART_PATIENCE, 'retry');
  }

  /** No timer runs any more. */
  close(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#restartTimer);
    this.#deadline = this.#restartTimer = undefined;
  }

  #down(): void {
    this.#isUp = false;
    if (this.#wasUp) this.#deadline ??= setTimeout(() => this.#output.lost('no way found again'), RECOVERY_LIMIT);
  }

  /** A restart that is already on its way stays as it is: `disconnected` and `failed` may follow each other. */
  #restartIn(delay: number, reason: RestartReason): void {
    this.#restartTimer ??= setTimeout(() => this.restart(reason), delay);
  }
}
