// A peer that can misbehave as no browser would: a transport of our own (build/tests/attack/puppet), driven by commands, and
// its signaling.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { kill, start } from './process.mjs';
import { binary, slowness } from './server.mjs';
import { SignalingClient } from './signaling-client.mjs';
import { until } from './tap.mjs';

export const tool = join(dirname(binary), 'tests/attack/puppet');
export const hasTool = existsSync(tool);

const OPUS = { kind: 'audio', type: 111, name: 'opus/48000/2' };
/** A payload repeats one byte: 16 makes it the beginning of a key frame, 1 does not. */
export const VP8 = { kind: 'video', type: 96, name: 'VP8/90000' };

const transport = ({ ufrag, password, fingerprint }, setup) => [
  'c=IN IP4 0.0.0.0',
  `a=ice-ufrag:${ufrag}`,
  `a=ice-pwd:${password}`,
  ...[fingerprint].flat().map((line) => `a=fingerprint:${line}`),
  `a=setup:${setup}`,
  'a=rtcp-mux',
];
const session = (mids) => ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${mids.join(' ')}`];
const lines = (all) => `${all.join('\r\n')}\r\n`;

const source = (ssrc) => (ssrc === undefined ? [] : ['a=msid:puppet puppet', `a=ssrc:${ssrc} cname:puppet`]);

/** One section: with `ssrc` it sends, without it only receives. */
const offer = (own, ssrc, { kind, type, name }) =>
  lines([
    ...session(['0']),
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${type}`,
    ...transport(own, 'actpass'),
    'a=mid:0',
    `a=${ssrc === undefined ? 'recvonly' : 'sendonly'}`,
    `a=rtpmap:${type} ${name}`,
    ...source(ssrc),
  ]);

/** Answers an offer: accepts all sections, and goes on sending its own stream. */
function answer(own, offered, ssrc) {
  const sections = offered.split(/\r\n(?=m=)/).slice(1);
  const mid = (section) => section.match(/^a=mid:(\S+)/m)[1];
  const direction = {
    sendonly: 'recvonly',
    sendrecv: 'recvonly',
    recvonly: ssrc === undefined ? 'inactive' : 'sendonly',
    inactive: 'inactive',
  };
  const directed = (section) => direction[section.match(/^a=(sendonly|sendrecv|recvonly|inactive)\r?$/m)[1]];
  return lines([
    ...session(sections.map(mid)),
    ...sections.flatMap((section) => [
      section.match(/^m=.*$/m)[0].trim(),
      ...transport(own, 'active'),
      `a=mid:${mid(section)}`,
      ...section.split('\r\n').filter((line) => /^a=(rtpmap|fmtp|rtcp-fb|extmap):/.test(line)),
      `a=${directed(section)}`,
      ...(directed(section) === 'sendonly' ? source(ssrc) : []),
    ]),
  ]);
}

const value = (sdp, name) => sdp.match(new RegExp(`^a=${name}:(\\S+)`, 'm'))[1];

export class Puppet {
  /** A transport on `address` that is not connected to anything. */
  static async make({ address = '127.0.0.1', port = 0 } = {}) {
    const puppet = new Puppet();
    puppet.child = start([tool, address, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    puppet.said = [];
    puppet.lines = createInterface({ input: puppet.child.stdout });
    puppet.lines.on('line', (line) => {
      puppet.said.push(line);
      puppet.lines.emit('news');
    });
    const [, bound, fingerprint] = (await puppet.hears('ready')).split(' ');
    const own = { ufrag: randomBytes(4).toString('hex'), password: randomBytes(12).toString('hex') };
    return Object.assign(puppet, {
      address,
      port: Number(bound),
      own: { ...own, fingerprint: `sha-256 ${fingerprint.match(/../g).join(':')}` },
    });
  }

  /**
   * Joins a room of the server. `ssrc`: publishes a stream with it. `codec`: the codec of its sections. `claims` replaces
   * properties of the transport in the SDP.
   */
  static async join(server, { room, name = 'puppet', ssrc, codec = OPUS, address, port, claims = {} }) {
    const puppet = await Puppet.make({ address, port });
    puppet.server = server;
    puppet.signaling = await SignalingClient.joined(server, { room, name });
    const said = { ...puppet.own, ...claims };
    puppet.signaling.socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'offer') puppet.signaling.send({ type: 'answer', sdp: answer(said, message.sdp, ssrc) });
    });
    puppet.signaling.send({ type: 'offer', sdp: offer(said, ssrc, codec) });
    const { sdp, ...refused } = await puppet.signaling.next(['answer', 'error']);
    if (!sdp) throw new Error(`the offer was refused: ${JSON.stringify(refused)}`);
    puppet.remote = {
      ufrag: value(sdp, 'ice-ufrag'),
      password: value(sdp, 'ice-pwd'),
      fingerprint: sdp.match(/^a=fingerprint:sha-256 (\S+)/m)[1],
    };
    return puppet;
  }

  /** Joins a room and connects media. */
  static async call(server, options) {
    const puppet = await Puppet.join(server, options);
    puppet.connect();
    await puppet.is('connected');
    return puppet;
  }

  tell(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** Takes the next line of its output that begins with this. */
  async hears(begin, seconds = 10 * slowness) {
    const signal = AbortSignal.timeout(seconds * 1000);
    for (;;) {
      const at = this.said.findIndex((line) => line.startsWith(begin));
      if (at >= 0) return this.said.splice(at, 1)[0];
      try {
        await once(this.lines, 'news', { signal });
      } catch {
        throw new Error(`the puppet did not say "${begin}" within ${seconds} s: ${JSON.stringify(this.said)}`);
      }
    }
  }

  /** The USERNAME of its checks. */
  get username() {
    return `${this.remote.ufrag}:${this.own.ufrag}`;
  }

  /** Sends a datagram unchanged from its address. */
  raw(bytes) {
    this.tell(`raw ${this.server.address} ${this.server.port} ${bytes.toString('hex')}`);
  }

  /** Starts checks and continues with DTLS by itself; `hold`: without nominating. */
  connect({ hold = false } = {}) {
    const { ufrag, password, fingerprint } = this.remote;
    const { address, port } = this.server;
    this.tell(
      `connect ${address} ${port} ${ufrag} ${password} ${fingerprint.replaceAll(':', '')} ${this.own.ufrag} ${this.own.password}${hold ? '\nhold 1' : ''}`,
    );
  }

  is(state, seconds) {
    return this.hears(`state ${state}`, seconds);
  }

  /** Sends RTP packets, one each `every` ms; resolves once it has sent the last. */
  async send({ ssrc, type = OPUS.type, seq = 0, count, every = 2, tag = 1, how = 'good' }) {
    this.tell(`send ${ssrc} ${type} ${seq} ${count} ${every} ${tag} ${how}`);
    await this.hears('sent', 30 * slowness);
  }

  async move(address = this.address) {
    this.tell(`move ${address}`);
    this.port = Number((await this.hears('moved')).split(' ')[1]);
  }

  /** The packets received so far. */
  async count() {
    this.tell('count');
    return JSON.parse((await this.hears('count')).slice(6));
  }

  /** Waits until `enough(count)`; returns that count. */
  async until(what, enough, seconds = 10 * slowness) {
    let count;
    const holds = async () => {
      count = await this.count();
      return enough(count);
    };
    await until(() => `not so: ${what}, ${JSON.stringify(count)}`, holds, seconds);
    return count;
  }

  /** Waits for `count` packets with this tag on all streams; returns their number. */
  async heard(tag, count, seconds) {
    const tagged = ({ streams }) => streams.reduce((sum, { tags }) => sum + (tags[tag] ?? 0), 0);
    return tagged(await this.until(`hears ${count} packets of ${tag}`, (now) => tagged(now) >= count, seconds));
  }

  async leave() {
    this.signaling?.close();
    await kill(this.child);
  }
}

/** Sends datagrams as strangers do (kinds: see the tool); returns the numbers of bytes sent and received. */
export async function flood(server, kind, count, { sources = 64, username, password } = {}) {
  const credentials = [username, password].filter((word) => word !== undefined);
  const child = start(
    [tool, 'flood', kind, String(count), String(sources), server.address, String(server.port), ...credentials],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  await once(child, 'close');
  const [, sent, received] = text.match(/^flood (\d+) (\d+)/);
  return { sent: Number(sent), received: Number(received) };
}
