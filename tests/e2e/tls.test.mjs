#!/usr/bin/env node
// TLS on the one port: the page and a call by https and wss, what becomes of plain HTTP, and certificates that change.

import { get } from 'node:https';
import { get as plainly } from 'node:http';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { launchChromium } from './chromium.mjs';
import { enter, freePort } from './lab.mjs';
import { Participant } from './participant.mjs';
import { runServer, slowness, startServer } from './server.mjs';
import { assert, diagnostic, equal, suite } from './tap.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const folder = mkdtempSync(path(tmpdir(), 'monoport-tls-'));
after(() => rmSync(folder, { recursive: true }));

const server = await startServer(lab, { args: ['--plain=no', '--state', path(folder, 'a', 'b')] });
after(() => server.stop());
explain(() => server.tail());
const origin = `https://${lab.address}:${server.port}`;

/** Status, headers and body; the certificate, too, where there is one. */
function ask(url, options = {}) {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? get : plainly)(url, { rejectUnauthorized: false, agent: false, timeout: 5000 * slowness, ...options }, (response) => {
      const certificate = response.socket.getPeerCertificate?.().fingerprint256;
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body, certificate }));
    });
    request.on('timeout', () => request.destroy(new Error(`${url}: no answer`))).on('error', reject);
  });
}

await test('a certificate of its own is made and kept, for nobody else to read', async () => {
  const file = path(folder, 'a', 'b', 'self-signed.pem');
  equal(statSync(file).mode & 0o777, 0o600, 'mode');
  const { certificate } = await ask(`${origin}/healthz`);
  const other = await startServer(lab, { port: await freePort(), args: ['--plain=no', '--state', path(folder, 'a', 'b')] });
  equal((await ask(`https://${lab.address}:${other.port}/healthz`)).certificate, certificate, 'the next server\'s certificate');
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
  for (const options of [{ ALPNProtocols: [] }, { ALPNProtocols: ['http/1.1'] }, { maxVersion: 'TLSv1.2', ALPNProtocols: [] }, { maxVersion: 'TLSv1.2' }]) {
    const { status, body } = await ask(`${origin}/`, options);
    equal([status, body.includes('<html')], [200, true], JSON.stringify(options));
  }
});

await test('TLS 1.1 is refused', async () => {
  const socket = connect({ host: lab.address, port: server.port, rejectUnauthorized: false, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
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
    headers: { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  });
  equal(upgrade.status, 308, 'a WebSocket in the clear');
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
  const other = await startServer(lab, { port: await freePort(), args: ['--plain=no', '--cert', given, '--key', given] });
  const url = `https://${lab.address}:${other.port}/healthz`;
  const before = await ask(url);
  assert(/max-age=\d{7,}/.test(before.headers['strict-transport-security']), `HSTS: ${before.headers['strict-transport-security']}`);
  const standing = new WebSocketByTls(other);
  await standing.opened();
  copyFileSync(second, given);
  other.child.kill('SIGHUP');
  const shown = async (wanted, seconds) => {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const { certificate } = await ask(url);
      if (wanted(certificate)) return certificate;
      assert(performance.now() < deadline, `still ${certificate}`);
    }
  };
  const next = await shown((certificate) => certificate !== before.certificate, 5 * slowness);
  const changed = performance.now();
  copyFileSync(first, given); // and without a word
  await shown((certificate) => certificate === before.certificate, 20 * slowness);
  diagnostic(`without SIGHUP after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  assert(next !== before.certificate, 'the same certificate');
  await standing.answers();
  await other.stop();
});

await test('a certificate that cannot be used: one line, exit code 2', async () => {
  for (const args of [['--cert', given], ['--cert', '/no/such/file', '--key', given], ['--cert', first, '--key', second]]) {
    const { code, stderr } = await runServer(['--port', String(await freePort()), ...args]);
    equal([code, stderr.trim().split('\n').length], [2, 1], `${args}: ${stderr}`);
    diagnostic(stderr.trim());
  }
});

/** A WebSocket over TLS, byte by byte: what stands while the certificate changes. */
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
    socket.write('GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
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
