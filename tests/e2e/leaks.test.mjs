#!/usr/bin/env node
// Information leaks: the test searches everything that the server sends to clients and writes to its log, at the most
// verbose level, for addresses that no option names and for secrets.

import { createHmac, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { freePort } from './lib/lab.mjs';
import { hasEnded } from './lib/process.mjs';
import { hasTool, Puppet, tool } from './lib/puppet.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, skipAll, suite } from './lib/tap.mjs';

if (!hasTool) skipAll(`${tool} is not built`);
const { test, after, explain, end } = suite({ limit: 60 * slowness });
const folder = await mkdtemp(join(tmpdir(), 'monoport-leaks-'));
after(() => rm(folder, { recursive: true }));

const announced = '203.0.113.7'; // the address for clients; the server must not reveal that it listens on 127.0.0.1
const own = '127.0.0.5'; // the client's own address, which the server may tell it
const secrets = {
  'the token key': 'thirty-two characters and a few more',
  'the TURN secret': 'another thirty-two characters of it',
};
await writeFile(join(folder, 'key'), secrets['the token key']);
const server = await startServer(
  { address: '127.0.0.1', port: freePort },
  {
    args: [
      '--listen',
      '127.0.0.1',
      '--announce',
      announced,
      '--log-level',
      'debug',
      '--token-key',
      join(folder, 'key'),
      '--open-rooms',
      'lobby',
      '--turn-secret',
      secrets['the TURN secret'],
    ],
  },
);
after(() => hasEnded(server.child) || server.stop());
explain(() => server.tail());

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function token(claims) {
  const text = `${base64({ typ: 'JWT', alg: 'HS256' })}.${base64({ exp: Math.floor(Date.now() / 1000) + 60, ...claims })}`;
  return `${text}.${createHmac('sha256', secrets['the token key']).update(text).digest('base64url')}`;
}
const offer = await readFile(new URL('../golden/chromium-call.sdp', import.meta.url), 'utf8');

/** Everything that the server sent to a client: { where, text }. */
const said = [];
const headers = { Host: 'meet.example' };
function ask(method, path, body = '', more = {}) {
  return new Promise((resolve, reject) => {
    const options = {
      host: server.address,
      port: server.port,
      localAddress: own,
      method,
      path,
      headers: { ...headers, ...more, ...(body ? { 'Content-Length': Buffer.byteLength(body) } : {}) },
    };
    const asked = request(options, (response) => {
      let text = JSON.stringify(response.headers);
      response.on('data', (data) => (text += data));
      response.on('end', () => {
        said.push({ where: `${method} ${path}`, text });
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function client() {
  const socket = new WebSocket(server.signaling, { localAddress: own, headers, perMessageDeflate: false });
  socket.on('message', (data) => said.push({ where: 'WebSocket', text: data.toString() }));
  const made = new SignalingClient(socket);
  await once(socket, 'open');
  after(() => made.close());
  return made;
}

await test('a client is served: it joins with a token, negotiates, makes mistakes, and is told what it may ask', async () => {
  secrets["a client's token"] = token({ sub: 'ada', room: 'blue', rights: ['publish', 'watch'] });
  secrets["an admin's token"] = token({ sub: 'root', rights: ['admin'] });
  secrets['a token that is not valid'] = secrets["a client's token"].replace(/..$/, 'xx');
  const ada = await client();
  ada.send({ type: 'join-room', room: 'blue', token: secrets['a token that is not valid'] });
  equal((await ada.next('error')).code, 'unauthorized', 'a bad token');
  ada.send({ type: 'join-room', room: 'blue', token: secrets["a client's token"], resume: true });
  await ada.next('joined');
  ada.send({ type: 'offer', sdp: offer });
  const { sdp } = await ada.next('answer');
  for (const type of ['turn', 'timeline', 'no-such-thing']) ada.send({ type });
  ada.send({ type: 'offer', sdp: 'hello' });
  ada.send({ type: 'ice-candidate', candidate: 'candidate:1 1 udp 1 10.9.8.7 1 typ host' });
  await ada.settled();
  const value = (text, name) => text.match(new RegExp(`^a=${name}:(.*?)\\r?$`, 'm'))[1];
  secrets["the server's ICE password"] = value(sdp, 'ice-pwd');
  secrets["a client's ICE password"] = value(offer, 'ice-pwd');
  const told = ada.received.map((message) => JSON.stringify(message)).join('\n');
  for (const [name, member] of [
    ['a TURN credential', 'credential'],
    ['what resumes a session', 'resume'],
  ]) {
    const found = told.match(new RegExp(`"${member}":"([^"]{16,})"`));
    assert(found, `the client was told no ${member}: ${told.slice(0, 2000)}`);
    secrets[name] = found[1];
  }
});

await test('another comes by WHIP, and somebody looks around', async () => {
  const created = await ask(
    'POST',
    '/whip/lobby?name=obs',
    await readFile(new URL('../golden/chromium-stream.sdp', import.meta.url), 'utf8'),
    { 'Content-Type': 'application/sdp', Authorization: 'Bearer nonsense.of.mine' },
  );
  const { status, headers: answered } =
    created.status === 201
      ? created
      : await ask(
          'POST',
          '/whip/lobby',
          await readFile(new URL('../golden/chromium-stream.sdp', import.meta.url), 'utf8'),
          { 'Content-Type': 'application/sdp' },
        );
  equal(status, 201, 'status of the POST');
  secrets['a WHIP resource'] = answered.location.split('-')[1];
  for (const path of [
    '/network.json',
    '/metrics',
    '/healthz',
    '/nothing',
    '/whip/lobby',
    '/sdp',
    `/whip/${'x'.repeat(400)}`,
  ])
    await ask('GET', path);
  await ask('GET', '/api/v1/sessions/0/timeline', '', { Authorization: `Bearer ${secrets["an admin's token"]}` });
  await ask('GET', '/api/v1/sessions/0/timeline');
  await ask('DELETE', answered.location);
});

await test('a call takes place, and one whose certificate is another', async () => {
  const one = await Puppet.call(server, { room: 'lobby', ssrc: 7 });
  after(() => one.leave());
  secrets['the ICE password of a call'] = one.remote.password;
  secrets['the ICE password of its client'] = one.own.password;
  await one.send({ ssrc: 7, count: 20 });
  const liar = await Puppet.join(server, { room: 'lobby', claims: { fingerprint: `sha-256 ${'00:'.repeat(31)}00` } });
  after(() => liar.leave());
  liar.connect();
  await one.signaling.next('participant-left', 20 * slowness);
  one.raw(Buffer.from('0001000021', 'hex'));
});

await test('no client was told an address that nobody configured', () => {
  const interfaces = Object.values(networkInterfaces())
    .flat()
    .map(({ address }) => address)
    .filter((address) => address !== announced);
  const may = new Set([announced, own, '0.0.0.0']);
  for (const { where, text } of said) {
    // The address in an SDP's origin line is a placeholder (RFC 9429 5.2.1).
    const rest = text.replace(/o=[^\\\r\n]*/g, '');
    const strange = [...rest.matchAll(/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g)]
      .map(([address]) => address)
      .filter((address) => !may.has(address));
    equal(strange, [], `addresses in ${where}: ${text.slice(0, 1000)}`);
    for (const address of interfaces) assert(!rest.includes(address), `${address} in ${where}: ${text.slice(0, 1000)}`);
  }
  diagnostic(`${said.length} answers and messages, ${said.reduce((sum, { text }) => sum + text.length, 0)} bytes`);
});

await test('no secret is in the log, nor told to who did not bring it', async () => {
  await server.stop(); // so that the log includes its last lines
  const log = server.tail(1e6);
  assert(log.split('\n').length > 20, `the log is too short to tell:\n${log}`);
  for (const [what, secret] of Object.entries(secrets)) assert(!log.includes(secret), `${what} is in the log`);
  for (const what of ['the token key', 'the TURN secret', "an admin's token", "a client's token"])
    for (const { where, text } of said) assert(!text.includes(secrets[what]), `${what} is in ${where}`);
  diagnostic(`${log.split('\n').length} lines of log, ${Object.keys(secrets).length} secrets`);
});

await test('the key of the media is another at each start, and is kept nowhere', async () => {
  const state = join(folder, 'state');
  const fingerprints = [];
  for (let start = 0; start < 2; start += 1) {
    const one = await startServer({ address: '127.0.0.1', port: freePort }, { args: ['--state', state] });
    const guest = await SignalingClient.joined(one);
    guest.send({ type: 'offer', sdp: offer });
    fingerprints.push((await guest.next('answer')).sdp.match(/^a=fingerprint:sha-256 (\S+)/m)[1]);
    guest.close();
    await one.stop();
  }
  assert(fingerprints[0] !== fingerprints[1], 'two starts, one key');
  const kept = await readdir(state);
  assert(kept.length > 0, "the page's own certificate is kept");
  for (const name of kept) {
    const text = await readFile(join(state, name), 'utf8');
    const { fingerprint256 } = new X509Certificate(text);
    assert(!fingerprints.includes(fingerprint256), `${name} is the certificate of the media`);
    equal((await stat(join(state, name))).mode & 0o077, 0, `what others may do with ${name}`);
  }
});

await end();
