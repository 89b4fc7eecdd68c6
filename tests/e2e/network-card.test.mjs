#!/usr/bin/env node
// The network card: what the page tells each user about their own network, behind a symmetric NAT; and ICE restarts in
// real browsers, which keep the call as it is. Screenshots go to build/screenshots.

import { mkdir } from 'node:fs/promises';
import { text as whole } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';
import { keepConnections } from './lib/witness.mjs';

const lab = await enter('two-nats');
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const patience = 15 * slowness;

const screenshots = fileURLToPath(new URL('../../build/screenshots/', import.meta.url));
await mkdir(screenshots, { recursive: true });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());

// A second server, with `--probe-port`.
const probed = await startServer(lab, { port: 9000, args: ['--probe-port', '9001'] });
after(() => probed.stop());
explain(() => probed.tail());

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const [home] = lab.clients;
const browser = await launchChromium({ host: home.host, origin: `${server.origin},${probed.origin}` });
after(() => browser.close());

const join = (name, tab) =>
  Participant.join(browser, { origin: server.origin, room: 'card', name, tab, query: { video: 'small' } });
const ada = await join('Ada', desktop);
const bob = await join('Bob', phone);
const text = () => document.body.innerText;

await test('both see each other', () => Promise.all([ada.sees(['Bob']), bob.sees(['Ada'])]));

await test('the card says that the network lets video through, and shows the addresses', async () => {
  for (const [who, size] of [
    [ada, 'desktop'],
    [bob, 'phone'],
  ]) {
    await who.tab.press(/^network$/i);
    await who.tab.until(
      'a good verdict',
      () => /lets video through directly/i.test(document.body.innerText),
      undefined,
      patience,
      text,
    );
    const { mappedAddress, network, pair } = await who.summary();
    const card = await who.tab.evaluate(() => document.querySelector('aside').innerText);
    for (const shown of [
      mappedAddress,
      '10.0.1.2:',
      `${server.address}:${server.port}`,
      'UDP, directly',
      'Mapping observed',
    ]) {
      assert(card.includes(shown), `the card does not show ${shown}:\n${card}`);
    }
    assert(!/symmetric/i.test(card), 'one address does not prove a symmetric NAT');
    equal([pair.way, network.reason, network.restarts], ['udp', 'direct', 0], 'way');
    assert(mappedAddress.startsWith(`${home.outer}:`), `${mappedAddress} is not the NAT's ${home.outer}`);
    await who.tab.until(
      'numbers',
      () =>
        /\d ms\s+Round trip/i.test(document.body.innerText) &&
        /\d [kM]bit\/s\s+Receiving/i.test(document.body.innerText),
      undefined,
      patience,
      text,
    );
    await who.tab.screenshot(`${screenshots}network-${size}.png`);
    const { overflow, outside } = await who.tab.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - innerWidth,
      outside: document.querySelector('aside').getBoundingClientRect().right - innerWidth,
    }));
    assert(overflow <= 0 && outside <= 0, `the card of the ${size} does not fit: ${overflow}, ${outside}`);
  }
});

await test('the card is left with the Escape key, and the focus is back where it was', async () => {
  await ada.tab.page.keyboard.press('Escape');
  await ada.tab.until('the card is gone', () => !document.querySelector('aside'), undefined, patience);
  equal(await ada.tab.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Network', 'focus');
  await ada.tab.page.keyboard.press('Enter');
  await ada.tab.until(
    'the card is back',
    () => document.querySelector('aside[aria-label="Network"]') !== null,
    undefined,
    patience,
  );
});

await test('the report is a file with what ICE did, without names', async () => {
  const [file] = await Promise.all([ada.tab.page.waitForEvent('download'), ada.tab.press(/download a report/i)]);
  assert(/^monoport-network-.*\.json$/.test(file.suggestedFilename()), file.suggestedFilename());
  const content = await whole(await file.createReadStream());
  const { timeline, summary } = JSON.parse(content);
  const events = new Set(timeline.filter(({ side }) => side === 'client').map(({ event }) => event));
  for (const event of [
    'attempt',
    'socket',
    'sent',
    'received',
    'gathering',
    'candidate',
    'ice',
    'connection',
    'pair',
    'way',
  ]) {
    assert(events.has(event), `no ${event} in the timeline: ${[...events]}`);
  }
  assert(
    timeline.every(({ at }, i) => i === 0 || at >= timeline[i - 1].at),
    'the timeline is not in order',
  );
  equal(summary.state, 'connected', 'state');
  assert(!/Bob|ice-pwd/.test(content), 'the report has names or passwords');
  diagnostic(`${timeline.length} entries, ${content.length} bytes`);
});

await test('with a second port to ask, the kind of NAT is measured and named', async () => {
  const eve = await Participant.join(browser, {
    origin: probed.origin,
    room: 'card',
    name: 'Eve',
    tab: desktop,
    query: { video: 'small' },
  });
  await eve.connected();
  await eve.tab.press(/^network$/i);
  await eve.tab.until(
    'the kind of NAT',
    () => /another port for each destination[^]*often called symmetric[^]*measured/i.test(document.body.innerText),
    undefined,
    patience,
    text,
  );
  await eve.tab.screenshot(`${screenshots}network-measured-desktop.png`);
  await eve.close();
});

for (const [size, options] of Object.entries({ desktop, phone })) {
  await test(`the lobby checks the network when it is asked to, ${size}`, async () => {
    const tab = await browser.tab(options);
    await tab.before(keepConnections);
    await tab.open(`${probed.origin}/?room=lobby`);
    await tab.until(
      'a preview of the camera',
      () => [...document.querySelectorAll('video')].some(({ videoWidth }) => videoWidth > 0),
      undefined,
      patience,
      text,
    );
    equal(await tab.evaluate(() => window.witness.connections.length), 0, 'connections before it was asked');
    await tab.press(/check my network/i);
    await tab.until(
      'a verdict',
      () => /lets video through directly[^]*often called symmetric/i.test(document.body.innerText),
      undefined,
      patience,
      text,
    );
    await tab.page.getByText('Addresses').scrollIntoViewIfNeeded();
    await tab.screenshot(`${screenshots}check-${size}.png`);
    equal(
      await tab.evaluate(
        () => window.witness.connections.filter(({ signalingState }) => signalingState !== 'closed').length,
      ),
      0,
      'connections left',
    );
    equal(await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'overflow');
    await tab.close();
  });
}

// The properties that a restart must not change.
const standing = async (who) => {
  const { peerId, remote, timings } = await who.summary();
  const connections = await who.tab.evaluate(
    () => window.witness.connections.filter(({ connectionState }) => connectionState !== 'closed').length,
  );
  return {
    peerId,
    streams: remote.map(({ streamId, kind }) => `${streamId} ${kind}`).sort(),
    reconnects: timings.reconnects,
    connections,
  };
};

await test('an ICE restart, when the network changes, keeps the call as it is', async () => {
  const before = await standing(ada);
  const oldPort = (await ada.summary()).mappedAddress;
  await ada.tab.evaluate(() => window.dispatchEvent(new Event('online')));
  await ada.until(
    'goes another way',
    ({ mappedAddress, network }, old) => network.restarts === 1 && mappedAddress !== old,
    oldPort,
  );
  await Promise.all([ada.sees(['Bob']), bob.sees(['Ada'])]);
  equal(await standing(ada), before, 'the call after the restart');
  const { network } = await ada.summary();
  equal(network.way, 'udp', 'way');
});

await end();
