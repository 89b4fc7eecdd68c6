#!/usr/bin/env node
// lab/responder.mjs ADDRESS,ADDRESS…: the STUN service of RFC 5780, on two addresses and two ports each.
// It accepts TCP connections and closes them. A STUN answer leaves from the address that the request asks for
// (CHANGE-REQUEST), to the port that it names (RESPONSE-PORT), padded to the request's length (PADDING).

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { answer, attribute, parse, tlv, type } from '../tests/e2e/lib/stun.mjs';

const ports = [3478, 3479];
const changeAddress = 4;
const changePort = 2;

async function open(address, port) {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** One family's sockets: [address][port]. */
async function serve(addresses) {
  const sockets = await Promise.all(addresses.map((address) => Promise.all(ports.map((port) => open(address, port)))));
  sockets.forEach((row, a) =>
    row.forEach((socket, p) => socket.on('message', (bytes, from) => receive(sockets, a, p, bytes, from))),
  );
}

function receive(sockets, a, p, bytes, from) {
  let request;
  try {
    request = parse(bytes);
  } catch {
    return;
  }
  if (request.type !== type.BINDING_REQUEST) return;
  const change = request.attributes.get(attribute.CHANGE_REQUEST)?.readUInt32BE() ?? 0;
  const port = request.attributes.get(attribute.RESPONSE_PORT)?.readUInt16BE() ?? from.port;
  const padding = request.attributes.get(attribute.PADDING);
  const answered = answer(request.transaction, from, ...(padding ? [tlv(attribute.PADDING, padding)] : []));
  const socket = sockets[change & changeAddress ? 1 - a : a][change & changePort ? 1 - p : p];
  // The answer's mapped address is 12 or 24 bytes longer than what the request had instead: cut from the padding, so the lengths agree.
  socket.send(padding ? trimmed(answered, bytes.length) : answered, port, from.address);
}

// A message cut to `length` bytes; its last attribute is the padding.
function trimmed(message, length) {
  const shorter = Buffer.from(message.subarray(0, length));
  const excess = message.length - length;
  shorter.writeUInt16BE(length - 20, 2);
  for (let at = 20; at < length;) {
    const size = shorter.readUInt16BE(at + 2);
    if (shorter.readUInt16BE(at) === attribute.PADDING) shorter.writeUInt16BE(size - excess, at + 2);
    at += 4 + size + (-size & 3);
  }
  return shorter;
}

async function greet(address) {
  const server = createServer((socket) => socket.on('error', () => {}).end());
  server.listen(ports[0], address);
  await once(server, 'listening');
}

const families = process.argv.slice(2).map((addresses) => addresses.split(','));
await Promise.all([...families.map(serve), ...families.flat().map(greet)]);
process.send?.('ready');
process.on('disconnect', () => process.exit());
