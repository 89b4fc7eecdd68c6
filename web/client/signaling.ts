import { Emitter } from './emitter';
import { RESUME_ATTEMPT, RESUME_LIMIT, RESUME_PAUSE } from './limits';
import type { ClientMessage, ServerMessage } from './message';
import { Socket } from './socket';
import type { Timeline } from './timeline';

interface SignalingEvents {
  /** A message of the server; after `resumed`, earlier messages may be missing in both directions. */
  message: ServerMessage;
  /** The server is unreachable, or has forgotten this participant. Comes once, and never after `close()`. */
  lost: { reason: string };
}

/** WebSocket URL of the server that served the page. */
export function signalingUrl(page: string): string {
  const url = new URL('/sdp', page);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  url.hash = '';
  return url.href;
}

/**
 * The signaling connection to the server, over one WebSocket after the other: when one is lost, the next takes over the same
 * participant (docs/signaling.md, "When the network changes"), and media goes on meanwhile.
 *
 * Timers: a new socket has `RESUME_ATTEMPT` to take over, after `RESUME_PAUSE` the next one tries, and after `RESUME_LIMIT`
 * the server has forgotten us.
 */
export class Signaling extends Emitter<SignalingEvents> {
  readonly #url: string;
  readonly #peerId: string;
  readonly #timeline: Timeline;
  #socket: Socket;
  #isDown = false;
  /** The socket that tries to take over. */
  #next: Socket | null = null;
  #token = '';
  #attempt: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(url: string, peerId: string, timeline: Timeline) {
    super();
    this.#url = url;
    this.#peerId = peerId;
    this.#timeline = timeline;
    this.#socket = this.#open();
  }

  /** Sends a message. Without a working socket it is lost, as are messages in flight. */
  send(message: ClientMessage): void {
    this.#socket.send(message);
  }

  /** The network has changed: replaces the socket, which is probably broken, without waiting for a timeout. */
  renew(): void {
    if (this.#over) return;
    if (this.#token) this.#resume();
    else this.#socket.doubt();
  }

  /** Closes without a `lost` event. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#attempt);
    clearTimeout(this.#deadline);
    this.#socket.close();
    this.#next?.close();
  }

  #open(): Socket {
    const socket = new Socket(this.#url, this.#peerId, this.#timeline);
    socket.on('message', (message) => this.#received(socket, message));
    socket.on('lost', ({ reason }) => this.#lost(socket, reason));
    return socket;
  }

  #received(socket: Socket, message: ServerMessage): void {
    if (message.type === 'joined' || message.type === 'resumed') this.#token = message.resume || this.#token;
    if (socket === this.#next) {
      if (message.type === 'error') this.#giveUp(message.code);
      if (message.type !== 'resumed') return;
      this.#takeOver(socket);
    }
    this.emit('message', message);
  }

  #takeOver(socket: Socket): void {
    clearTimeout(this.#attempt);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#socket.close();
    this.#socket = socket;
    this.#isDown = false;
    this.#next = null;
  }

  #lost(socket: Socket, reason: string): void {
    if (socket === this.#next) {
      this.#next = null;
      clearTimeout(this.#attempt);
      this.#attempt = setTimeout(() => this.#resume(), RESUME_PAUSE);
      return;
    }
    this.#isDown = true;
    if (!this.#token) this.#giveUp(reason);
    else if (!this.#next) this.#resume();
  }

  #resume(): void {
    this.#next?.close();
    this.#deadline ??= setTimeout(() => this.#giveUp('not resumed in time'), RESUME_LIMIT);
    this.#next = this.#open();
    this.#next.send({ type: 'resume', token: this.#token });
    clearTimeout(this.#attempt);
    this.#attempt = setTimeout(() => this.#resume(), RESUME_ATTEMPT);
  }

  /** The next socket did not take over. This ends the signaling, unless the first socket still works. */
  #giveUp(reason: string): void {
    clearTimeout(this.#attempt);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#next?.close();
    this.#next = null;
    if (!this.#isDown || this.#over) return;
    this.close();
    this.emit('lost', { reason });
  }
}
