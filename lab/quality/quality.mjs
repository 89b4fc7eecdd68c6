#!/usr/bin/env node
// lab/quality/quality.mjs [--only A,B] [--turns N] [--server monoport|janus]… [--again]
//
// Picture and sound of viewers on bad lines: real browsers, an emulated line between viewer and server. Prints a row
// as it is measured; a whole run writes build/lab/quality.json, docs/quality.md and docs/quality/*.svg. With --only or
// --server it only prints, or with --write replaces its rows among the stored ones; --again rewrites the documents from the
// JSON.

import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchChromium } from '../../tests/e2e/lib/chromium.mjs';
import { launchFirefox } from '../../tests/e2e/lib/firefox.mjs';
import { enter } from '../../tests/e2e/lib/lab.mjs';
import { unable } from '../matrix/unable.mjs';
import { medians } from './figures.mjs';
import { markdown, short } from './markdown.mjs';
import { measure } from './measure.mjs';
import { publisherArgs } from './media.mjs';
import { Janus } from './janus.mjs';
import { Monoport } from './monoport.mjs';
import { rows } from './rows.mjs';
import { svg } from './svg.mjs';

const root = new URL('../../', import.meta.url);
const json = new URL('build/lab/quality.json', root);
const servers = { monoport: Monoport, janus: Janus };

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    turns: { type: 'string', default: '1' },
    server: { type: 'string', multiple: true },
    write: { type: 'boolean' },
    again: { type: 'boolean' },
  },
});
if (values.again) {
  await document(JSON.parse(await readFile(json, 'utf8')));
  process.exit();
}

function refuse(words) {
  console.error(`quality: ${words}`);
  process.exit(2);
}

const letters = values.only?.toUpperCase().split(',') ?? rows.map(({ letter }) => letter);
const unknown = letters.find((wanted) => !rows.some(({ letter }) => letter === wanted));
if (unknown) refuse(`no such row: ${unknown} (there are: ${rows.map(({ letter }) => letter).join(' ')})`);
const isWhole = !values.only && !values.server;
const writes = isWhole || values.write;
const turns = Number(values.turns);
if (!(turns >= 1 && turns <= 9)) refuse('--turns: expected a number from 1 to 9');
const asked =
  values.server ?? Object.keys(servers).filter((name) => name === 'monoport' || servers[name].isInstalled());
const stranger = asked.find((name) => !servers[name]);
if (stranger) refuse(`no such server: ${stranger} (there are: ${Object.keys(servers).join(' ')})`);
if (process.getuid() !== 0) refuse('needs root, for TUN devices in network namespaces');

// Before the program enters the lab: inside, files may seem to belong to another user.
process.env.QUALITY_COMMIT ??= commit();
const lab = await enter('line', { unable });
const args = await publisherArgs(fileURLToPath(new URL('build/lab/media', root)));
const begun = performance.now();
const versions = {};
const loads = [];
const results = [];

for (const name of asked) {
  const server = await servers[name].start(lab);
  for (const row of rows.filter(({ letter }) => letters.includes(letter))) {
    const reason = server.unable?.(row);
    if (reason) {
      console.log(`${row.letter.padEnd(2)} ${name}: not measured: ${reason}`);
      continue;
    }
    for (const launch of row.firefox ? [launchChromium, launchFirefox] : [launchChromium])
      await several(server, row, launch);
  }
  await server.stop();
}

console.log(`${results.length} rows in ${Math.round((performance.now() - begun) / 1000)} s`);
if (writes) {
  await document(await keep());
  console.log('written: build/lab/quality.json, docs/quality.md, docs/quality/');
}
process.exit(0);

/** Stores the measurements so far in the JSON; they replace earlier ones of the same rows. */
async function keep() {
  const before = isWhole ? null : await readFile(json, 'utf8').then(JSON.parse, () => null);
  const is = (one) => (other) =>
    one.letter === other.letter && one.server === other.server && one.browser === other.browser;
  const kept = before?.results.filter((one) => !results.some(is(one))) ?? [];
  const run = {
    date: new Date().toISOString().slice(0, 10),
    command: 'make quality',
    commit: process.env.QUALITY_COMMIT,
    machine: `${cpus().length} cores (${cpus()[0].model.trim()}), Linux ${release().split('-')[0]}`,
    load: Math.max(...loads, before?.load ?? 0),
    versions: { ...before?.versions, ...versions },
    results: [...kept, ...results],
  };
  await mkdir(new URL('./', json), { recursive: true });
  await writeFile(json, `${JSON.stringify(run, null, 1)}\n`);
  return run;
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

async function several(server, row, launch) {
  const measured = [];
  let browser = '';
  for (let seed = 1; seed <= turns; seed += 1) {
    const publishing = await launchChromium({ host: 'publisher', origin: server.origin, args });
    const viewing = await launch({ host: 'viewer', origin: server.origin });
    versions[publishing.name] = publishing.version;
    versions[viewing.name] = viewing.version;
    browser = viewing.name;
    try {
      measured.push(await measure({ row, server, publishing, viewing, seed }));
    } catch (error) {
      console.log(`${row.letter.padEnd(2)} ${server.name}, ${viewing.name}: ${error.message.slice(0, 600)}`);
    }
    loads.push(loadavg()[0]);
    await Promise.all([publishing, viewing].map((one) => one.close().catch(() => {})));
  }
  if (!measured.length) return;
  const { letter } = row;
  const figures = medians(measured);
  results.push({ letter, server: server.name, browser, turns: measured.length, figures });
  console.log(short(row, server.name, browser, figures));
  if (writes) await keep();
}

async function document(run) {
  const folder = new URL('docs/quality/', root);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('docs/quality.md', root), markdown(run));
  for (const row of rows) {
    const of = run.results.filter(({ letter, browser }) => letter === row.letter && browser === 'chromium');
    if (of.length) await writeFile(new URL(`${row.letter}.svg`, folder), svg(row, of));
  }
}
