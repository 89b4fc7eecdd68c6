// Captures the packets at an interface of a host with tcpdump, and parses the fields that the experiments need.

import { once } from 'node:events';
import { kill, start } from '../../tests/e2e/lib/process.mjs';
import { attribute, parse, type } from '../../tests/e2e/lib/stun.mjs';

const fileHeader = 24;
const recordHeader = 16;
const ethernet = 14;

/** Captures UDP over IPv4 on `device` of `host` until `stop`, which returns the packets: `{at, from, to, kind, mapped, nominates}`, `at` in ms of the wall clock. */
export async function capture(host, device) {
  const child = start(
    ['tcpdump', '-Z', 'root', '--immediate-mode', '-U', '-n', '-p', '-s', '2000', '-i', device, '-w', '-', 'udp'],
    { host, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const chunks = [];
  child.stdout.on('data', (data) => chunks.push(data));
  let said = '';
  await new Promise((listening, reject) => {
    child.stderr.on('data', (data) => {
      said += data;
      if (said.includes('listening on')) listening();
    });
    child.on('exit', () => reject(new Error(`tcpdump: ${said.trim()}`)));
  });
  return {
    async stop() {
      const ended = once(child, 'close');
      child.kill('SIGINT');
      await ended;
      await kill(child);
      return packets(Buffer.concat(chunks));
    },
  };
}

function packets(file) {
  const found = [];
  for (let at = fileHeader; at + recordHeader <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    const when = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000;
    const packet = datagram(file.subarray(at + recordHeader + ethernet, at + recordHeader + length));
    if (packet) found.push({ at: when, ...packet });
    at += recordHeader + length;
  }
  return found;
}

function datagram(ip) {
  const udp = ip.subarray((ip[0] & 15) * 4);
  if (ip[0] >> 4 !== 4 || ip[9] !== 17 || udp.length < 9) return null;
  const [from, to] = [12, 16].map(
    (offset, index) => `${ip.subarray(offset, offset + 4).join('.')}:${udp.readUInt16BE(index * 2)}`,
  );
  return { from, to, ...classify(udp.subarray(8)) };
}

// RFC 7983: the first byte tells the protocols of one port apart.
function classify(payload) {
  const first = payload[0];
  if (first >= 20 && first <= 63) return { kind: 'dtls' };
  if (first >= 128 && first <= 191) return { kind: payload[1] >= 192 && payload[1] <= 223 ? 'srtcp' : 'srtp' };
  if (first > 3) return { kind: 'other' };
  let message;
  try {
    message = parse(payload);
  } catch {
    return { kind: 'other' };
  }
  const isCheck = message.attributes.has(attribute.MESSAGE_INTEGRITY);
  const mapped = message.mapped && `${message.mapped.address}:${message.mapped.port}`;
  const nominates = message.attributes.has(attribute.USE_CANDIDATE);
  const name =
    message.type === type.BINDING_REQUEST ? 'request' : message.type === type.BINDING_SUCCESS ? 'answer' : 'other';
  return { kind: `${isCheck ? 'check' : 'stun'}-${name}`, mapped, nominates };
}
