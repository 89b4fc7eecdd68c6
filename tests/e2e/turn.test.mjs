#!/usr/bin/env node
// The built-in TURN server, with foreign clients: coturn's tools, and browsers that may use nothing but a relay.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { start } from './lib/process.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { SignalingClient } from './lib/signaling-client.mjs';
import { once } from 'node:events';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const { host } = lab.clients[0];

/** Runs one of coturn's tools on the client's host; their exit code is always 0. */
async function tool(name, ...args) {
  const child = start([name, ...args, server.address], { host, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const overdue = setTimeout(() => child.kill('SIGKILL'), 10_000 * slowness);
  await once(child, 'close');
  clearTimeout(overdue);
  return output;
}

const turn = await test('a client is told where TURN is and with which credentials', async () => {
  const client = await SignalingClient.joined(server, { room: 'turn' });
  client.send({ type: 'turn' });
  const { iceServers, ttl } = await client.next('turn');
  client.close();
  equal(iceServers.length, 1, 'servers');
  const [{ urls, username, credential }] = iceServers;
  equal(
    urls,
    ['turn', 'turns'].map((scheme) => `${scheme}:${server.address}:${server.port}?transport=tcp`),
    'urls',
  );
  assert(
    Math.abs(Number(username.split(':')[0]) - Date.now() / 1000 - ttl) < 60,
    `${username} does not expire in ${ttl} s`,
  );
  return { urls, username, credential };
});

await test('stunclient is told its address', async () => {
  const output = await tool('turnutils_stunclient', '-p', server.port);
  const [, address] = output.match(/UDP reflexive addr: ([\d.]+):\d+/) ?? [];
  equal(address, lab.clients[0].outer, output);
});

const uclient = (peer, port, ...args) =>
  tool(
    'turnutils_uclient',
    '-v',
    '-c',
    '-n',
    1,
    '-u',
    turn.username,
    '-w',
    turn.credential,
    '-p',
    server.port,
    '-e',
    peer,
    '-r',
    port,
    ...args,
  );

const allocated = /success\s.*Received relay addr: /;

for (const [way, ...args] of [['UDP'], ['TCP', '-t'], ['TLS', '-t', '-S']]) {
  await test(`uclient over ${way} allocates, may speak to this server alone, and to no other port of it`, async () => {
    const output = await uclient(server.address, server.port, '-s', ...args);
    assert(allocated.test(output), output);
    assert(
      new RegExp(`create perm sent: ${server.address}:${server.port}\\n(?:.*\\n){1,2}.*success`).test(output),
      output,
    );
    assert(
      new RegExp(`create perm sent: ${server.address}:${server.port + 1}\\n(?:.*\\n){1,2}.*error 403`).test(output),
      output,
    );
  });
}

for (const peer of ['8.8.8.8', '10.0.0.1', '127.0.0.2', '169.254.169.254', '0.0.0.0']) {
  await test(`uclient allocates and is refused the peer ${peer}`, async () => {
    const output = await uclient(peer, server.port, '-s');
    assert(
      allocated.test(output) &&
        /error 403 \(Forbidden\)/.test(output) &&
        !/perm sent.*\n(?:.*\n){1,2}.*success/.test(output),
      output,
    );
  });
}

await test('uclient with a wrong password gets nothing', async () => {
  const output = await tool(
    'turnutils_uclient',
    '-v',
    '-c',
    '-u',
    turn.username,
    '-w',
    'wrong',
    '-p',
    server.port,
    '-e',
    server.address,
    '-r',
    server.port,
  );
  assert(!allocated.test(output) && /Cannot complete Allocation/.test(output), output);
});

/** Runs in the page before its own scripts: every connection may use only this relay. */
const relayOnly = (urls) => `(() => {
  const Real = window.RTCPeerConnection;
  const only = { iceServers: [${JSON.stringify({ ...turn, urls })}], iceTransportPolicy: 'relay' };
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, ...only });
    }
    setConfiguration(configuration) {
      super.setConfiguration({ ...configuration, ...only });
    }
  };
})()`;

/** Runs in the page: the relay protocol of the selected pair's local candidate. */
async function relayProtocols() {
  const found = [];
  for (const connection of window.witness.connections) {
    const stats = await connection.getStats();
    for (const { type, selectedCandidatePairId } of stats.values()) {
      const pair = type === 'transport' && stats.get(selectedCandidatePairId);
      const local = pair && stats.get(pair.localCandidateId);
      if (local) found.push(`${local.candidateType} ${local.relayProtocol}`);
    }
  }
  return found;
}

const browser = await launchChromium({ host, origin: server.origin });
after(() => browser.close());

const ways = { udp: `turn:${server.address}:${server.port}?transport=udp`, tcp: turn.urls[0], tls: turn.urls[1] };

for (const [way, url] of Object.entries(ways)) {
  await test(`a call by TURN over ${way.toUpperCase()} alone`, async () => {
    const options = { origin: server.origin, room: way, before: relayOnly([url]) };
    const begun = performance.now();
    const stage = await Participant.join(browser, {
      ...options,
      name: 'stage',
      path: '/stream',
      query: { video: 'small' },
    });
    const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
    await viewer.sees(['stage']);
    const video = (await viewer.measure(2)).find(({ kind }) => kind === 'video');
    diagnostic(
      `${way}: first frame after ${Math.round(performance.now() - begun - 2000)} ms, ${video.framesPerSecond.toFixed(1)} frames/s of ${video.size}`,
    );
    equal(await stage.tab.evaluate(relayProtocols), [`relay ${way}`], "the publisher's way");
    equal(await viewer.tab.evaluate(relayProtocols), [`relay ${way}`], "the viewer's way");
    await Promise.all([stage.close(), viewer.close()]);
  });
}

await end();
