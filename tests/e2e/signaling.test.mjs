#!/usr/bin/env node
// Wrong messages, one at a time. Each time the server answers the sender with an error, and other clients notice nothing.

import { readFile } from 'node:fs/promises';
import { freePort } from './lib/lab.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, equal, suite } from './lib/tap.mjs';

const { test, after, explain, end } = suite({ limit: 60 * slowness });
const server = await startServer({ address: '127.0.0.1', port: freePort });
after(() => server.stop());
explain(() => server.tail());

const golden = async (name) => readFile(new URL(`../golden/${name}.sdp`, import.meta.url), 'utf8');
const call = await golden('chromium-call');
const room = { room: 'signaling' };

const bystander = await SignalingClient.joined(server, room);
after(() => bystander.close());

async function refused(client, code) {
  const error = await client.next('error');
  equal(error.code, code, `the code of ${JSON.stringify(error)}`);
  assert(typeof error.message === 'string' && error.message.length > 0, 'an error has words');
}

// Sends the message, expects the error code, and checks that the connection still works.
function survives(name, code, say, { joined = true, fields = {} } = {}) {
  return test(`${name}: ${code}`, async () => {
    const client = joined
      ? await SignalingClient.joined(server, { room: 'elsewhere', ...fields })
      : await SignalingClient.connect(server);
    await say(client);
    await refused(client, code);
    if (joined) await client.settled();
    else client.send({ type: 'join-room', room: 'elsewhere' });
    if (!joined) await client.next('joined');
    client.close();
  });
}

// Pings of a given depth, and of a given length.
const nested = (client, levels) =>
  `{"type":"ping","peerId":"${client.peerId}","deep":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
const sized = (client, bytes) => {
  const head = `{"type":"ping","peerId":"${client.peerId}","fill":"`;
  return head + 'x'.repeat(bytes - head.length - 2) + '"}';
};

// For each section: its payload types with their codecs, and its header extensions with their ids.
const sections = (sdp) =>
  sdp
    .split(/^(?=m=)/m)
    .slice(1)
    .map((section) => ({
      payloads: section
        .match(/^m=\S+ \S+ \S+ (.*)$/m)[1]
        .trim()
        .split(' '),
      codecs: [...section.matchAll(/^a=(rtpmap:\S+ [^/\s]+\/\d+)/gm)].map((match) => match[1].toLowerCase()),
      extensions: [...section.matchAll(/^a=extmap:(\d+)(?:\/\S+)? (\S+)/gm)].map((match) => `${match[1]} ${match[2]}`),
    }));

await test('joining is answered with who is there, and they are told', async () => {
  const client = await SignalingClient.connect(server);
  client.send({ type: 'join-room', ...room, name: 'guest' });
  const joined = await client.next('joined');
  equal([joined.peerId, joined.room], [client.peerId, room.room], 'who and where');
  equal(
    joined.participants.map(({ id }) => id),
    [bystander.peerId],
    'who else is there',
  );
  const { participant } = await bystander.next('participant-joined');
  equal([participant.id, participant.name], [client.peerId, 'guest'], 'whom the other is told of');
  client.send({ type: 'leave' });
  equal(await client.closing(), 1000, 'close code');
  equal((await bystander.next('participant-left')).id, client.peerId, 'who left');
});

const quietSince = bystander.received.length;

await survives('not JSON', 'bad-json', (client) => client.raw('{"type":'));
await survives('an empty message', 'bad-json', (client) => client.raw(''));
await survives('not UTF-8 of JSON but NULs', 'bad-json', (client) => client.raw('{"type":"ping"}\0\0'));
await survives('17 levels deep', 'too-deep', (client) => client.raw(nested(client, 17)));
await survives('100,000 levels deep', 'too-deep', (client) => client.raw('['.repeat(100_000)));
await survives('unknown type', 'unknown-type', (client) => client.send({ type: 'no-such-thing' }));
await survives('no type', 'bad-message', (client) => client.send({}));
await survives('a type that is a number', 'bad-message', (client) => client.send({ type: 7 }));
await survives('join without peerId', 'bad-message', (client) => client.raw('{"type":"join-room"}'), { joined: false });
await survives(
  'a room of 65 characters',
  'bad-message',
  (client) => client.send({ type: 'join-room', room: 'r'.repeat(65) }),
  { joined: false },
);
await survives(
  'a name of 65 characters',
  'bad-message',
  (client) => client.send({ type: 'join-room', name: 'n'.repeat(65) }),
  { joined: false },
);
await survives('an unknown role', 'bad-message', (client) => client.send({ type: 'join-room', role: 'king' }), {
  joined: false,
});
await survives('offer without join', 'not-joined', (client) => client.send({ type: 'offer', sdp: call }), {
  joined: false,
});
await survives('joining twice', 'already-joined', (client) => client.send({ type: 'join-room' }));
await survives("another's peerId", 'wrong-peer', (client) =>
  client.send({ type: 'mute', peerId: bystander.peerId, audio: true, video: true }),
);
await survives("another's peerId says leave", 'wrong-peer', (client) =>
  client.send({ type: 'leave', peerId: bystander.peerId }),
);
await survives(
  'a peerId in use',
  'peer-taken',
  (client) => client.send({ type: 'join-room', ...room, peerId: bystander.peerId }),
  { joined: false },
);
await survives('an offer without sdp', 'bad-message', (client) => client.send({ type: 'offer' }));
await survives('an offer that is no SDP', 'bad-sdp', (client) => client.send({ type: 'offer', sdp: 'hello' }));
await survives('an offer with 1,000 sections', 'bad-sdp', (client) => {
  const [head, audio] = call.split(/^(?=m=)/m);
  const sections = Array.from(
    { length: 1000 },
    (_, index) => `m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:${index}\r\na=rtpmap:111 opus/48000/2\r\na=recvonly\r\n`,
  );
  assert(audio, 'the golden offer has sections');
  client.send({ type: 'offer', sdp: head + sections.join('') });
});
await survives('an offer with a line of 200,000 bytes', 'bad-sdp', (client) =>
  client.send({ type: 'offer', sdp: `${call}a=${'x'.repeat(200_000)}\r\n` }),
);
await survives('an answer that nobody asked for', 'unexpected-answer', (client) =>
  client.send({ type: 'answer', sdp: call }),
);
await survives('a candidate that is no JSON', 'bad-candidate', (client) =>
  client.send({ type: 'ice-candidate', candidate: 'candidate:1' }),
);
await survives('a watcher publishes', 'forbidden', (client) => client.send({ type: 'offer', sdp: call }), {
  fields: { role: 'watch' },
});

await test('16 levels and 256 KiB are still heard', async () => {
  const client = await SignalingClient.joined(server, { room: 'elsewhere' });
  for (const text of [nested(client, 16), sized(client, 256 * 1024)]) {
    client.raw(text);
    await client.next('pong');
  }
  client.close();
});

await test('over 256 KiB: too-large, then closed with 1009', async () => {
  const client = await SignalingClient.joined(server, { room: 'elsewhere' });
  client.raw(sized(client, 256 * 1024 + 1));
  await refused(client, 'too-large');
  equal(await client.closing(), 1009, 'close code');
});

await test('64 MiB: closed with 1009 and not kept', async () => {
  const client = await SignalingClient.joined(server, { room: 'elsewhere' });
  client.raw(sized(client, 64 * 1024 * 1024));
  equal(await client.closing(20 * slowness), 1009, 'close code');
});

await test('an offer with a data channel: it is refused with port 0 and the rest is answered', async () => {
  const client = await SignalingClient.joined(server, { room: 'elsewhere' });
  client.send({ type: 'offer', sdp: await golden('chromium-original') });
  const { sdp } = await client.next('answer');
  const sections = sdp.match(/^m=.*$/gm).map((line) => line.trim());
  equal(sections.length, 3, `sections in ${sections}`);
  assert(/^m=application 0 /.test(sections[2]), sections[2]);
  assert(!/^m=\S+ 0 /.test(sections[0]) && !/^m=\S+ 0 /.test(sections[1]), sections.join());
  assert(/^a=ice-lite\r$/m.test(sdp), 'the server is ICE lite');
  assert(/^a=fingerprint:sha-256 /m.test(sdp) && /^a=setup:(passive|active)\r$/m.test(sdp), 'DTLS');
  client.close();
});

for (const name of [
  'chromium-call',
  'chromium-watch',
  'chromium-stream',
  'chromium-simulcast',
  'firefox-original',
  'firefox-watch',
]) {
  await test(`the golden offer ${name} is answered`, async () => {
    const offer = await golden(name);
    const client = await SignalingClient.joined(server, {
      room: 'elsewhere',
      role: name.endsWith('watch') ? 'watch' : 'call',
    });
    client.send({ type: 'offer', sdp: offer });
    const { sdp } = await client.next('answer');
    equal(sdp.match(/^m=\S+/gm), offer.match(/^m=\S+/gm), 'sections');
    equal(sdp.match(/^a=mid:\S+/gm), offer.match(/^a=mid:\S+/gm), 'mids');
    // Browsers refuse an answer with anything that the offer did not have, section by section.
    const theirs = sections(offer);
    for (const [index, ours] of sections(sdp).entries()) {
      for (const part of Object.keys(ours)) {
        const strange = ours[part].filter((item) => !theirs[index][part].includes(item));
        equal(strange, [], `${part} that section ${index} of the offer does not have`);
      }
    }
    client.close();
  });
}

await test('the bystander noticed nothing and the server is healthy', async () => {
  await bystander.settled();
  equal(
    bystander.received.slice(quietSince).map(({ type }) => type),
    ['pong'],
    'what the bystander received',
  );
  equal(bystander.closed, null, "the bystander's connection");
  assert(await server.healthy(), 'healthz');
});

await end();
