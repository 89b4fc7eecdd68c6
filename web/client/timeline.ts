import { TIMELINE_LENGTH } from './limits';

/** One event. The code that records an event documents its name and its fields. */
export interface TimelineEntry {
  /** Milliseconds since 1970, by this device's clock. */
  at: number;
  event: string;
  [field: string]: unknown;
}

/** The server's own timeline of a session; its entries' times are milliseconds since `startedAt`, by the server's clock. */
export interface ServerTimeline {
  /** Milliseconds since 1970. */
  startedAt: number;
  events: readonly TimelineEntry[];
}

/**
 * The events of ICE and signaling and the library's own decisions, in order: for the network card and for bug reports. Its
 * length is limited: a long stay loses the oldest entries. It holds addresses, but never a password or a key.
 */
export class Timeline {
  readonly #entries: TimelineEntry[] = [];
  #lost = 0;

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  /** The number of entries dropped to make room. */
  get lost(): number {
    return this.#lost;
  }

  note(event: string, fields: Record<string, unknown> = {}): void {
    // performance.now does not jump when the clock is set.
    this.#entries.push({ at: Math.round(performance.timeOrigin + performance.now()), event, ...fields });
    if (this.#entries.length <= TIMELINE_LENGTH) return;
    this.#entries.shift();
    this.#lost += 1;
  }
}
