#!/usr/bin/env node
// Attacks on the handshake: foreign ClientHellos, handshakes ahead of their time, false certificates.

import { AttackedCall } from './lib/attack-call.mjs';
import { freePort } from './lib/lab.mjs';
import { joins } from './lib/load.mjs';
import { flood, hasTool, Puppet, tool } from './lib/puppet.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 100 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const call = await AttackedCall.begin(server, { after, room: 'dtls' });

await test('ClientHellos of strangers while 100 join: all are let in, no stranger is answered', async () => {
  let over = false;
  const total = { sent: 0, received: 0 };
  const strangers = (async () => {
    while (!over) {
      const { sent, received } = await flood(server, 'hello', 50_000);
      total.sent += sent;
      total.received += received;
    }
  })();
  const { ok, failed } = await joins(server, 100);
  over = true;
  await strangers;
  diagnostic(`${total.sent} bytes of ClientHellos`);
  equal([ok, failed], [100, 0], 'successful and failed joins');
  equal(total.received, 0, 'bytes back');
});

await test('a handshake before any check is not answered', async () => {
  const early = await Puppet.join(server, { room: 'early' });
  after(() => early.leave());
  early.raw(
    Buffer.from(`16fefd0000000000000000003601000029${'00'.repeat(8)}fefd${'11'.repeat(32)}00000002c02b0100`, 'hex'),
  );
  await call.undisturbed();
  equal((await early.count()).datagrams, 0, 'datagrams back');
  early.connect();
  await early.is('connected');
});

await test('a handshake on a checked path that is not nominated completes, and media waits for the nomination', async () => {
  const held = await Puppet.join(server, { room: call.room, name: 'held' });
  after(() => held.leave());
  held.connect({ hold: true });
  await held.is('connected');
  await call.undisturbed();
  equal((await held.count()).streams, [], 'streams before the nomination');
  held.tell('hold 0');
  let tagged = 0;
  for (let turn = 0; turn < 100 && !tagged; turn += 1) {
    await call.sends(20, 50, { every: 5 });
    tagged = (await held.count()).streams.length;
  }
  assert(tagged, 'no media after the nomination');
});

const other = (fingerprint) => fingerprint.replace(/[0-9A-F]$/, (digit) => (digit === '0' ? '1' : '0'));

await test('a certificate that is not the one in the SDP: no keys, the session ends', async () => {
  const liar = await Puppet.make();
  await liar.leave();
  const false_ = await Puppet.join(server, {
    room: call.room,
    name: 'false',
    claims: { fingerprint: other(liar.own.fingerprint) },
  });
  after(() => false_.leave());
  false_.connect();
  await call.viewer.signaling.next('participant-left', 20 * slowness);
  assert(!false_.said.includes('state connected') || (await false_.count()).streams.length === 0, 'it was connected');
  equal((await false_.count()).streams, [], 'streams of media');
  await call.undisturbed();
});

for (const [what, fingerprint] of [
  ['no fingerprint', []],
  ['sha-1', ['sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33']],
  ['a fingerprint of another length', ['sha-256 00:11:22']],
]) {
  await test(`${what}: the offer is refused with words`, async () => {
    const refused = await Puppet.join(server, { room: call.room, name: 'refused', claims: { fingerprint } }).then(
      () => null,
      (error) => error,
    );
    assert(refused && /"type":"error","code":"bad-sdp"/.test(refused.message), `not refused: ${refused?.message}`);
  });
}

await test('of two fingerprints one is false: whichever counts, a false certificate gets no keys', async () => {
  const claims = { fingerprint: [`sha-256 ${'00:'.repeat(31)}00`, `sha-256 ${'11:'.repeat(31)}11`] };
  const two = await Puppet.join(server, { room: call.room, name: 'two', claims });
  after(() => two.leave());
  two.connect();
  await call.viewer.signaling.next('participant-left', 20 * slowness);
  equal((await two.count()).streams, [], 'streams of media');
});

await end();
