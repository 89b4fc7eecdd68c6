#!/usr/bin/env node
// WHIP and WHEP: GStreamer publishes by one POST as streaming programs do, a browser plays by another, and the page's own
// viewers see them as normal participants. Then wrong requests of HTTP clients.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { kill, start } from './lib/process.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const { host } = lab.clients[0];
const program = fileURLToPath(new URL('./lib/whip-publish.py', import.meta.url));
const offer = (name) => readFile(new URL(`../golden/${name}.sdp`, import.meta.url), 'utf8');

/** GStreamer as a publisher. `until` waits for a line of its output. */
async function publisher(name) {
  const child = start([program, `${server.origin}/whip/stage?name=${name}`], { host, stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = [];
  let postedAt;
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => {
    if (line === 'posting') postedAt = performance.now();
    lines.push(line);
  });
  child.stderr.on('data', (data) => lines.push(String(data)));
  const until = async (text) => {
    const late = AbortSignal.timeout(20_000 * slowness);
    while (!lines.some((line) => line.startsWith(text))) {
      await once(output, 'line', { signal: late }).catch(() =>
        assert(false, `no "${text}" of GStreamer:\n${lines.join('\n')}`),
      );
    }
  };
  await until('connection connected');
  return {
    postedAt,
    async leave() {
      const closed = once(child, 'close');
      child.stdin.end();
      await until('deleted 200');
      await closed;
    },
    /** Ends it as a crash does: no DELETE, no BYE, no close of DTLS. */
    crash: () => kill(child),
  };
}

const browser = await launchChromium({ host, origin: server.origin });
after(() => browser.close());

let gst = await test('GStreamer publishes by WHIP', () => publisher('gst'));

const viewer = await test('a page in the room decodes its picture and its sound', async () => {
  const watcher = await Participant.join(browser, {
    origin: server.origin,
    room: 'stage',
    name: 'viewer',
    path: '/watch',
  });
  await watcher.sees(['gst']);
  const streams = await watcher.measure(2);
  const video = streams.find(({ kind }) => kind === 'video');
  const audio = streams.find(({ kind }) => kind === 'audio');
  diagnostic(`${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}`);
  equal(video.size, '320x180', 'its size');
  assert(video.framesPerSecond > 5, 'frames');
  assert(audio.energy > 0, 'no sound');
  return watcher;
});

await test('in a room of ten its sound, whose packets have no level, flows on', async () => {
  const crowd = [];
  for (let count = 0; count < 8; count += 1)
    crowd.push(await SignalingClient.joined(server, { room: 'stage', role: 'watch' }));
  const audio = (await viewer.measure(3)).find(({ kind }) => kind === 'audio');
  assert(
    audio.packets > (100 * audio.seconds) / 3 && audio.energy > 0,
    `${audio.packets} packets, energy ${audio.energy}`,
  );
  for (const client of crowd) client.socket.close();
});

/** Runs in a page of the server: plays a room by WHEP. `window.whep` keeps the connection. */
async function play(room) {
  const connection = new RTCPeerConnection({ iceServers: [] });
  const video = document.createElement('video');
  Object.assign(video, { muted: true, autoplay: true, srcObject: new MediaStream() });
  document.body.append(video);
  connection.ontrack = ({ track }) => video.srcObject.addTrack(track);
  for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
  await connection.setLocalDescription();
  const headers = { 'content-type': 'application/sdp' };
  const response = await fetch(`/whep/${room}`, { method: 'POST', headers, body: connection.localDescription.sdp });
  const answer = await response.text();
  window.whep = { connection, answer, resource: response.headers.get('location'), etag: response.headers.get('etag') };
  if (response.status !== 201) return `${response.status} ${answer}`;
  await connection.setRemoteDescription({ type: 'answer', sdp: answer });
  return '201';
}

/** Runs in the page: restarts ICE as RFC 9725 says. */
async function restart() {
  const { connection, resource, etag, answer } = window.whep;
  const value = (text, name) => text.match(new RegExp(`^a=${name}:(\\S+)`, 'm'))[1];
  await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
  const { sdp } = connection.localDescription;
  const body = `a=ice-ufrag:${value(sdp, 'ice-ufrag')}\r\na=ice-pwd:${value(sdp, 'ice-pwd')}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n`;
  const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
  const response = await fetch(resource, { method: 'PATCH', headers, body });
  const fragment = await response.text();
  const renewed = ['ice-ufrag', 'ice-pwd'].reduce(
    (text, name) => text.replaceAll(new RegExp(`^a=${name}:.*$`, 'gm'), `a=${name}:${value(fragment, name)}`),
    answer,
  );
  await connection.setRemoteDescription({ type: 'answer', sdp: renewed });
  window.whep.etag = response.headers.get('etag');
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    etags: [etag, window.whep.etag],
    ufrags: [value(answer, 'ice-ufrag'), value(fragment, 'ice-ufrag')],
  };
}

const decoded = async () => {
  let frames = 0;
  for (const report of (await window.whep.connection.getStats()).values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'video') frames += report.framesDecoded ?? 0;
  }
  return frames;
};

const tab = await browser.tab();
const more = async (what, seconds = 20 * slowness, from) => {
  const before = from ?? (await tab.evaluate(decoded));
  await tab.until(what, `async (before) => (await (${decoded})()) > before + 5`, before, seconds, decoded);
};

await test('a browser plays it by WHEP', async () => {
  await tab.open(`${server.origin}/healthz`);
  equal(await tab.evaluate(play, 'stage'), '201', 'answer');
  await more('WHEP decodes');
});

await test('and goes on over an ICE restart by PATCH', async () => {
  const { status, type, etags, ufrags } = await tab.evaluate(restart);
  equal([status, type], [200, 'application/trickle-ice-sdpfrag'], 'answer');
  assert(etags[0] !== etags[1] && ufrags[0] !== ufrags[1], `${etags} ${ufrags}`);
  await tab.until(
    'the new credentials are in use',
    `async () => [...(await window.whep.connection.getStats()).values()].some(({ type, state, nominated, remoteCandidateId }, _, all) =>
      type === 'candidate-pair' && state === 'succeeded' && nominated && all.find(({ id }) => id === remoteCandidateId)?.usernameFragment === '${ufrags[1]}')`,
    null,
    20 * slowness,
  );
  await more('WHEP decodes after the restart');
});

await test('the publisher leaves with DELETE, and everybody knows', async () => {
  await gst.leave();
  await viewer.knows([]);
});

await test('another one comes, and both viewers play on', async () => {
  gst = await publisher('again');
  await viewer.sees(['again']);
  await more('WHEP decodes the next publisher');
  await gst.leave();
});

await test('an encoder crashes and another one takes its place: WHEP decodes that one within 3 s of its POST', async () => {
  const crashed = await publisher('crashed');
  await more('WHEP decodes before the crash');
  await crashed.crash();
  await server.says('event="path lost"', 30 * slowness);
  const before = await tab.evaluate(decoded);
  const { postedAt } = await publisher('newcomer');
  const seconds = () => (performance.now() - postedAt) / 1000;
  const connected = seconds();
  await more('WHEP decodes the newcomer', 3 * slowness - connected, before);
  diagnostic(
    `WHEP decoded the newcomer ${seconds().toFixed(2)} s after its POST; its connection stood after ${connected.toFixed(2)} s`,
  );
  const kept = (await viewer.summary()).participants.some(({ name }) => name === 'crashed');
  assert(kept, 'the session of the encoder that crashed ended before, so this shows nothing');
});

/* --- hand-made requests --- */

const send = (method, path, { type = 'application/sdp', body, headers = {} } = {}) =>
  fetch(`${server.origin}${path}`, {
    method,
    body,
    headers: { ...(body !== undefined && type ? { 'content-type': type } : {}), ...headers },
  });

const fragment =
  'a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2 192.0.2.1 5000 typ host\r\n';
const patch = (path, etag, body = fragment) =>
  send('PATCH', path, { type: 'application/trickle-ice-sdpfrag', body, headers: etag ? { 'if-match': etag } : {} });

await test('what RFC 9725 says of status and headers', async () => {
  const created = await send('POST', '/whip/hand?name=by%20hand', { body: await offer('chromium-stream') });
  equal([created.status, created.headers.get('content-type')], [201, 'application/sdp'], 'created');
  const [location, etag, link] = ['location', 'etag', 'link'].map((name) => created.headers.get(name));
  assert(/^\/resource\/[0-9a-f]+-[0-9a-f]{32}$/.test(location) && /^".+"$/.test(etag), `${location} ${etag}`);
  assert(
    /<turn:.*transport=tcp>; rel="ice-server"; username=".+"; credential=".+"/.test(link) && link.includes('<turns:'),
    link,
  );
  equal(created.headers.get('access-control-allow-origin'), '*', 'CORS');
  assert(created.headers.get('access-control-expose-headers').includes('etag'), 'CORS');
  const answer = await created.text();
  assert(
    /a=candidate:.* udp /.test(answer) && /a=end-of-candidates/.test(answer) && /a=setup:passive/.test(answer),
    answer,
  );

  const own = (await offer('chromium-stream')).match(/a=ice-ufrag:(\S+)\r?\na=ice-pwd:(\S+)/);
  const trickle = fragment.replace('EsAw', own[1]).replace('P2uYro0UCOQ4zxjKXaWCBui1', own[2]);
  equal((await patch(location, etag, trickle)).status, 204, 'trickle');
  equal((await patch(location, null)).status, 428, 'no If-Match');
  equal((await patch(location, '"other"')).status, 412, 'another If-Match');
  equal(
    (await send('PATCH', location, { body: fragment, headers: { 'if-match': etag } })).status,
    415,
    'not a fragment',
  );
  equal(
    (await patch(location, '*', 'a=candidate:1 1 udp 2 192.0.2.1 5000 typ host\r\n')).status,
    400,
    'a restart without credentials',
  );
  const restarted = await patch(location, '*');
  equal(restarted.status, 200, 'restart');
  assert(/a=ice-ufrag:/.test(await restarted.text()) && restarted.headers.get('etag') !== etag, 'restarted');
  equal((await patch(location, etag, trickle)).status, 412, 'the ETag before the restart');

  for (const method of ['GET', 'PUT', 'POST']) {
    const refused = await send(method, location, method === 'GET' ? {} : { body: 'x' });
    equal([refused.status, refused.headers.get('allow')], [405, 'OPTIONS, PATCH, DELETE'], `${method} of the resource`);
  }
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    const refused = await send(method, '/whip/hand', method === 'PUT' || method === 'PATCH' ? { body: 'x' } : {});
    equal([refused.status, refused.headers.get('allow')], [405, 'OPTIONS, POST'], `${method} of the endpoint`);
  }
  for (const [path, accepts] of [
    ['/whip/hand', 'accept-post'],
    ['/whep/hand', 'accept-post'],
    [location, 'accept-patch'],
  ]) {
    const asked = await send('OPTIONS', path, {
      headers: { origin: server.origin, 'access-control-request-method': 'POST' },
    });
    equal(asked.headers.get('access-control-allow-origin'), server.origin, path);
    assert(
      asked.ok &&
        asked.headers.get('access-control-allow-headers').includes('authorization') &&
        asked.headers.get(accepts),
      path,
    );
  }
  const guessed = `${location.slice(0, -1)}${location.endsWith('0') ? '1' : '0'}`;
  equal((await send('DELETE', guessed)).status, 404, 'a guessed resource');
  equal((await patch(guessed, '*')).status, 404, 'a guessed resource');
  equal((await send('DELETE', location)).status, 200, 'the end');
  equal((await send('DELETE', location)).status, 404, 'after the end');
});

await test('what no session comes of', async () => {
  const good = await offer('chromium-stream');
  equal((await send('POST', '/whip/hand', { body: 'v=0' })).status, 400, 'no offer');
  equal((await send('POST', '/whip/hand', { body: good, type: 'text/plain' })).status, 415, 'another type');
  const large = await send('POST', '/whip/hand', {
    body: good.padEnd(4_000_000, 'a=x\r\n'),
    headers: { origin: server.origin },
  });
  equal(
    [large.status, large.headers.get('access-control-allow-origin')],
    [413, server.origin],
    'too large, and its page may read that',
  );
  equal((await send('POST', '/whip/', { body: good })).status, 404, 'no room');
  equal((await send('POST', '/whip/a/b', { body: good })).status, 404, 'more than a room');
  equal((await send('POST', `/whip/${'r'.repeat(65)}`, { body: good })).status, 400, 'too long a name');
  equal((await send('POST', '/whip/hand', { body: Buffer.from([0xff, 0xfe, 0x00]) })).status, 400, 'no text');
  const empty = await send('POST', '/whep/nobody', { body: await offer('chromium-watch') });
  assert(empty.status === 404 && empty.headers.get('retry-after'), `${empty.status}: nobody publishes`);
});

await end();
