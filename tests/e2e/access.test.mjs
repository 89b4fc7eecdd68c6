#!/usr/bin/env node
// Access control of a running server: origins of WebSockets, tokens for rooms, authorization of the admin API.

import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { launchChromium } from './lib/chromium.mjs';
import { freePort } from './lib/lab.mjs';
import { runServer, slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, equal, suite } from './lib/tap.mjs';

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
const files = {
  secret: await keep('secret', `${secret}\n`),
  rsa: await keep('rsa.pem', pem(rsa)),
  ec: await keep('ec.pem', pem(ec)),
};

// --- tokens, by node's own cryptography ---

const soon = () => Math.floor(Date.now() / 1000) + 60;
const base64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const signers = {
  HS256: (text, key = secret) => createHmac('sha256', key).update(text).digest('base64url'),
  RS256: (text) => sign('sha256', Buffer.from(text), rsa.privateKey).toString('base64url'),
  ES256: (text) =>
    sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
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
const closed = await startOne([
  '--token-key',
  files.secret,
  '--open-rooms',
  'lobby',
  '--allow-origins',
  'https://meet.example',
  '--metrics',
  'token',
]);

const probePort = await freePort();
const hidden = await startOne([
  '--token-key',
  files.secret,
  '--announce',
  '198.51.100.1,2001:db8::1',
  '--probe-port',
  String(probePort),
]);

// The status of the answer to a WebSocket of this origin: 101 or a refusal.
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
  for (const evil of [
    'https://evil.example',
    'null',
    `http://${host}.evil.example`,
    `http://evil${host}`,
    `http://${host}0`,
    'http://127.0.0.1',
  ])
    equal(await handshake(open, evil), 403, evil);
  equal(await handshake(open, open.origin), 101, 'its own page');
  equal(await handshake(open, undefined), 101, 'no browser');
});

await test('pages of listed sites do', async () => {
  equal(await handshake(closed, 'https://meet.example'), 101, 'the listed one');
  equal(await handshake(closed, closed.origin), 101, 'its own page');
});

// Tries every entry point from a page of this origin: the answer's status, and whether the page's script may read it. For a
// WebSocket, the error.
const description = await readFile(new URL('../golden/chromium-stream.sdp', import.meta.url), 'utf8');
async function ways(server, origin, room, held) {
  const post = async (way) => {
    const headers = {
      'content-type': 'application/sdp',
      ...(origin && { origin }),
      ...(held && { authorization: `Bearer ${held}` }),
    };
    const preflight = await fetch(`${server.origin}/${way}/${room}`, {
      method: 'OPTIONS',
      headers: { ...(origin && { origin }), 'access-control-request-method': 'POST' },
    });
    const answer = await fetch(`${server.origin}/${way}/${room}`, { method: 'POST', body: description, headers });
    const readers = [preflight, answer].map((response) => response.headers.get('access-control-allow-origin'));
    for (const response of [preflight, answer])
      equal(response.headers.get('vary'), 'origin', `${way}: what caches go by`);
    equal(readers[0], readers[1], `${way}: who may read the preflight's answer, and the answer`);
    if (answer.status === 201) {
      const path = answer.headers.get('location');
      const leave = await fetch(server.origin + path, { method: 'DELETE', headers: origin ? { origin } : {} });
      equal([leave.status, leave.headers.get('access-control-allow-origin')], [200, readers[1]], 'leaves');
    }
    return [answer.status, readers[1]];
  };
  const socket = async () => {
    const client = new WebSocket(server.signaling, origin ? { headers: { Origin: origin } } : {});
    const refused = once(client, 'unexpected-response').then(([, response]) => response.statusCode);
    client.on('error', () => {});
    client.on('open', () =>
      client.send(JSON.stringify({ type: 'join-room', peerId: randomUUID(), room, ...(held && { token: held }) })),
    );
    const said = once(client, 'message')
      .then(([data]) => JSON.parse(data))
      .then(({ type, code }) => code ?? type);
    const result = await Promise.race([refused, said]);
    client.terminate();
    return result;
  };
  return { socket: await socket(), whip: await post('whip'), whep: (await post('whep'))[1] };
}
const evil = 'https://evil.example';

await test('no way in is open to pages of other sites where everybody may come in', async () => {
  for (const site of [evil, 'null', `${open.origin}0`])
    equal(await ways(open, site, 'blue'), { socket: 403, whip: [403, null], whep: null }, site);
  equal(
    await ways(open, open.origin, 'blue'),
    { socket: 'joined', whip: [201, open.origin], whep: open.origin },
    'its own page',
  );
  equal(await ways(open, undefined, 'blue'), { socket: 'joined', whip: [201, '*'], whep: '*' }, 'no browser');
});

await test('a page in the clear is of another site where the server speaks TLS', async () => {
  const { host } = new URL(open.origin);
  const over = (origin) =>
    new Promise((resolve, reject) => {
      const ask = secureRequest(
        {
          host: '127.0.0.1',
          port: open.port,
          path: '/whip/blue',
          method: 'OPTIONS',
          headers: { origin, host },
          rejectUnauthorized: false,
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      ask.on('error', reject);
      ask.end();
    });
  equal(await over(`https://${host}`), 204, 'its own page');
  equal(await over(`http://${host}`), 403, 'by http');
});

await test('pages of any site come in by a valid token, to a room that takes one', async () => {
  const good = token(ada);
  equal(await ways(closed, evil, 'blue', good), { socket: 'joined', whip: [201, evil], whep: evil }, 'with a token');
  equal(await ways(closed, evil, 'blue'), { socket: 'unauthorized', whip: [403, evil], whep: evil }, 'without one');
  equal(
    await ways(closed, evil, 'blue', token({ ...ada, exp: 1 })),
    { socket: 'unauthorized', whip: [403, evil], whep: evil },
    'an expired one',
  );
  equal(
    await ways(closed, evil, 'red', good),
    { socket: 'forbidden', whip: [403, evil], whep: evil },
    'of another room',
  );
  equal(
    await ways(closed, evil, 'lobby', token({ ...ada, room: 'lobby' })),
    { socket: 'forbidden', whip: [403, null], whep: null },
    'a room that takes none',
  );
  equal(
    await ways(closed, evil, 'lobby'),
    { socket: 'forbidden', whip: [403, null], whep: null },
    'without a token either',
  );
  equal(
    await ways(closed, 'https://meet.example', 'lobby'),
    { socket: 'joined', whip: [201, 'https://meet.example'], whep: 'https://meet.example' },
    'a listed site',
  );
  const cookie = {
    Cookie: `token=${good}; Authorization=Bearer ${good}`,
    Origin: evil,
    'Content-Type': 'application/sdp',
  };
  equal(
    (await fetch(`${closed.origin}/whip/blue`, { method: 'POST', body: description, headers: cookie })).status,
    403,
    'a cookie counts for nothing',
  );
});

await test('a WebSocket of such a page that has no token is closed', async () => {
  const client = new WebSocket(closed.signaling, { headers: { Origin: evil } });
  client.on('open', () => client.send(JSON.stringify({ type: 'join-room', peerId: 'evil', room: 'lobby' })));
  const [code] = await once(client, 'close');
  equal(code, 1008);
});

await test('a real page of another site gets in nowhere, by no kind of request', async () => {
  const site = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>another site</title>'),
  );
  await new Promise((listening) => site.listen(0, '127.0.0.1', listening));
  after(() => site.close());
  const browser = await launchChromium({});
  after(() => browser.close());
  const tab = await browser.tab();
  await tab.open(`http://127.0.0.1:${site.address().port}/`);
  const tried = (server, room, held) =>
    tab.evaluate(
      async ({ http, ws, room, held, offer }) => {
        const ask = (path, options) =>
          fetch(http + path, options).then(
            (response) => `${response.type} ${response.status}`,
            () => 'unreadable',
          );
        const bearer = held ? { authorization: `Bearer ${held}` } : {};
        const socket = await new Promise((done) => {
          const client = new WebSocket(ws);
          client.onerror = () => done('refused');
          client.onopen = () =>
            client.send(JSON.stringify({ type: 'join-room', peerId: `page-${Math.random()}`, room, token: held }));
          client.onmessage = ({ data }) => done(JSON.parse(data).code ?? JSON.parse(data).type);
        });
        return {
          socket,
          whip: await ask(`/whip/${room}`, {
            method: 'POST',
            body: offer,
            headers: { 'content-type': 'application/sdp', ...bearer },
          }),
          whep: await ask(`/whep/${room}`, {
            method: 'POST',
            body: offer,
            headers: { 'content-type': 'application/sdp', ...bearer },
          }),
          simple: await ask(`/whip/${room}`, { method: 'POST', body: offer, credentials: 'include' }), // without a preflight
          blind: await ask(`/whip/${room}`, { method: 'POST', mode: 'no-cors', body: new Blob([offer]) }),
          network: await ask('/network.json'),
          metrics: await ask('/metrics'),
        };
      },
      { http: server.origin, ws: server.signaling, room, held, offer: description },
    );
  const joins = async () =>
    Number((await (await fetch(`${open.origin}/metrics`)).text()).match(/^monoport_joins_total (\d+)/m)[1]);
  const before = await joins();
  equal(
    await tried(open, 'blue'),
    {
      socket: 'refused',
      whip: 'unreadable',
      whep: 'unreadable',
      simple: 'unreadable',
      blind: 'opaque 0',
      network: 'unreadable',
      metrics: 'unreadable',
    },
    'an open server',
  );
  equal(await joins(), before, 'joins of an open server');
  // WHEP refuses this offer, since it publishes; the test only checks that the page can read the answer.
  const guest = await tried(closed, 'blue', token(ada));
  equal(
    [guest.socket, guest.whip, guest.whep.split(' ')[0], guest.network],
    ['joined', 'cors 201', 'cors', 'unreadable'],
    'with a token',
  );
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
    early: token({ ...ada, nbf: soon() + 120 }),
    endless: token({ ...ada, exp: undefined }),
    cut: token(ada).split('.').slice(0, 2).join('.'),
    nobodys: token({ ...ada, sub: undefined }),
  }))
    equal(await asked(closed, { room: 'blue', token: bad }), 'unauthorized', name);
});

await test('a session ends when its token does', async () => {
  const client = await SignalingClient.joined(closed, {
    token: token({ ...ada, exp: Math.floor(Date.now() / 1000) + 2 }),
  });
  const bye = await client.next('bye', 10 * slowness);
  equal(bye.reason, 'expired');
  await client.waitFor(() => client.closed, 5 * slowness);
  equal(client.closed, 1008);
});

for (const [alg, file] of [
  ['RS256', 'rsa'],
  ['ES256', 'ec'],
])
  await test(`${alg} with the public key only`, async () => {
    const server = await startOne(['--token-key', files[file], '--token-algorithm', alg]);
    equal(await asked(server, { room: 'blue', token: token(ada, { alg }) }), 'joined');
    equal(
      await asked(server, { room: 'blue', token: token(ada, { alg: 'HS256', key: pem(file === 'rsa' ? rsa : ec) }) }),
      'unauthorized',
      'its public key as a secret',
    );
    equal(
      await asked(server, { room: 'blue', token: token(ada, { alg: alg === 'RS256' ? 'ES256' : 'RS256' }) }),
      'unauthorized',
      'another algorithm',
    );
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
  const path = '/api/v1/sessions/0/timeline';
  equal(await status(open, path), 404, 'from here there is just no such session');
  const { status: moved, headers } = await fetch(`${open.origin}/api/sessions/0/timeline`, { redirect: 'manual' });
  equal([moved, headers.get('location')], [308, path], 'the path of before the API had a version');
  equal(await status(open, path, { 'X-Forwarded-For': '203.0.113.7' }), 403, 'by a proxy');
  equal(await status(open, path, { Forwarded: 'for=203.0.113.7' }), 403, 'by a proxy of another kind');
  equal(await status(open, path, { Host: 'rebound.evil.example' }), 403, 'by a name that was made to lead here');
  const far = { 'X-Forwarded-For': '203.0.113.7' };
  equal(await status(closed, path, far), 401, 'no token');
  equal(await status(closed, path, { ...far, ...bearer({ rights: ['admin'] }) }), 404, "an admin's");
  equal(await status(closed, path, { ...far, ...bearer(ada) }), 401, 'no right');
  equal(await status(closed, path, { ...far, ...bearer({ rights: ['admin'], exp: 1 }) }), 401, 'expired');
  equal(
    await status(closed, path, { ...far, Cookie: bearer({ rights: ['admin'] }).Authorization }),
    401,
    'a cookie counts for nothing',
  );
});

await test('a proxy on this machine that does not say so makes nobody local', async () => {
  const { port } = new URL(open.origin);
  for (const path of ['/api/v1/sessions/0/timeline', '/metrics'])
    for (const host of [
      'monoport.example',
      '203.0.113.7',
      '[2001:db8::1]:443',
      `0.0.0.0:${port}`,
      '127.0.0.1.evil.example',
    ])
      equal(await status(open, path, { Host: host }), 403, `${path} of ${host}`);
  for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]'])
    equal(await status(open, '/metrics', { Host: host }), 200, host);
});

await test('metrics are for whom they are configured', async () => {
  equal(await status(open, '/metrics', { 'X-Forwarded-For': '203.0.113.7' }), 403, 'this machine');
  equal(await status(closed, '/metrics'), 401, 'a token, also from here');
  equal(await status(closed, '/metrics', bearer({ rights: ['admin'] })), 200, "an admin's");
});

await test('addresses of the server are for those who may join', async () => {
  const ask = async (server, headers = {}) => (await fetch(`${server.origin}/network.json`, { headers })).json();
  const { port } = new URL(hidden.origin);
  const least = { port: Number(port), addresses: ['198.51.100.1'], address: '127.0.0.1' }; // not the machine's own addresses
  equal(await ask(hidden), least, 'without a token');
  equal(await ask(hidden, bearer({ ...ada, exp: 1 })), least, 'an expired one');
  equal(await ask(hidden, { Cookie: `token=${token(ada)}` }), least, 'a cookie counts for nothing');
  equal(
    await ask(hidden, { 'X-Forwarded-For': '203.0.113.9' }),
    { port: Number(port), addresses: ['198.51.100.1'] },
    'by a proxy',
  );
  const all = { ...least, addresses: ['198.51.100.1', '2001:db8::1'], probePort };
  equal(await ask(hidden, bearer(ada)), all, 'with a token');
  equal(
    await ask(closed),
    { port: closed.port, addresses: ['127.0.0.1'], address: '127.0.0.1' },
    'where nothing is announced',
  );
  assert(
    (await ask(closed, bearer(ada))).addresses.length > 1 ||
      Object.values(networkInterfaces())
        .flat()
        .every(({ internal }) => internal),
    'all that it has',
  );
});

await test('no token is in the log', async () => {
  for (const server of [open, closed]) assert(!/eyJ/.test(server.tail(1e6)), 'a token');
});

await end();
