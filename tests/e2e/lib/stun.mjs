// Writes and parses the STUN messages (RFC 8489) of connectivity checks (RFC 8445), independently of the server's own code.

import { createHmac, randomBytes } from 'node:crypto';

const cookie = 0x2112a442;
export const attribute = {
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  XOR_MAPPED_ADDRESS: 0x0020,
  PRIORITY: 0x0024,
  USE_CANDIDATE: 0x0025,
  FINGERPRINT: 0x8028,
  ICE_CONTROLLING: 0x802a,
  // RFC 5780
  CHANGE_REQUEST: 0x0003,
  PADDING: 0x0026,
  RESPONSE_PORT: 0x0027,
};
export const type = { BINDING_REQUEST: 0x0001, BINDING_SUCCESS: 0x0101 };

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** One attribute, padded. */
export function tlv(number, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(number, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

// A message whose length field already includes `more` bytes that will follow.
function framed(transaction, body, more, kind = type.BINDING_REQUEST) {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(kind, 0);
  head.writeUInt16BE(body.length + more, 2);
  head.writeUInt32BE(cookie, 4);
  transaction.copy(head, 8);
  return Buffer.concat([head, body]);
}

/** A Binding request; with a password also its MESSAGE-INTEGRITY and FINGERPRINT. */
export function request({
  username,
  password,
  nominate = false,
  priority = '6e7f00ff',
  fingerprint = password !== undefined,
} = {}) {
  const transaction = randomBytes(12);
  const attributes = [];
  if (username !== undefined) {
    attributes.push(tlv(attribute.USERNAME, Buffer.from(username)));
    attributes.push(tlv(attribute.PRIORITY, Buffer.from(priority, 'hex')));
    attributes.push(tlv(attribute.ICE_CONTROLLING, randomBytes(8)));
    if (nominate) attributes.push(tlv(attribute.USE_CANDIDATE, Buffer.alloc(0)));
  }
  let body = Buffer.concat(attributes);
  if (password !== undefined) {
    const digest = createHmac('sha1', password)
      .update(framed(transaction, body, 24))
      .digest();
    body = Buffer.concat([body, tlv(attribute.MESSAGE_INTEGRITY, digest)]);
  }
  if (fingerprint) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE((crc32(framed(transaction, body, 8)) ^ 0x5354554e) >>> 0);
    body = Buffer.concat([body, tlv(attribute.FINGERPRINT, value)]);
  }
  return framed(transaction, body, 0);
}

/** A message of this type with these attributes; with a key also its MESSAGE-INTEGRITY. */
export function message(kind, attributes, key) {
  const transaction = randomBytes(12);
  let body = Buffer.concat(attributes);
  if (key)
    body = Buffer.concat([
      body,
      tlv(
        attribute.MESSAGE_INTEGRITY,
        createHmac('sha1', key)
          .update(framed(transaction, body, 24, kind))
          .digest(),
      ),
    ]);
  return framed(transaction, body, 0, kind);
}

/** A plain Binding request with these attributes. */
export const probe = (...attributes) => framed(randomBytes(12), Buffer.concat(attributes), 0);

/** The answer to `transaction` of a plain Binding request from this address, with further attributes. */
export function answer(transaction, { address, port }, ...attributes) {
  const mapped = tlv(attribute.XOR_MAPPED_ADDRESS, xorAddress(transaction, address, port));
  return framed(transaction, Buffer.concat([mapped, ...attributes]), 0, type.BINDING_SUCCESS);
}

function xorAddress(transaction, address, port) {
  const bytes = addressBytes(address);
  const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(port ^ (cookie >>> 16), 2);
  const mask = Buffer.concat([Buffer.alloc(4), transaction]);
  mask.writeUInt32BE(cookie);
  return Buffer.concat([head, bytes.map((byte, index) => byte ^ mask[index])]);
}

/** An address in the byte form of a packet. */
export function addressBytes(text) {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head, tail] = text.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Parses a message: its type, transaction, attributes (Map number → bytes) and, if it has one, its mapped address. */
export function parse(bytes) {
  if (bytes.length < 20 || bytes.readUInt32BE(4) !== cookie || bytes.readUInt16BE(2) !== bytes.length - 20)
    throw new Error('not a STUN message');
  const attributes = new Map();
  for (let at = 20; at < bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + (-length & 3);
  }
  return {
    type: bytes.readUInt16BE(0),
    transaction: bytes.subarray(8, 20),
    attributes,
    mapped: mappedAddress(bytes, attributes),
  };
}

function mappedAddress(bytes, attributes) {
  const value = attributes.get(attribute.XOR_MAPPED_ADDRESS);
  if (!value) return null;
  const port = value.readUInt16BE(2) ^ (cookie >>> 16);
  const address = value.subarray(4).map((byte, index) => byte ^ bytes[4 + index]);
  const text = value[1] === 1 ? address.join('.') : address.toString('hex').match(/..../g).join(':');
  return { address: text, port };
}

/** Whether MESSAGE-INTEGRITY of a received message is right for this password. */
export function authentic(bytes, password) {
  for (let at = 20; at < bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) === attribute.MESSAGE_INTEGRITY) {
      const covered = Buffer.from(bytes.subarray(0, at));
      covered.writeUInt16BE(at + 24 - 20, 2);
      return createHmac('sha1', password)
        .update(covered)
        .digest()
        .equals(bytes.subarray(at + 4, at + 24));
    }
    at += 4 + length + (-length & 3);
  }
  return false;
}
