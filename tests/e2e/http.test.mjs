#!/usr/bin/env node
// The server's HTTP answers, its start and its end.

import { createServer, connect } from 'node:net';
import { get } from 'node:http';
import { once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { freePort } from './lib/lab.mjs';
import { families } from './lib/prometheus.mjs';
import { runServer, slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const { test, after, explain, end } = suite({ limit: 90 * slowness });
const here = { address: '127.0.0.1', port: freePort };
const server = await startServer(here);
after(() => server.stop());
explain(() => server.tail());

// Not fetch: it normalises paths and decompresses bodies, and these tests check both.
function request(path, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: server.address, port: server.port, path, headers, agent: false, timeout: 5000 * slowness };
    get(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', reject);
    })
      .on('timeout', function timeout() {
        this.destroy(new Error(`${path}: no answer`));
      })
      .on('error', reject);
  });
}

await test('/healthz is 200', async () => equal((await request('/healthz')).status, 200, 'status'));

const assets = await test('/ is the page, and what it refers to is there', async () => {
  const { status, headers, body } = await request('/');
  equal(status, 200, 'status');
  assert(headers['content-type'].startsWith('text/html'), headers['content-type']);
  const paths = [...body.toString().matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]);
  assert(
    paths.some((path) => path.endsWith('.js')) && paths.some((path) => path.endsWith('.css')),
    `it refers to ${paths}`,
  );
  for (const path of paths) equal((await request(path)).status, 200, path);
  return paths;
});

await test('/stream and /watch are the page too', async () => {
  for (const path of ['/stream', '/watch', '/watch?room=r&name=n&join']) {
    const { status, headers } = await request(path);
    equal(status, 200, path);
    assert(headers['content-type'].startsWith('text/html'), `${path}: ${headers['content-type']}`);
  }
});

await test('scripts and styles have their types', async () => {
  for (const path of assets ?? []) {
    const type = (await request(path)).headers['content-type'] ?? '';
    if (path.endsWith('.js')) assert(/javascript/.test(type), `${path}: ${type}`);
    if (path.endsWith('.css')) assert(/^text\/css/.test(type), `${path}: ${type}`);
  }
});

await test('an asset has an ETag, and 304 answers it', async () => {
  for (const path of ['/', ...(assets ?? [])]) {
    const { headers } = await request(path);
    assert(headers.etag, `${path} has no ETag`);
    const again = await request(path, { 'if-none-match': headers.etag });
    equal([again.status, again.body.length], [304, 0], `${path} with If-None-Match`);
    equal((await request(path, { 'if-none-match': '"another"' })).status, 200, `${path} with another ETag`);
  }
});

await test('gzip for those who take it, and the same bytes', async () => {
  const path = (assets ?? []).find((path) => path.endsWith('.js'));
  const plain = await request(path);
  const packed = await request(path, { 'accept-encoding': 'gzip' });
  equal(packed.headers['content-encoding'], 'gzip', 'content-encoding');
  assert(packed.body.length < plain.body.length, `${packed.body.length} bytes packed, ${plain.body.length} plain`);
  equal(plain.headers['content-encoding'], undefined, 'content-encoding for those who did not ask');
  assert(gunzipSync(packed.body).equals(plain.body), 'other bytes');
  diagnostic(`${path}: ${plain.body.length} bytes, ${packed.body.length} packed`);
});

await test('an unknown path is 404', async () => {
  for (const path of ['/no-such-page', '/assets/no-such.js', '/index.html/x', '/healthz/x'])
    equal((await request(path)).status, 404, path);
});

await test('no path leads out', async () => {
  const paths = [
    '/../../../../etc/passwd',
    '/..%2f..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/%252e%252e%252fetc%252fpasswd',
    '/....//....//etc/passwd',
    '/assets/../../../etc/passwd',
    '/..\\..\\..\\etc\\passwd',
    '/%5c..%5c..%5cetc%5cpasswd',
    '/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
    '/assets/%00/etc/passwd',
    '//etc/passwd',
    '/etc/passwd',
    '/proc/self/environ',
  ];
  for (const path of paths) {
    const { status, body } = await request(path);
    assert(status >= 400 && status < 500, `${path}: ${status}`);
    assert(!body.includes('root:'), `${path} shows a file`);
  }
});

// Sends bytes; returns the bytes received until the server closed or was silent for the time given.
async function raw(bytes, seconds = 2) {
  const socket = connect(server.port, server.address);
  await once(socket, 'connect');
  let said = '';
  socket.on('data', (data) => (said += data.toString('latin1')));
  socket.on('error', () => {}); // a reset, where the server did not read everything, is a valid end too
  const closed = new Promise((done) => socket.on('close', done));
  socket.setTimeout(seconds * 1000, () => socket.destroy());
  socket.write(bytes);
  await closed;
  return said;
}

await test('what is not HTTP on the TCP port is not answered as if it were', async () => {
  const hostile = {
    'a path without a leading slash': 'GET ../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
    'a TLS ClientHello': Buffer.from('16030100c8010000c40303', 'hex'),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a header of 1 MB': `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(1 << 20)}\r\n\r\n`,
    zeros: Buffer.alloc(4096),
  };
  for (const [name, bytes] of Object.entries(hostile)) {
    const said = await raw(bytes);
    assert(!/^HTTP\/1\.[01] 2/.test(said), `${name}: ${said.slice(0, 80)}`);
  }
  assert(await server.healthy(), 'healthz');
});

await test('/metrics is valid Prometheus text', async () => {
  const client = await SignalingClient.joined(server, { room: 'metrics' });
  const { status, headers, body } = await request('/metrics');
  equal(status, 200, 'status');
  assert(/^text\/plain; *version=0\.0\.4/.test(headers['content-type']), headers['content-type']);
  const found = families(body.toString());
  diagnostic([...found.keys()].join(' '));
  for (const [name, { type }] of found) {
    assert(name.startsWith('monoport_') || name.startsWith('process_'), `${name} has not our prefix`);
    if (type === 'counter') assert(name.endsWith('_total'), `${name} is a counter`);
  }
  for (const wanted of [/session/, /track/, /packet/, /byte/, /drop/, /nack/, /pli|key_?frame/, /join/]) {
    assert(
      [...found.keys()].some((name) => wanted.test(name)),
      `nothing matches ${wanted}`,
    );
  }
  client.close();
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  await test(`${signal} with clients: they are told, exit code 0 within 2 s`, async () => {
    const other = await startServer(here);
    const clients = await Promise.all(['a', 'b', 'c'].map((name) => SignalingClient.joined(other, { name })));
    const ended = other.stop(signal);
    for (const client of clients) {
      equal((await client.next('bye')).reason, 'shutdown', 'reason');
      await client.closing();
    }
    diagnostic(`${(await ended).toFixed(2)} s`);
  });
}

await test('a client that never reads does not hold the end up', async () => {
  const other = await startServer(here);
  const sockets = Array.from({ length: 20 }, () => connect(other.port, other.address));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  }
  await other.stop();
  sockets.forEach((socket) => socket.destroy());
});

await test('--version and --help', async () => {
  const version = await runServer(['--version']);
  equal(version.code, 0, '--version');
  assert(/\d+\.\d+/.test(version.stdout), version.stdout);
  const help = await runServer(['--help']);
  equal(help.code, 0, '--help');
  for (const option of ['--port', '--listen', '--announce', '--workers', '--config', '--log-level'])
    assert(help.stdout.includes(option), `no ${option} in --help`);
});

// The server must print one line on stderr and end with exit code 2.
async function refused(args, environment) {
  const { code, stdout, stderr } = await runServer(args, environment);
  const shown = `${args.join(' ')} ${JSON.stringify(environment ?? {})}: exit code ${code}, ${JSON.stringify({ stdout, stderr })}`;
  assert(code === 2, shown);
  assert(/^[^\n]+\n$/.test(stderr) && stdout === '', shown);
  diagnostic(stderr.trim());
}

await test('an option that is wrong: one line, exit code 2', async () => {
  const wrong = [
    ['--no-such-option'],
    ['--port', 'http'],
    ['--port', '0x50'],
    ['--port', '65536'],
    ['--port', '-1'],
    ['--port', ''],
    ['--port'],
    ['--workers', 'many'],
    ['--workers', '100000'],
    ['--listen', 'not-an-address'],
    ['--announce', '1.2.3'],
    ['--log-level', 'loud'],
    ['--config', '/no/such/file'],
    ['stray'],
  ];
  for (const args of wrong) await refused(args);
  await refused([], { MONOPORT_PORT: 'http' });
});

await test('a port in use, of TCP or of UDP: one line, exit code 2', async () => {
  await refused(['--listen', server.address, '--port', String(server.port)]);
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  await refused(['--listen', '127.0.0.1', '--port', String(tcp.address().port)]);
  tcp.close();
});

await end();
