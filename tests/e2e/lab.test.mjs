#!/usr/bin/env node
// The lab itself: its symmetric NAT is symmetric, and its counters count what they should.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { enter, run, watch, watched } from './lib/lab.mjs';
import { kill, start } from './lib/process.mjs';
import { assert, equal, suite } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, end } = suite({ limit: 30 });
const remote = fileURLToPath(new URL('./lib/udp-remote.mjs', import.meta.url));

async function listener(port) {
  const socket = createSocket('udp4');
  socket.bind(port, lab.address);
  await once(socket, 'listening');
  after(() => socket.close());
  return socket;
}

// A UDP socket on a host of the lab: `send` sends from it, `received` are the messages that arrived.
async function socketOn(host) {
  const child = start([process.execPath, remote], { host, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  after(() => kill(child));
  const received = [];
  child.on('message', ({ message }) => received.push(message));
  return {
    send: (message, port, address) => child.send({ message, port, address }),
    received,
    next: () => once(child, 'message'),
  };
}

const arrival = async (socket) => {
  const [data, from] = await once(socket, 'message');
  return { text: data.toString(), from };
};

const [home] = lab.clients;
const first = await listener(8000);
const second = await listener(8001);
watch(home.host, { address: lab.address, port: 8000 });
watch(home.nat, { address: lab.address, port: 8000 });
const client = await socketOn(home.host);

const mapped = await test('the server sees the outer address of the NAT and its answer comes back', async () => {
  const seen = arrival(first);
  client.send('one', 8000, lab.address);
  const { from } = await seen;
  equal(from.address, home.outer, 'source address');
  const back = client.next();
  first.send('answer', from.port, from.address);
  await back;
  return from;
});

await test('another destination sees another port of the same socket', async () => {
  const seen = arrival(second);
  client.send('two', 8001, lab.address);
  const { from } = await seen;
  assert(from.port !== mapped.port, `both destinations see port ${from.port}`);
});

await test('a stranger cannot use a mapping', async () => {
  const stranger = await socketOn('internet');
  const unasked = () =>
    JSON.parse(run(home.nat, 'nft', '-j', 'list', 'counters', 'table', 'ip', 'filter')).nftables.find(
      (item) => item.counter,
    ).counter.packets;
  const before = unasked();
  // The server's own other port is a stranger as well: filtering is by address and port.
  second.send('stranger', mapped.port, mapped.address);
  stranger.send('stranger', mapped.port, mapped.address);
  // An answer from the right address, sent after the others, arrives; without the filter they would have arrived too.
  const back = client.next();
  first.send('again', mapped.port, mapped.address);
  await back;
  equal(client.received, ['answer', 'again'], 'what the client received');
  while (unasked() < before + 2) await new Promise(setImmediate);
});

await test("the counters tell the server's port from all else", async () => {
  for (const host of [home.host, home.nat]) {
    const { toServer, elsewhere } = watched(host);
    equal(toServer, 1, `packets of ${host} to the port`);
    equal(elsewhere, [`1 packets to ${lab.address} udp 8001`], `packets of ${host} elsewhere`);
  }
});

await end();
