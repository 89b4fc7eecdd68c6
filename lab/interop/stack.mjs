// The list of the other WebRTC stacks, and a class that runs one as a process (README.md lists its commands).

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hasEnded, kill, start } from '../../tests/e2e/lib/process.mjs';
import { slowness } from '../../tests/e2e/lib/server.mjs';
import { SignalingClient } from '../../tests/e2e/lib/signaling-client.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const debian = (name) =>
  execFileSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' }).replace(/^\d+:|[-+].*$/g, '');
const npm = (name) => JSON.parse(readFileSync(new URL('package.json', import.meta.url))).dependencies[name];

const node = (file) => [process.execPath, path(file)];

/**
 * `about`: remarks. `least`: the part of the frames that the stack must reach in a cell, where it differs from the usual.
 * `silent`: the stack closes without close_notify and without a BYE for each stream that it sends.
 */
export const stacks = [
  {
    name: 'pion',
    title: 'Pion',
    argv: [path('../../build/interop/pion'), path('source.py')],
    version: () => debian('golang-github-pion-webrtc.v3-dev'),
    about:
      'Go. No codecs; retransmits and sends NACKs, both without RTX. Its default codecs offer RTX but it drops RTX packets, so the test program does not offer RTX when it watches',
  },
  {
    name: 'aiortc',
    title: 'aiortc',
    argv: [path('aiortc-client.py')],
    version: () => debian('python3-aiortc'),
    about:
      'Python. Encodes and decodes; retransmits by RTX and sends NACKs. Its bundle uses one extension id for two extensions',
  },
  {
    name: 'gstreamer',
    title: 'GStreamer webrtcbin',
    argv: [path('gstreamer.py')],
    version: () => debian('gstreamer1.0-plugins-bad'),
    about:
      'C. Encodes and decodes; retransmits by RTX and sends NACKs. When it closes, it sends BYE for one of its two streams only',
    silent: true,
  },
  {
    name: 'werift',
    title: 'werift',
    argv: node('werift.mjs'),
    version: () => npm('werift'),
    about: 'TypeScript, its own DTLS. No codecs; retransmits by RTX and sends NACKs. Closes without a message',
    silent: true,
  },
  {
    name: 'wrtc',
    title: '@roamhq/wrtc',
    argv: node('wrtc.mjs'),
    version: () => npm('@roamhq/wrtc'),
    about: "C++, the browsers' own library under Node. Encodes and decodes; retransmits by RTX and sends NACKs",
  },
  {
    name: 'libdatachannel',
    title: 'node-datachannel',
    argv: node('libdatachannel.mjs'),
    version: () => npm('node-datachannel'),
    about:
      'libdatachannel (C++), which OBS uses. No codecs; retransmits without RTX; requests key frames but sends no NACKs. Closes without a message',
    silent: true,
    least: { 'loss-down': 0.05 },
  },
];

export class Stack {
  constructor(child) {
    this.child = child;
    this.lines = [];
    this.heard = createInterface({ input: child.stdout });
    this.heard.on('line', (line) => this.lines.push({ at: performance.now(), ...JSON.parse(line) }));
    this.noise = '';
    child.stderr.on('data', (data) => (this.noise = (this.noise + data).slice(-2000)));
  }

  /** Runs on `host` of the lab, against `server`. */
  static async start({ argv, title, silent }, { host, server }) {
    if (!existsSync(argv[0])) throw new Error(`${argv[0]} is not there: make build/interop/pion`);
    const stack = new Stack(start(argv, { host, stdio: ['pipe', 'pipe', 'pipe'] }));
    Object.assign(stack, { title, silent, server });
    await stack.until('is ready', ({ event }) => event === 'ready', 30);
    return stack;
  }

  /** Resolves with the first line, from index `from` on, that matches. */
  async until(what, holds, seconds, from = 0) {
    const signal = AbortSignal.timeout(seconds * 1000 * slowness);
    for (let index = from; ; index += 1) {
      while (index >= this.lines.length) {
        const news = this.heard.closed ? Promise.reject(new Error('it ended')) : once(this.heard, 'line', { signal });
        await news.catch(({ message }) => {
          throw new Error(`${this.title}: not ${what} within ${seconds} s (${message})\n${this.story()}`);
        });
      }
      if (holds(this.lines[index])) return this.lines[index];
    }
  }

  event(name, seconds = 15) {
    return this.until(name, ({ event }) => event === name, seconds);
  }

  async order(fields, seconds = 15) {
    const from = this.lines.length;
    this.child.stdin.write(`${JSON.stringify(fields)}\n`);
    const { error, ...result } = await this.until(
      `done with ${fields.do}`,
      ({ done }) => done === fields.do,
      seconds,
      from,
    );
    if (error) throw new Error(`${this.title} cannot ${fields.do}: ${error}`);
    return result;
  }

  /** WHIP or WHEP: one POST. `passive`: the stack insists on being the DTLS server, as FFmpeg's muxer does. */
  async post(endpoint, { direction, refused = false, passive = false }) {
    const { sdp } = await this.order({ do: 'offer', direction, refused });
    const body = passive ? sdp.replaceAll('a=setup:actpass', 'a=setup:passive') : sdp;
    const headers = { 'content-type': 'application/sdp' };
    const response = await fetch(`${this.server.origin}${endpoint}`, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text.trim()}`);
    this.resource = response.headers.get('location');
    await this.order({ do: 'accept', sdp: text });
  }

  /** Joins by WebSocket: offers the stack's own tracks, then answers each offer of the server. */
  async join(room) {
    this.signaling = await SignalingClient.joined(this.server, { room, name: this.title, role: 'call' });
    const { sdp } = await this.order({ do: 'offer', direction: 'sendrecv' });
    this.signaling.send({ type: 'offer', sdp });
    const answer = await this.signaling.next(['answer', 'error']);
    if (answer.type === 'error') throw new Error(`${answer.code} ${answer.message}`);
    await this.order({ do: 'accept', sdp: answer.sdp });
    this.answering = this.answer().catch((error) => (this.trouble = error));
  }

  async answer() {
    for (;;) {
      const offer = await this.signaling.next('offer', 60);
      this.signaling.send({ type: 'answer', ...(await this.order({ do: 'answer', sdp: offer.sdp })) });
    }
  }

  count() {
    return this.order({ do: 'count' });
  }

  /** Sends DELETE, as a well-behaved client does. */
  async goodbye() {
    await fetch(`${this.server.origin}${this.resource}`, { method: 'DELETE' });
    await this.end();
  }

  /** Kills the process without a goodbye. */
  async end() {
    this.signaling?.close();
    if (!hasEnded(this.child)) await kill(this.child);
  }

  story() {
    const told = this.lines.slice(-6).map((line) => JSON.stringify(line).slice(0, 300));
    return [this.noise, ...told].join('\n');
  }
}
