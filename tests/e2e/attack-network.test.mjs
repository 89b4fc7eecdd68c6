#!/usr/bin/env node
// Every customer of an IPv6 provider has a network (a /64) of 2^64 addresses, so the server applies the limits of an address
// to the whole network. Here two networks are on the server's own host.

import { createHash, createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { enter, run } from './lib/lab.mjs';
import { metrics } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { attribute, message, parse, probe, tlv } from './lib/stun.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain');
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const greedy = '2001:db8:66';
const honest = '2001:db8:67';
run('', 'sysctl', '-qw', 'net.ipv6.conf.lo.disable_ipv6=0', 'net.ipv6.ip_nonlocal_bind=1');
for (const network of [greedy, honest]) run('', 'ip', '-6', 'route', 'add', 'local', `${network}::/64`, 'dev', 'lo');
const secret = 'a secret that everybody is told';
const workers = 2;
const server = await startServer(lab, { args: ['--turn-secret', secret, '--workers', String(workers)] });
after(() => server.stop());
explain(() => server.tail());

const address = (network, n) => `${network}::${Math.floor(n / 65536).toString(16)}:${(n % 65536).toString(16)}`;

/** Sends one request from this address; resolves with the answer, or null if none arrives soon. */
function ask(socket, message, patience) {
  return new Promise((resolve) => {
    const overdue = setTimeout(resolve, patience, null);
    socket.once('message', (bytes) => {
      clearTimeout(overdue);
      resolve(parse(bytes));
    });
    socket.send(message, server.port, `${honest}::1`);
  });
}

async function socketAt(ip) {
  const socket = createSocket('udp6');
  socket.bind(0, ip);
  await once(socket, 'listening');
  return socket;
}

const type = { ALLOCATE: 0x0003, ALLOCATED: 0x0103 };
const LIFETIME = 600;
const UDP = tlv(0x0019, Buffer.from([17, 0, 0, 0]));

/** Whether this user, with valid credentials, gets an allocation from this address. */
async function allocates(ip, name, patience) {
  const socket = await socketAt(ip);
  try {
    const challenge = await ask(socket, message(type.ALLOCATE, [UDP]), patience);
    if (!challenge) return false;
    const username = `${Math.floor(Date.now() / 1000) + LIFETIME}:${name}`;
    const password = createHmac('sha1', secret).update(username).digest('base64');
    const realm = challenge.attributes.get(0x0014);
    const key = createHash('md5').update(`${username}:${realm}:${password}`).digest();
    const named = [
      tlv(attribute.USERNAME, Buffer.from(username)),
      tlv(0x0014, realm),
      tlv(0x0015, challenge.attributes.get(0x0015)),
      UDP,
    ];
    const answer = await ask(socket, message(type.ALLOCATE, named, key), patience);
    return answer?.type === type.ALLOCATED;
  } finally {
    socket.close();
  }
}

/** `count` times `ask(n)`, a hundred at a time; resolves with how many yielded something true, and the seconds. */
async function manyTimes(count, ask) {
  const begun = performance.now();
  let next = 0;
  let yes = 0;
  const one = async () => {
    while (next < count) if (await ask((next += 1))) yes += 1;
  };
  await Promise.all(Array.from({ length: 100 }, one));
  return { yes, seconds: (performance.now() - begun) / 1000 };
}

// STUN_ANSWERS_PER_S and STUN_ANSWERS_BURST, for each worker.
const answersIn = (seconds) => workers * (100 + 50 * seconds);

await test('2,000 users at 2,000 addresses of one /64 ask for TURN: they get what one customer gets, and another network gets its own', async () => {
  assert(await allocates(address(honest, 5), 'first', 2000 * slowness), 'nobody gets an allocation');
  const { yes, seconds } = await manyTimes(2000, (n) => allocates(address(greedy, n * 77), `greedy${n}`, 200));
  const [allocations] = await metrics(server, ['turn_allocations']);
  diagnostic(
    `${yes} of 2,000 were given an allocation in ${seconds.toFixed(1)} s, ${answersIn(seconds).toFixed(0)} are the most; ${allocations} are there`,
  );
  assert(yes > 0 && yes <= answersIn(seconds), `${yes} allocations`);
  for (let n = 6; n < 16; n += 1)
    assert(await allocates(address(honest, n), `honest${n}`, 2000 * slowness), `${n} of the other network gets none`);
});

await test('4,000 addresses of one /64 ask what they look like: one customer is answered, and another network too', async () => {
  const from = async (ip, patience) => {
    const socket = await socketAt(ip);
    const answer = await ask(socket, probe(), patience);
    socket.close();
    return answer;
  };
  const { yes, seconds } = await manyTimes(4000, (n) => from(address(greedy, n * 99), 100));
  diagnostic(`${yes} of 4,000 were answered in ${seconds.toFixed(1)} s, ${answersIn(seconds).toFixed(0)} are the most`);
  assert(yes > 0 && yes <= answersIn(seconds), `${yes} answers`);
  for (let n = 0; n < 10; n += 1)
    equal(
      (await from(address(honest, 100 + n), 2000 * slowness))?.mapped.port > 0,
      true,
      'the other network is answered',
    );
});

await end();
