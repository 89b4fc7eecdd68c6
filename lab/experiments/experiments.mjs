#!/usr/bin/env node
// The project's first two experiments, and the usual method (STUN) for comparison, behind every kind of NAT.
// Prints each result and writes build/lab/experiments.json and docs/experiments.md; --again rewrites the document from
// that JSON.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { launchChromium } from '../../tests/e2e/lib/chromium.mjs';
import { launchFirefox } from '../../tests/e2e/lib/firefox.mjs';
import { enter } from '../../tests/e2e/lib/lab.mjs';
import { startServer } from '../../tests/e2e/lib/server.mjs';
import { launchOptions } from '../matrix/cell.mjs';
import { startResponder } from '../matrix/prober.mjs';
import { unable } from '../matrix/unable.mjs';
import { document } from './document.mjs';
import { methods, tryMethod } from './methods.mjs';
import { callDirectly } from './peer-to-peer.mjs';

const kinds = ['open', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric', 'carrier-grade'];
// Seconds after which a call that has not connected counts as one that does not.
const patience = 8;
const root = new URL('../../', import.meta.url);
const json = new URL('build/lab/experiments.json', root);

if (process.argv.includes('--again')) {
  await writeFile(new URL('docs/experiments.md', root), document(JSON.parse(await readFile(json, 'utf8'))));
  process.exit();
}

// Each kind twice: peer to peer, a kind also calls another home of the same kind.
const lab = await enter('homes', { kinds: [...kinds, ...kinds], unable });
const homes = lab.homes.slice(0, kinds.length);
const others = lab.homes.slice(kinds.length);
const begun = performance.now();
const server = await startServer(lab);
const responder = await startResponder();
const stunElsewhere = process.env.LAB_STUN.split(',')[0];
const launch = (launcher, home) => launcher(launchOptions(home, server));

const findings = [];
const running = [];
const versions = {};
for (const home of homes) {
  const chromium = await launch(launchChromium, home);
  const firefox = await launch(launchFirefox, home);
  for (const browser of [chromium, firefox]) {
    versions[browser.name] = browser.version;
    for (const method of methods) {
      const found = await tryMethod({ method, browser, home, server, stunElsewhere, patience });
      findings.push({ ...found, title: home.title });
      console.log(
        `${home.title}, ${browser.name}, ${method.title}: ${found.connected ? 'connected' : 'not connected'}; srflx ${found.srflx[0] ?? 'none'}, seen from ${found.mapping ?? 'nowhere'}`,
      );
    }
  }
  await firefox.close();
  running.push(chromium);
}

const opposite = [];
for (const home of others) opposite.push(await launch(launchChromium, home));
const direct = [];
for (const [row, home] of homes.entries()) {
  const met = await Promise.all(
    opposite.map((browser, column) =>
      column < row ? null : callDirectly(running[row], browser, stunElsewhere, `${server.origin}/healthz`),
    ),
  );
  met.forEach((result, column) => result && direct.push({ one: home.kind, other: others[column].kind, ...result }));
  console.log(
    `peer to peer, ${home.title}: ${met
      .map((result, column) => (result ? `${others[column].kind} ${result.connected ? 'yes' : 'NO'}` : ''))
      .filter(Boolean)
      .join(', ')}`,
  );
}

await Promise.all([...running, ...opposite].map((browser) => browser.close()));
await server.stop();
await responder.close();
const result = {
  versions,
  server: `${server.address}:${server.port}`,
  stunElsewhere: `${stunElsewhere}:3478`,
  homes,
  findings,
  direct,
};
await mkdir(new URL('build/lab/', root), { recursive: true });
await writeFile(json, `${JSON.stringify(result, null, 2)}\n`);
await writeFile(new URL('docs/experiments.md', root), document(result));
console.log(
  `${findings.length} calls and ${direct.length} pairs in ${Math.round((performance.now() - begun) / 1000)} s; written: build/lab/experiments.json, docs/experiments.md`,
);
process.exit();
