#!/usr/bin/env node
// Attacks by TCP and TLS: a participant directs its media to a connection that cannot carry it, or that it does not read.
// A publisher and a viewer are in a call meanwhile, and must not notice.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AttackedCall } from './lib/attack-call.mjs';
import { freePort } from './lib/lab.mjs';
import { hasTool, tool } from './lib/puppet.mjs';
import { dropped } from './lib/server-figures.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { request } from './lib/stun.mjs';
import { assert, diagnostic, equal, skipAll, suite, until } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const call = await AttackedCall.begin(server, { after, room: 'streams' });
const attacker = await call.joins({ name: 'attacker' });

const prefixed = (datagram) => Buffer.concat([Buffer.from([datagram.length >> 8, datagram.length & 255]), datagram]);

// How to open each kind of connection and frame a datagram; `carries`: whether it can carry a session's media.
const ways = {
  'TURN by TCP': { open: (at) => connect(at), frame: (datagram) => datagram, carries: false },
  'TURN by TLS': {
    open: (at) => connectTls({ ...at, rejectUnauthorized: false }),
    frame: (datagram) => datagram,
    carries: false,
  },
  'ICE-TCP': { open: (at) => connect(at), frame: prefixed, carries: true },
};

/** A connection that sends these bytes and then reads nothing. */
async function mute({ open, frame }, datagrams) {
  const socket = open({ host: server.address, port: server.port });
  after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, socket.encrypted === undefined ? 'connect' : 'secureConnect');
  socket.pause();
  for (const datagram of datagrams) socket.write(frame(datagram));
  return socket;
}

/** Checks that nominate the connection, with a higher priority than the attacker's own path by UDP. */
const nominations = (count) =>
  Array.from({ length: count }, () =>
    request({ username: attacker.username, password: attacker.remote.password, nominate: true, priority: '7effffff' }),
  );

for (const [way, how] of Object.entries(ways)) {
  await test(`a participant nominates a connection of ${way} that does not read, and the call is sent to it: the others notice nothing`, async () => {
    const before = (await dropped(server)).wrong_link;
    const sockets = await Promise.all(Array.from({ length: 8 }, () => mute(how, nominations(20))));
    attacker.tell('silence'); // its own checks would nominate the UDP path again
    // 1.2 MB: more than the kernel and the queue of a connection hold. In pieces that fit the sockets of the call, each sent
    // after the one before has arrived: on a loaded machine the call's programs would not read in time.
    for (let piece = 0; piece < 30; piece += 1) await call.undisturbed({ count: 200, every: 0 });
    for (const socket of sockets) socket.write(how.frame(nominations(1)[0]));
    await call.undisturbed();
    const refused = async () => (await dropped(server)).wrong_link - before;
    if (!how.carries)
      await until(
        async () => `${await refused()} of 168 checks were refused`,
        async () => (await refused()) === 168,
        10 * slowness,
      );
    const drops = await dropped(server);
    diagnostic(
      `${way}: ${drops.wrong_link - before} checks refused, ${drops.stream_full} datagrams of a full queue, ${drops.stream_frame} that no framing carries`,
    );
    equal(drops.stream_frame, 0, 'datagrams that the core made for a framing that cannot carry them');
    if (how.carries) {
      equal(drops.wrong_link, before, 'checks refused that are right');
      assert(drops.stream_full > 0, 'the call did not go there');
    }
    assert(await server.healthy(), 'healthz');
  });
}

await test('TURN by ICE-TCP, and every first byte by each kind of connection, say nothing to the core that it keeps', async () => {
  const allocate = Buffer.from(request());
  allocate.writeUInt16BE(0x0003, 0);
  for (const how of Object.values(ways))
    for (let first = 0; first < 256; first += 1) {
      const bytes = Buffer.from(nominations(1)[0]);
      bytes[0] = first;
      const socket = await mute(how, [nominations(1)[0], allocate, bytes]);
      socket.destroy();
    }
  await call.undisturbed();
  assert(await server.healthy(), 'healthz');
});

await end();
