#!/usr/bin/env node
// lab/probe.mjs ADDRESS,ADDRESS SERVER PORT [SECONDS [PROXY]]
//
// Finds the kind of NAT between this host and lab/responder.mjs at these two addresses, in the terms of RFC 4787, by the
// tests of RFC 5780, and which TCP connections pass, also through the proxy. Prints one JSON line. With SECONDS (0: off)
// a second line says whether a mapping survives so long without a packet.
//
// A missing answer means that a NAT or filter dropped a packet; nothing else loses packets in the lab. Each test has three
// tries.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { addressBytes, attribute, parse, probe, tlv } from '../tests/e2e/lib/stun.mjs';

const [servers, server, serverPort, seconds, proxy] = process.argv.slice(2);
const [first, second] = servers.split(',');
const [port, otherPort] = [3478, 3479];
const both = 6;
const portOnly = 2;
const patience_ms = 400;
const udpHeaders = first.includes(':') ? 48 : 28;

const changed = (flags) => tlv(attribute.CHANGE_REQUEST, Buffer.from([0, 0, 0, flags]));
const padded = (length) => tlv(attribute.PADDING, Buffer.alloc(length - udpHeaders - 24));
const responsePort = (number) => tlv(attribute.RESPONSE_PORT, Buffer.from([number >> 8, number & 255]));

class Probe {
  static async open() {
    const self = new Probe();
    self.socket = createSocket(first.includes(':') ? 'udp6' : 'udp4');
    self.socket.on('error', () => {});
    self.socket.bind(0);
    await once(self.socket, 'listening');
    return self;
  }

  /** The mapped address that an answer tells; null when none comes. `receiver` is another socket at which it is to arrive. */
  async ask(address, at, attributes = [], { receiver = this, tries = 3 } = {}) {
    for (let turn = 0; turn < tries; turn += 1) {
      const request = probe(...attributes);
      const answered = receiver.answerTo(request.subarray(8, 20));
      this.socket.send(request, at, address, () => {});
      const mapped = await answered;
      if (mapped) return mapped;
    }
    return null;
  }

  answerTo(transaction) {
    return new Promise((resolve) => {
      const done = (value) => {
        clearTimeout(timer);
        this.socket.off('message', look);
        resolve(value);
      };
      const look = (bytes) => {
        const answer = parse(bytes);
        if (answer.transaction.equals(transaction)) done(answer.mapped);
      };
      const timer = setTimeout(done, patience_ms, null);
      this.socket.on('message', look);
    });
  }

  get port() {
    return this.socket.address().port;
  }

  close() {
    this.socket.close();
  }
}

async function withProbe(body) {
  const opened = await Probe.open();
  try {
    return await body(opened);
  } finally {
    opened.close();
  }
}

const same = (a, b) => a.address === b.address && a.port === b.port;

const isOwn = (address) =>
  Object.values(networkInterfaces())
    .flat()
    .some((own) => addressBytes(own.address.replace(/%.*/, '')).equals(addressBytes(address)));

// RFC 5780, 4.3
const mapping = () =>
  withProbe(async (socket) => {
    const mapped = await socket.ask(first, port);
    const elsewhere = mapped && (await socket.ask(second, port));
    const otherwise = elsewhere && (await socket.ask(second, otherPort));
    if (!otherwise) return { maps: 'no answer' };
    const seen = { mapped: mapped.address, portKept: mapped.port === socket.port };
    if (isOwn(mapped.address) && seen.portKept) return { maps: 'none', ...seen };
    if (same(mapped, elsewhere) && same(elsewhere, otherwise)) return { maps: 'endpoint', ...seen };
    return { maps: same(elsewhere, otherwise) ? 'address' : 'address-port', ...seen };
  });

// RFC 5780, 4.4. A new socket, so that it has sent to the first address only.
const filtering = () =>
  withProbe(async (socket) => {
    if (!(await socket.ask(first, port))) return 'no answer';
    if (await socket.ask(first, port, [changed(both)])) return 'endpoint';
    return (await socket.ask(first, port, [changed(portOnly)])) ? 'address' : 'address-port';
  });

/** The longest datagram, headers included, that passes both ways: 1500, 1280 or, if even that does not, 0. */
const longest = () =>
  withProbe(async (socket) => {
    for (const length of [1500, 1280]) if (await socket.ask(first, port, [padded(length)], { tries: 2 })) return length;
    return 0;
  });

// RFC 5780, 4.6: a second socket asks that the answer go to the first one's mapping. Before that the exchange goes on for
// more than the 2 s after which connection tracking takes it for a stream, which it remembers for longer.
const remembers = (idle) =>
  withProbe(async (socket) => {
    await socket.ask(first, port);
    await pause(3);
    const mapped = await socket.ask(first, port);
    if (!mapped) return null;
    await pause(idle);
    return withProbe(async (asker) =>
      Boolean(await asker.ask(first, port, [responsePort(mapped.port)], { receiver: socket })),
    );
  });

/**
 * Whether a connection works: `event` says that it is established (without an `event` it is already); with `words`, the
 * other side must also answer them.
 */
function reaches(socket, event, words) {
  return new Promise((resolve) => {
    const done = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.on('error', () => done(false)).on('close', () => done(false));
    socket.on(words ? 'data' : event, () => done(true));
    if (!event) socket.write(words);
    else if (words) socket.on(event, () => socket.write(words));
    setTimeout(done, 3000, false);
  });
}

const get = 'GET /healthz HTTP/1.1\r\nHost: monoport\r\n\r\n';

/** A connection to the server by way of the proxy; null if that refuses. */
async function tunnel() {
  const { hostname, port } = new URL(proxy);
  const asked = request({ host: hostname, port, method: 'CONNECT', path: `${server}:${serverPort}`, agent: false }).on(
    'error',
    () => {},
  );
  asked.end();
  const [response, socket] = await Promise.race([once(asked, 'connect'), once(asked, 'close').then(() => [{}])]);
  return response.statusCode === 200 ? socket : null;
}

async function throughProxy() {
  const plain = await tunnel();
  if (plain && (await reaches(plain, null, get))) return 'proxy';
  const socket = await tunnel();
  return socket && (await reaches(connectTls({ socket, rejectUnauthorized: false }), 'secureConnect'))
    ? 'proxy-tls'
    : 'none';
}

/** Which TCP connections pass, in the terms of lab/home.sh. */
async function tcp() {
  const to = { host: server, port: Number(serverPort) };
  const [anywhere, there, tls] = await Promise.all([
    reaches(connect({ host: first, port }), 'connect'),
    reaches(connect(to), 'connect', get),
    reaches(connectTls({ ...to, rejectUnauthorized: false }), 'secureConnect'),
  ]);
  if (anywhere && there) return 'anywhere';
  if (there) return 'server';
  if (tls) return 'tls';
  return proxy ? throughProxy() : 'none';
}

const pause = (length) => new Promise((done) => setTimeout(done, length * 1000));

const [maps, filters, mtu, far] = await Promise.all([mapping(), filtering(), longest(), tcp()]);
console.log(JSON.stringify({ ...maps, filters, mtu, tcp: far }));
if (Number(seconds)) {
  const [shortly, later] = await Promise.all([remembers(Number(seconds) - 6), remembers(Number(seconds) + 4)]);
  console.log(JSON.stringify({ shortly, later }));
}
process.exit();
