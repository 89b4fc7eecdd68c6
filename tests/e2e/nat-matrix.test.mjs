#!/usr/bin/env node
// A few cells of the matrix that `make lab` measures in full. A probe first proves the kind of each network. `blocked` tests
// the networks without UDP.

import { launchChromium } from './lib/chromium.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import { enter } from './lib/lab.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';
import { launchOptions, measure } from '../../lab/matrix/cell.mjs';
import { prove, startResponder } from '../../lab/matrix/prober.mjs';
import { cellText, pairText, probeText } from '../../lab/matrix/words.mjs';

const cones = ['full-cone', 'address-restricted', 'port-restricted'];
const calls = [
  ['symmetric', launchFirefox],
  ['carrier-grade', launchChromium],
  ['ipv6-only', launchChromium],
];

const lab = await enter('homes', { kinds: [...cones, ...calls.map(([kind]) => kind), 'mtu-1280'] });
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const responder = await startResponder();
after(() => responder.close());

for (const home of lab.homes) {
  await test(`${home.title}: the network is what it is called`, async () => {
    const proof = await prove(home);
    diagnostic(probeText(proof));
    equal(proof.wrong, [], 'what the probe found otherwise');
  });
}

const peerBrowser = await launchChromium({ host: process.env.LAB_PEER, origin: server.origin });
after(() => peerBrowser.close());

for (const [kind, launch] of calls) {
  const home = lab.homes.find((each) => each.kind === kind);
  const browser = await launch(launchOptions(home, server));
  await test(`${home.title}: a call with ${browser.name}`, async () => {
    const cell = await measure({ browser, home, server, peerBrowser });
    assert(cell.connected && !cell.trouble, cell.trouble);
    diagnostic(`${cellText(cell)}; ${pairText(cell.pair)}`);
    assert(cell.framesPerSecond > 0 && cell.framesPerSecondSent > 0, `frames a second: ${cellText(cell)}`);
    equal(cell.pair.remote.port, server.port, 'the port at the other end');
  });
  await browser.close();
}

await end();
