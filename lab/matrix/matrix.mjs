#!/usr/bin/env node
// lab/matrix/matrix.mjs [--only KIND]… [--browser NAME]… | --again
//
// For every kind of network in lab/kind: a probe proves its behaviour, then each browser makes a call from it. Prints a
// table; a whole run also writes build/lab/matrix.json, docs/nat-matrix.md and docs/nat-matrix.svg. The exit code is 1 if
// a kind does not behave as it declares. With --only or --browser it only prints; --again rewrites the documents from the
// JSON.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { launchChromium } from '../../tests/e2e/lib/chromium.mjs';
import { launchFirefox } from '../../tests/e2e/lib/firefox.mjs';
import { enter } from '../../tests/e2e/lib/lab.mjs';
import { startServer } from '../../tests/e2e/lib/server.mjs';
import { launchOptions, leaveAlone, measure } from './cell.mjs';
import { browserName, browsers, kinds } from './kinds.mjs';
import { markdown } from './markdown.mjs';
import { prove, startResponder } from './prober.mjs';
import { svg } from './svg.mjs';
import { Terminal } from './terminal.mjs';
import { unable } from './unable.mjs';

const launchers = { chromium: launchChromium, firefox: launchFirefox };
const root = new URL('../../', import.meta.url);

const json = new URL('build/lab/matrix.json', root);

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    browser: { type: 'string', multiple: true },
    again: { type: 'boolean' },
  },
});
if (values.again) {
  await document(JSON.parse(await readFile(json, 'utf8')));
  process.exit();
}
const chosenKinds = choose('kind', kinds, values.only);
const chosenBrowsers = choose('browser', browsers, values.browser);
const isWhole = !values.only && !values.browser;

function choose(what, all, wanted = all) {
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    console.error(`lab: no such ${what}: ${unknown} (there are: ${all.join(' ')})`);
    process.exit(2);
  }
  return all.filter((name) => wanted.includes(name));
}

const lab = await enter('homes', { kinds: chosenKinds, unable });

const begun = performance.now();
const terminal = new Terminal(chosenBrowsers);
const responder = await startResponder();
const server = await startServer(lab);
const peerBrowser = await launchChromium({ host: process.env.LAB_PEER, origin: server.origin });
const versions = {};

terminal.doing('probing all of them');
const proofs = new Map(
  await Promise.all(lab.homes.map(async (home) => [home, await prove(home, { remembers: true })])),
);

const rows = [];
for (const home of lab.homes) rows.push(await measureHome(home));
terminal.doing('waiting for the last mapping to be forgotten');
for (const [home, proof] of proofs) {
  await proof.whole;
  if (proof.wrong.length) terminal.say(`${home.kind} is not what it says: ${proof.wrong.join('; ')}`);
}
const seconds = Math.round((performance.now() - begun) / 1000);
terminal.say(`${rows.length} kinds in ${seconds} s`);

await peerBrowser.close();
await server.stop();
await responder.close();
if (isWhole) await report();
process.exit(rows.some(({ wrong }) => wrong.length) ? 1 : 0);

async function measureHome(home) {
  const { found, wrong } = proofs.get(home);
  const row = { ...home, found, wrong, cells: {} };
  terminal.doing(`${home.title}: starting browsers`);
  const running = await Promise.all(chosenBrowsers.map((name) => launchers[name](launchOptions(home, server))));
  const neighbour = home.neighbour ? await launchChromium({ host: home.neighbour, origin: server.origin }) : null;
  const quiet = [];
  for (const browser of running) {
    versions[browser.name] = browser.version;
    terminal.doing(`${home.title}: ${browserName[browser.name]}`);
    const cell = await measure({ browser, home, server, peerBrowser: neighbour ?? peerBrowser });
    row.cells[browser.name] = cell;
    if (home.seconds_idle && cell.connected)
      quiet.push(leaveAlone({ browser, home, server, peerBrowser }).then((idle) => Object.assign(cell, { idle })));
  }
  if (quiet.length) terminal.doing(`${home.title}: ${home.seconds_idle} s of silence`);
  await Promise.all(quiet);
  await Promise.all([...running, ...(neighbour ? [neighbour] : [])].map((browser) => browser.close()));
  terminal.row(row);
  return row;
}

async function report() {
  const kernel = release().split('-')[0];
  const run = { versions, machine: `${cpus().length} cores (${cpus()[0].model.trim()}), Linux ${kernel}`, rows };
  await mkdir(new URL('./', json), { recursive: true });
  await writeFile(json, `${JSON.stringify(run, null, 2)}\n`);
  await document(run);
  terminal.say('written: build/lab/matrix.json, docs/nat-matrix.md, docs/nat-matrix.svg');
}

async function document(run) {
  await writeFile(new URL('docs/nat-matrix.md', root), markdown(run));
  await writeFile(new URL('docs/nat-matrix.svg', root), svg(run));
}
