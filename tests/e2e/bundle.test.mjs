#!/usr/bin/env node
// Chromium stops the section that carries its bundle's transport, in mid-call, and offers: it discards the transport and makes
// another, with a DTLS handshake of its own (RFC 9143 7.5.3). Media of the other sections goes on.

import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { diagnostic, equal, suite, until } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 90 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

/** Runs in the page: stops its first section, and returns its kind. The page offers by itself. */
const stopFirst = () => {
  const pc = window.witness.connections.at(-1);
  const [first, ...rest] = pc.getTransceivers();
  window.transportBefore = rest.find(({ sender }) => sender.track).sender.transport;
  first.stop();
  return first.receiver.track.kind;
};

/** Runs in the page: whether its remaining senders use another transport that is connected. */
const isElsewhere = () => {
  const pc = window.witness.connections.at(-1);
  const transport = pc
    .getTransceivers()
    .find(({ sender, currentDirection }) => sender.track && currentDirection && currentDirection !== 'stopped')
    ?.sender.transport;
  return transport && transport !== window.transportBefore && transport.state === 'connected';
};

await test('its watcher sees and hears the rest, and the session is the same', async () => {
  const options = { origin: server.origin, room: 'bundle' };
  const stage = await Participant.join(browser, {
    ...options,
    name: 'stage',
    path: '/stream',
    query: { video: 'small' },
  });
  const viewer = await Participant.join(browser, { ...options, name: 'viewer', path: '/watch' });
  await viewer.sees(['stage']);
  const { peerId } = await stage.summary();
  const begun = performance.now();
  const stopped = await stage.tab.evaluate(stopFirst);
  await stage.tab.until('it has another transport', isElsewhere, undefined, 20 * slowness);
  const up = performance.now() - begun;
  const rest = stopped === 'audio' ? 'video' : 'audio';
  const received = async () =>
    (await viewer.inbound())
      .filter(({ kind }) => kind === rest)
      .reduce(
        (sum, { framesDecoded, totalSamplesReceived, concealedSamples }) =>
          sum + (rest === 'video' ? framesDecoded : totalSamplesReceived - concealedSamples),
        0,
      );
  const before = await received();
  const enough = rest === 'video' ? 20 : 48000;
  await until(`${enough} of ${rest}`, async () => (await received()) >= before + enough, 20 * slowness);
  const came = (await received()) - before;
  diagnostic(
    `${stopped} was stopped; another transport was up after ${up.toFixed(0)} ms, ${came} ${rest === 'video' ? 'frames' : 'samples'} of ${rest} came after it`,
  );
  equal((await stage.summary()).peerId, peerId, 'the session');
  equal(server.log.filter((line) => line.includes('participant joined')).length, 2, 'joins');
  await Promise.all([stage.close(), viewer.close()]);
});

await end();
