#!/usr/bin/env node
// TLS on the one port: the page and a call by https and wss, redirects of plain HTTP, and changing certificates.

import { get } from 'node:https';
import { get as plainly } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { launchChromium } from './lib/chromium.mjs';
import { enter, freePort } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { runServer, slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite, until } from './lib/tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const folder = mkdtempSync(path(tmpdir(), 'monoport-tls-'));
after(() => rmSync(folder, { recursive: true }));

const server = await startServer(lab, { args: ['--plain=no', '--state', path(folder, 'a', 'b')] });
after(() => server.stop());
explain(() => server.tail());
const origin = `https://${lab.address}:${server.port}`;

/** Status, headers and body; also the certificate, if there is one. */
function ask(url, options = {}) {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? get : plainly)(
      url,
      { rejectUnauthorized: false, agent: false, timeout: 5000 * slowness, ...options },
      (response) => {
        const certificate = response.socket.getPeerCertificate?.().fingerprint256;
        let body = '';
        response.on('data', (data) => (body += data));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body, certificate }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${url}: no answer`))).on('error', reject);
  });
}

await test('a certificate of its own is made and kept, for nobody else to read', async () => {
  const file = path(folder, 'a', 'b', 'self-signed.pem');
  equal(statSync(file).mode & 0o777, 0o600, 'mode');
  const { certificate } = await ask(`${origin}/healthz`);
  const other = await startServer(lab, {
    port: await freePort(),
    args: ['--plain=no', '--state', path(folder, 'a', 'b')],
  });
  equal(
    (await ask(`https://${lab.address}:${other.port}/healthz`)).certificate,
    certificate,
    "the next server's certificate",
  );
  await other.stop();
});

await test('https serves the page, without a promise that a self-signed certificate cannot keep', async () => {
  const { status, headers, body } = await ask(`${origin}/?room=x`);
  equal(status, 200, 'status');
  assert(body.includes('<html'), 'no page');
  equal(headers['strict-transport-security'], undefined, 'HSTS');
  equal(headers['x-content-type-options'], 'nosniff', 'nosniff');
});

await test('without ALPN, and by TLS 1.2, it is the same', async () => {
  for (const options of [
    { ALPNProtocols: [] },
    { ALPNProtocols: ['http/1.1'] },
    { maxVersion: 'TLSv1.2', ALPNProtocols: [] },
    { maxVersion: 'TLSv1.2' },
  ]) {
    const { status, body } = await ask(`${origin}/`, options);
    equal([status, body.includes('<html')], [200, true], JSON.stringify(options));
  }
});

/** A request of an HTTP/2 session: headers and body. */
function over(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let answer;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (heard) => (answer = heard)).on('data', (data) => (text += data));
    stream.on('end', () => resolve({ ...answer, text })).on('error', reject);
    if (body !== undefined) stream.end(body);
  });
}

await test('HTTP/2 where a client offers it: the page, its files and the API', async () => {
  const session = connectHttp2(origin, { rejectUnauthorized: false });
  after(() => session.destroy());
  const page = await over(session, { ':path': '/?room=x', 'accept-encoding': 'gzip;q=0' });
  equal([page[':status'], session.alpnProtocol], [200, 'h2'], 'the page');
  const files = page.text.match(/\/assets\/[\w.-]+/g);
  const answers = await Promise.all([...files, '/healthz', '/none'].map((path) => over(session, { ':path': path })));
  equal(
    answers.map((answer) => answer[':status']),
    [...files.map(() => 200), 200, 404],
    'statuses',
  );
  const script = answers[files.findIndex((path) => path.endsWith('.js'))];
  assert(
    script.text.length > 100_000 && /max-age=\d{6,}, immutable/.test(script['cache-control']),
    `${script.text.length} bytes, ${script['cache-control']}`,
  );
  equal(
    (await over(session, { ':path': files[0], 'if-none-match': answers[0].etag }))[':status'],
    304,
    'status for a current etag',
  );
  const bare = await over(session, { ':path': files[0], ':method': 'HEAD' });
  equal([bare[':status'], bare.text, Number(bare['content-length']) > 0], [200, '', true], 'HEAD');
  const posted = (body) =>
    over(session, { ':path': '/whip/h2', ':method': 'POST', 'content-type': 'application/sdp' }, body);
  equal((await posted('nonsense'))[':status'], 400, 'a body that is no offer');
  equal((await posted('x'.repeat(70_000)))[':status'], 413, 'a body that is too large');
  equal((await over(session, { ':path': '/healthz' })).text, 'ok\n', 'what follows');
  equal(session.remoteSettings.enableConnectProtocol, false, 'WebSockets over HTTP/2');
  const forbidden = over(session, { ':method': 'CONNECT', ':authority': 'x:1' }).catch((error) => error.code);
  equal(await forbidden, 'ERR_HTTP2_STREAM_ERROR', 'CONNECT');
});

/** A frame of HTTP/2 (RFC 9113 4.1). */
function frame(type, flags, stream, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.set([type, flags], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

await test('requests that are taken back by the thousand end their connection, and cost nobody else anything', async () => {
  const get = Buffer.from('8287844101' + '78', 'hex'); // :method GET, :scheme https, :path /, :authority x (RFC 7541 A)
  const socket = connect({ host: lab.address, port: server.port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  let isOver = false;
  const ended = new Promise((resolve) =>
    socket.on('error', resolve).on('end', resolve).on('close', resolve).resume(),
  ).then(() => (isOver = true));
  await new Promise((done) => socket.once('secureConnect', done));
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]));
  let stream = 1;
  for (; !isOver && stream < 100_000; stream += 2) {
    const there = socket.write(
      Buffer.concat([frame(1, 5, stream, get), frame(3, 0, stream, Buffer.from([0, 0, 0, 8]))]),
    );
    if (!there || stream % 100 === 1) await new Promise(setImmediate);
  }
  await ended;
  const begun = performance.now();
  equal((await ask(`${origin}/healthz`)).status, 200, 'meanwhile');
  diagnostic(
    `the connection was ended, ${(stream - 1) / 2} requests later; another one is answered after ${Math.round(performance.now() - begun)} ms`,
  );
});

await test('TLS 1.1 is refused', async () => {
  const socket = connect({
    host: lab.address,
    port: server.port,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const [error] = await once(socket, 'error');
  assert(/alert|version|reset|hang up/i.test(error.message), error.message);
});

await test('HTTP in the clear is served to this machine and redirected for others', async () => {
  equal((await ask(`http://127.0.0.1:${server.port}/healthz`)).status, 200, 'from this machine');
  for (const query of ['/', '/watch?room=a%20b&name=c', '/sdp']) {
    const { status, headers } = await ask(`http://${lab.address}:${server.port}${query}`);
    equal([status, headers.location], [308, origin + query], query);
  }
  const hostile = await ask(`http://${lab.address}:${server.port}/`, { headers: { host: 'x/../@evil' } });
  equal(hostile.status, 400, 'a Host that is none');
  const upgrade = await ask(`http://${lab.address}:${server.port}/sdp`, {
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': 13,
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  });
  equal([upgrade.status, upgrade.headers.upgrade], [426, 'TLS/1.2'], 'a WebSocket in the clear');
  assert(/wss:.*--plain/.test(upgrade.body), upgrade.body);
  await server.says('refused a WebSocket without TLS: use wss://, or start the server with --plain');
  equal(
    (await ask(`http://${lab.address}:${server.port}/whip/room?name=a%26b`, { method: 'POST' })).status,
    308,
    'WHIP in the clear',
  );
});

await test('two browsers call by https and wss', async () => {
  const browser = await launchChromium({ host: lab.clients[0].host });
  after(() => browser.close());
  const tab = { ignoreHTTPSErrors: true };
  const join = (name) => Participant.join(browser, { origin, room: 'tls', name, tab, query: { video: 'small' } });
  const [ada, bob] = await Promise.all([join('ada'), join('bob')]);
  await Promise.all([ada.sees(['bob']), bob.sees(['ada'])]);
  const { timings } = await ada.summary();
  diagnostic(`from join to the first decoded frame: ${Math.round(timings.firstRemoteFrame - timings.joinStarted)} ms`);
  assert(await ada.tab.evaluate(() => isSecureContext), 'no secure context');
  equal(
    await ada.tab.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol),
    'h2',
    'how the page came',
  );
  await Promise.all([ada.close(), bob.close()]);
});

const given = path(folder, 'given.pem');
const made = async (state) => {
  const other = await startServer(lab, { port: await freePort(), args: ['--state', path(folder, state)] });
  await other.stop();
  return path(folder, state, 'self-signed.pem');
};
const [first, second] = [await made('first'), await made('second')];

await test('a certificate that changes is shown to whoever comes then; who is there stays', async () => {
  copyFileSync(first, given);
  const other = await startServer(lab, {
    port: await freePort(),
    args: ['--plain=no', '--cert', given, '--key', given],
  });
  const url = `https://${lab.address}:${other.port}/healthz`;
  const before = await ask(url);
  assert(
    /max-age=\d{7,}/.test(before.headers['strict-transport-security']),
    `HSTS: ${before.headers['strict-transport-security']}`,
  );
  const standing = new WebSocketByTls(other);
  await standing.opened();
  copyFileSync(second, given);
  other.child.kill('SIGHUP');
  const isShown = async () => (await ask(url)).certificate === before.certificate;
  await until('the first certificate is shown', async () => !(await isShown()), 5 * slowness);
  const changed = performance.now();
  copyFileSync(first, given); // without SIGHUP
  await until('the second certificate is shown', isShown, 20 * slowness);
  diagnostic(`without SIGHUP after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  await standing.answers();
  await other.stop();
});

await test('a certificate that cannot be used: one line, exit code 2', async () => {
  for (const args of [
    ['--cert', given],
    ['--cert', '/no/such/file', '--key', given],
    ['--cert', first, '--key', second],
  ]) {
    const { code, stderr } = await runServer(['--port', String(await freePort()), ...args]);
    equal([code, stderr.trim().split('\n').length], [2, 1], `${args}: ${stderr}`);
    diagnostic(stderr.trim());
  }
});

/** A WebSocket over TLS, byte by byte: a connection that stays open while the certificate changes. */
function WebSocketByTls({ port, address }) {
  const socket = connect({ host: address, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  let heard = Buffer.alloc(0);
  socket.on('data', (data) => (heard = Buffer.concat([heard, data])));
  const until = async (text) => {
    while (!heard.includes(text)) {
      assert(!socket.destroyed, `closed after ${heard}`);
      await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    }
  };
  this.opened = async () => {
    await once(socket, 'secureConnect');
    socket.write(
      'GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await until('101 ');
  };
  this.answers = async () => {
    const text = Buffer.from('{"type":"nonsense"}');
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
    await until('"error"');
    socket.destroy();
  };
}

await end();
