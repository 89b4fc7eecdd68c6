import { Emitter } from './emitter';
import { DOUBT_LIMIT, PING_INTERVAL, PULSE, SILENCE_LIMIT } from './limits';
import { parseServerMessage, type ClientMessage, type ServerMessage } from './message';
import { briefOf } from './message-brief';
import type { Timeline } from './timeline';

interface SocketEvents {
  open: void;
  message: ServerMessage;
  /** The socket is closed or silent. Called once, and never after `close()`. */
  lost: { code: number; reason: string };
}

/**
 * One WebSocket and its timeouts. In the timeline: `socket` {state, code}, `sent` and `received` {type, …}.
 *
 * Timers: a `PULSE` that sends a ping every `PING_INTERVAL` and notices `SILENCE_LIMIT` without any message; after
 * `doubt()` it waits for one reply for `DOUBT_LIMIT`.
 */
export class Socket extends Emitter<SocketEvents> {
  readonly #socket: WebSocket;
  readonly #peerId: string;
  readonly #timeline: Timeline;
  #outbox: string[] = [];
  #heardAt = Date.now();
  #pingedAt = 0;
  #pingsUnanswered = 0;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(url: string, peerId: string, timeline: Timeline) {
    super();
    this.#peerId = peerId;
    this.#timeline = timeline;
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = (event) => this.#received(event.data);
    this.#socket.onclose = (event) => this.#lost(event.code, event.reason);
    // `onerror` adds nothing to the `onclose` that follows it.
  }

  /** Sends a message, or keeps it until the socket is open. The peer id is added here. */
  send(message: ClientMessage): void {
    if (this.#over) return;
    this.#note('sent', message);
    const { type, ...fields } = message;
    const text = JSON.stringify({ type, peerId: this.#peerId, ...fields });
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#outbox.push(text);
  }

  /** The connection may be broken: sends a ping and waits only briefly for the reply. */
  doubt(): void {
    if (this.#over || this.#doubt !== undefined) return;
    this.send({ type: 'ping' });
    this.#doubt = setTimeout(() => this.#lost(0, 'silent'), DOUBT_LIMIT);
  }

  /** Closes without a `lost` event. */
  close(): void {
    this.#finish();
  }

  #opened(): void {
    this.#timeline.note('socket', { state: 'open' });
    for (const text of this.#outbox) this.#socket.send(text);
    this.#outbox = [];
    this.#heardAt = this.#pingedAt = Date.now();
    this.#pulse = setInterval(() => this.#beat(), PULSE);
    this.emit('open', undefined);
  }

  #received(data: unknown): void {
    if (this.#over) return;
    this.#heardAt = Date.now();
    this.#pingsUnanswered = 0;
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    const message = typeof data === 'string' ? parseServerMessage(data) : null;
    if (!message) return;
    this.#note('received', message);
    this.emit('message', message);
  }

  #beat(): void {
    const now = Date.now();
    // A laptop wakes from sleep with an old `heardAt`: only unanswered pings count as silence.
    if (now - this.#heardAt >= SILENCE_LIMIT && this.#pingsUnanswered >= 2) {
      this.#lost(0, 'silent');
      return;
    }
    if (now - this.#pingedAt < PING_INTERVAL) return;
    this.#pingedAt = now;
    this.#pingsUnanswered += 1;
    this.send({ type: 'ping' });
  }

  #lost(code: number, reason: string): void {
    if (this.#over) return;
    this.#timeline.note('socket', { state: 'lost', code, reason });
    this.#finish();
    this.emit('lost', { code, reason });
  }

  #note(event: string, message: ClientMessage | ServerMessage): void {
    const brief = briefOf(message);
    if (brief) this.#timeline.note(event, brief);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#pulse);
    clearTimeout(this.#doubt);
    this.#socket.close();
  }
}
