#!/usr/bin/env node
// lab/interop/interop.mjs [--only STACK]… [--cell NAME]… | --again
//
// Other WebRTC stacks against the server, with Chromium at the other end: every stack in every test cell. Prints each
// result and stores it in build/interop/interop.json, beside the stored results of other runs; once every cell has a
// result, it writes docs/interop.md. The exit code is 1 if a cell fails. --again only rewrites the document.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { launchChromium } from '../../tests/e2e/lib/chromium.mjs';
import { enter } from '../../tests/e2e/lib/lab.mjs';
import { startServer } from '../../tests/e2e/lib/server.mjs';
import { Bench, cells, wrong } from './cells.mjs';
import { cellText, markdown } from './document.mjs';
import { stacks } from './stack.mjs';

const json = new URL('../../build/interop/interop.json', import.meta.url);
const written = new URL('../../docs/interop.md', import.meta.url);

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    cell: { type: 'string', multiple: true },
    again: { type: 'boolean' },
  },
});
if (values.again) {
  await writeFile(written, markdown(JSON.parse(await readFile(json, 'utf8'))));
  process.exit();
}
const chosenStacks = choose('stack', stacks, values.only);
const chosenCells = choose('cell', cells, values.cell);

function choose(what, all, wanted) {
  const unknown = wanted?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    console.error(`interop: no such ${what}: ${unknown} (there are: ${all.map(({ name }) => name).join(' ')})`);
    process.exit(2);
  }
  return all.filter(({ name }) => !wanted || wanted.includes(name));
}

const unable = (reason) => {
  console.error(`interop: ${reason}`);
  process.exit(2);
};
const lab = await enter('plain', { unable });
const begun = performance.now();
setTimeout(() => unable('not finished after 20 minutes'), 20 * 60_000).unref();
const server = await startServer(lab, { args: ['--address-join-rate', '1000', '--address-sessions', '1000'] });
// On the server's own host, so that loss on the link affects the stack alone.
const browser = await launchChromium({ origin: server.origin, fps: 15 });

const rows = chosenStacks.map(({ name }) => ({ name, cells: {} }));
// Slow cells begin first and run beside the others.
const each = [...chosenCells]
  .reverse()
  .flatMap((cell) => chosenStacks.map((stack, index) => ({ cell, stack, at: rows[index].cells })));
for (const { cell, stack, at } of each) at[cell.name] = await measure(stack, cell);
for (const { cell, stack, at } of each) at[cell.name] = await settle(stack, cell, at[cell.name]);
const failed = rows.flatMap((row) =>
  chosenCells.filter(({ name }) => row.cells[name].wrong).map(({ name }) => `${row.name} ${name}`),
);
console.log(
  `${rows.length * chosenCells.length - failed.length} of ${rows.length * chosenCells.length} cells work, ${Math.round((performance.now() - begun) / 1000)} s`,
);
await browser.close();
await server.stop();
await report();
process.exit(failed.length ? 1 : 0);

async function measure(stack, cell) {
  const bench = new Bench({ server, browser, host: lab.clients[0].host, stack });
  const figures = await cell.act(bench).catch((error) => ({ error: error.message }));
  figures.later?.catch(() => {}); // the program checks this result when all others are done
  return figures.later ? figures : settle(stack, cell, figures);
}

async function settle(stack, cell, result) {
  if (result.isSettled) return result;
  const figures = result.later ? await result.later.catch((error) => ({ error: error.message })) : result;
  const settled = { ...figures, wrong: wrong(stack, cell, figures), isSettled: true };
  console.log(
    `${settled.wrong ? 'FAILS' : 'works'}  ${stack.name.padEnd(15)} ${cell.name.padEnd(10)} ${cellText(settled)}`,
  );
  if (settled.wrong) console.log(settled.wrong.slice(0, 1500).replace(/^/gm, '    '));
  return settled;
}

/** The results of earlier runs for the cells that this run leaves out. */
async function earlier() {
  const text = await readFile(json, 'utf8').catch(() => '{"rows":[]}');
  return new Map(JSON.parse(text).rows.map(({ name, cells }) => [name, cells]));
}

async function report() {
  const before = await earlier();
  const all = stacks.map(({ name, title, version }) => {
    const measured = { ...before.get(name), ...rows.find((row) => row.name === name)?.cells };
    return { name, title, version: version(), cells: measured };
  });
  const run = {
    browser: browser.version,
    machine: `${cpus().length} cores (${cpus()[0].model.trim()}), Linux ${release().split('-')[0]}`,
    rows: all,
  };
  await mkdir(new URL('./', json), { recursive: true });
  await writeFile(json, `${JSON.stringify(run, null, 2)}\n`);
  if (!all.every((row) => cells.every(({ name }) => row.cells[name]))) return;
  await writeFile(written, markdown(run));
  console.log('written: build/interop/interop.json, docs/interop.md');
}
