#!/usr/bin/env node
// Who may come in, asked of a running server: origins of WebSockets, tokens for rooms, the gate before the admin API.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { freePort } from './lab.mjs';
import { runServer, slowness, startServer } from './server.mjs';
import { SignalingClient } from './signaling-client.mjs';
import { assert, equal, suite } from './tap.mjs';

const { test, after, explain, end } = suite({ limit: 60 * slowness });
const folder = await mkdtemp(join(tmpdir(), 'monoport-access-'));
after(() => rm(folder, { recursive: true }));

const secret = 'thirty-two characters and a few more';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (pair) => pair.publicKey.export({ type: 'spki', format: 'pem' });
const keep = async (name, text) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const files = { secret: await keep('secret', `${secret}\n`), rsa: await keep('rsa.pem', pem(rsa)), ec: await keep('ec.pem', pem(ec)) };

// --- tokens, by node's own cryptography ---

const soon = () => Math.floor(Date.now() / 1000) + 60;
const base64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const signers = {
  HS256: (text, key = secret) => createHmac('sha256', key).update(text).digest('base64url'),
  RS256: (text) => sign('sha256', Buffer.from(text), rsa.privateKey).toString('base64url'),
  ES256: (text) => sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  none: () => '',
};
function token(claims, { alg = 'HS256', key } = {}) {
  const text = `${base64({ typ: 'JWT', alg })}.${base64({ exp: soon(), ...claims })}`;
  return `${text}.${signers[alg](text, key)}`;
}
const ada = { sub: 'ada', room: 'blue', rights: ['publish', 'watch'] };

// --- servers ---

const startOne = async (args) => {
  const server = await startServer({ address: '127.0.0.1', port: freePort }, { args });
  after(() => server.stop());
  explain(() => server.tail());
  return server;
};
const open = await startOne([]);
const closed = await startOne(['--token-key', files.secret, '--open-rooms', 'lobby', '--allow-origins', 'https://meet.example', '--metrics', 'token']);

// What a WebSocket of this origin is answered: 101 or the status of the refusal.
async function handshake(server, origin) {
  const socket = new WebSocket(server.signaling, { ...(origin === undefined ? {} : { headers: { Origin: origin } }) });
  socket.on('error', () => {});
  const [status] = await Promise.race([
    once(socket, 'open').then(() => [101]),
    once(socket, 'unexpected-response').then(([, response]) => [response.statusCode]),
  ]);
  socket.terminate();
  return status;
}

// The error's code, or "joined".
async function asked(server, fields) {
  const client = await SignalingClient.connect(server);
  client.send({ type: 'join-room', ...fields });
  await client.waitFor(() => client.received.find(({ type }) => type === 'joined' || type === 'error'), 5 * slowness);
  const [{ type, code }] = client.received;
  client.close();
  return type === 'joined' ? type : code;
}

function status(server, path, headers = {}) {
  const { hostname, port } = new URL(server.origin);
  return new Promise((resolve, reject) => {
    const ask = request({ hostname, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    ask.on('error', reject);
    ask.end();
  });
}
const bearer = (claims, options) => ({ Authorization: `Bearer ${token(claims, options)}` });

// --- origins ---

await test('pages of other sites open no WebSocket', async () => {
  const { host } = new URL(open.origin);
  for (const evil of ['https://evil.example', 'null', `http://${host}.evil.example`, `http://evil${host}`, `http://${host}0`, 'http://127.0.0.1'])
    equal(await handshake(open, evil), 403, evil);
  equal(await handshake(open, open.origin), 101, 'its own page');
  equal(await handshake(open, undefined), 101, 'no browser');
});

await test('pages of listed sites do', async () => {
  equal(await handshake(closed, 'https://meet.example'), 101, 'the listed one');
  equal(await handshake(closed, closed.origin), 101, 'its own page');
  for (const evil of ['https://meet.example.evil', 'http://meet.example', 'https://meet.example:444']) equal(await handshake(closed, evil), 403, evil);
});

// --- rooms ---

await test('a room that is not open takes a token', async () => {
  equal(await asked(closed, { room: 'blue' }), 'unauthorized');
  equal(await asked(closed, { room: 'blue', token: token(ada) }), 'joined');
  equal(await asked(closed, { room: 'lobby' }), 'joined');
  equal(await asked(open, { room: 'blue' }), 'joined');
});

await test('a token is for its room and its rights', async () => {
  equal(await asked(closed, { room: 'red', token: token(ada) }), 'forbidden');
  equal(await asked(closed, { room: 'blue', role: 'call', token: token({ ...ada, rights: ['watch'] }) }), 'forbidden');
  equal(await asked(closed, { room: 'blue', role: 'watch', token: token({ ...ada, rights: ['watch'] }) }), 'joined');
});

await test('a forged, an expired and an early token are refused', async () => {
  for (const [name, bad] of Object.entries({
    none: token(ada, { alg: 'none' }),
    otherKey: token(ada, { key: `${secret}!` }),
    otherAlgorithm: token(ada, { alg: 'RS256' }),
    expired: token({ ...ada, exp: 1 }),
    early: token({ ...ada, nbf: soon() }),
    endless: token({ ...ada, exp: undefined }),
    cut: token(ada).split('.').slice(0, 2).join('.'),
    nobodys: token({ ...ada, sub: undefined }),
  }))
    equal(await asked(closed, { room: 'blue', token: bad }), 'unauthorized', name);
});

await test('a session ends when its token does', async () => {
  const client = await SignalingClient.joined(closed, { token: token({ ...ada, exp: Math.floor(Date.now() / 1000) + 2 }) });
  const bye = await client.next('bye', 10 * slowness);
  equal(bye.reason, 'expired');
  await client.waitFor(() => client.closed, 5 * slowness);
  equal(client.closed, 1008);
});

for (const [alg, file] of [['RS256', 'rsa'], ['ES256', 'ec']])
  await test(`${alg} with the public key only`, async () => {
    const server = await startOne(['--token-key', files[file], '--token-algorithm', alg]);
    equal(await asked(server, { room: 'blue', token: token(ada, { alg }) }), 'joined');
    equal(await asked(server, { room: 'blue', token: token(ada, { alg: 'HS256', key: pem(file === 'rsa' ? rsa : ec) }) }), 'unauthorized', 'its public key as a secret');
    equal(await asked(server, { room: 'blue', token: token(ada, { alg: alg === 'RS256' ? 'ES256' : 'RS256' }) }), 'unauthorized', 'another algorithm');
  });

await test('a key that does not do is said at the start', async () => {
  for (const args of [
    ['--token-key', join(folder, 'nothing')],
    ['--token-key', await keep('short', 'too short')],
    ['--token-key', files.rsa],
    ['--token-key', files.rsa, '--token-algorithm', 'ES256'],
    ['--token-key', files.secret, '--token-algorithm', 'RS256'],
  ]) {
    const { code, stderr } = await runServer(args);
    equal(code, 2, args.join(' '));
    assert(stderr.includes('token-key'), stderr);
    assert(!stderr.includes('too short') && !stderr.includes(secret), 'the secret is not printed');
  }
});

// --- the admin API ---

await test('the admin API is for this machine and for admins', async () => {
  const path = '/api/sessions/0/timeline';
  equal(await status(open, path), 404, 'from here there is just no such session');
  equal(await status(open, path, { 'X-Forwarded-For': '203.0.113.7' }), 403, 'by a proxy');
  equal(await status(open, path, { Forwarded: 'for=203.0.113.7' }), 403, 'by a proxy of another kind');
  equal(await status(open, path, { Host: 'rebound.evil.example' }), 403, 'by a name that was made to lead here');
  const far = { 'X-Forwarded-For': '203.0.113.7' };
  equal(await status(closed, path, far), 401, 'no token');
  equal(await status(closed, path, { ...far, ...bearer({ rights: ['admin'] }) }), 404, "an admin's");
  equal(await status(closed, path, { ...far, ...bearer(ada) }), 401, 'no right');
  equal(await status(closed, path, { ...far, ...bearer({ rights: ['admin'], exp: 1 }) }), 401, 'expired');
  equal(await status(closed, path, { ...far, Cookie: bearer({ rights: ['admin'] }).Authorization }), 401, 'a cookie counts for nothing');
});

await test('metrics are for whom they are configured', async () => {
  equal(await status(open, '/metrics', { 'X-Forwarded-For': '203.0.113.7' }), 200, 'anyone');
  equal(await status(closed, '/metrics'), 401, 'a token, also from here');
  equal(await status(closed, '/metrics', bearer({ rights: ['admin'] })), 200, "an admin's");
});

await test('no token is in the log', async () => {
  for (const server of [open, closed]) assert(!/eyJ/.test(server.tail(1e6)), 'a token');
});

await end();
