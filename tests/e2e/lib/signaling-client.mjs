// A client of the signaling protocol without a browser: the test decides each of its messages.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { slowness } from './server.mjs';

export class SignalingClient {
  constructor(socket) {
    this.socket = socket;
    this.peerId = randomUUID();
    /** Every message so far; `next` has looked at the first `seen` of them. */
    this.received = [];
    this.seen = 0;
    this.closed = null;
    socket.on('message', (data) => {
      this.received.push(JSON.parse(data));
      socket.emit('news');
    });
    socket.on('close', (code) => {
      this.closed = code;
      socket.emit('news');
    });
    socket.on('error', () => {});
  }

  static async connect(server, options = {}) {
    const socket = new WebSocket(server.signaling, { maxPayload: 0, perMessageDeflate: false, ...options });
    const client = new SignalingClient(socket);
    await Promise.race([
      once(socket, 'open'),
      once(socket, 'close').then(([code]) => Promise.reject(new Error(`refused: ${code}`))),
    ]);
    return client;
  }

  static async joined(server, fields = {}) {
    const client = await SignalingClient.connect(server);
    client.send({ type: 'join-room', ...fields });
    await client.next('joined');
    return client;
  }

  /** Sends a message, with the client's own peerId unless the message has one. */
  send(message) {
    this.raw(JSON.stringify({ peerId: this.peerId, ...message }));
  }

  raw(text) {
    this.socket.send(text);
  }

  /** Waits for the next message of this type, or of one of these types, and skips all before it. */
  async next(type, seconds = 5 * slowness) {
    const found = await this.waitFor(() => {
      while (this.seen < this.received.length) {
        const message = this.received[this.seen];
        this.seen += 1;
        if ([type].flat().includes(message.type)) return message;
      }
      return null;
    }, seconds);
    if (!found)
      throw new Error(
        `no ${type} within ${seconds} s; got ${JSON.stringify(this.received).slice(-600)}${this.closed ? `, closed ${this.closed}` : ''}`,
      );
    return found;
  }

  /** Waits until the server closes; returns the close code. */
  async closing(seconds = 5 * slowness) {
    const code = await this.waitFor(() => this.closed, seconds);
    if (!code) throw new Error(`the socket is still open after ${seconds} s`);
    return code;
  }

  async waitFor(look, seconds) {
    const signal = AbortSignal.timeout(seconds * 1000);
    for (;;) {
      const value = look();
      if (value) return value;
      try {
        await once(this.socket, 'news', { signal });
      } catch {
        return null;
      }
    }
  }

  /** Waits until the server has handled all messages sent so far. */
  async settled() {
    this.send({ type: 'ping' });
    await this.next('pong');
  }

  close() {
    this.socket.terminate();
  }
}
