#!/usr/bin/env node
// Pictures as large as they are shown: what the page tells the server of its tiles, what the user chooses, and how a paused
// picture looks. Screenshots go to build/screenshots.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { keepSignals } from './lib/signals.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 150 * slowness });
const patience = 15 * slowness;

const screenshots = fileURLToPath(new URL('../../build/screenshots/', import.meta.url));
await mkdir(screenshots, { recursive: true });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin });
after(() => browser.close());

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const join = (name, tab = desktop) =>
  Participant.join(browser, {
    origin: server.origin,
    room: 'pictures',
    name,
    tab,
    query: { video: 'small' },
    before: keepSignals,
  });
const [ada, bob, eve] = [await join('Ada'), await join('Bob'), await join('Eve', phone)];

/** Waits until what `who` has told of `name`'s picture fulfils `fn(view, drawn)`; drawn is its element's size in pixels. */
const views = (who, name, what, fn) =>
  who.tab.until(
    `${who.name} tells ${what} of ${name}`,
    `(name) => {
      const mid = window.signals.mids()[name];
      const view = window.signals.views()[mid];
      const tile = [...document.querySelectorAll('.tile')].find((tile) => tile.innerText.includes(name));
      const { clientWidth = 0, clientHeight = 0 } = tile?.querySelector('video') ?? {};
      const drawn = { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio };
      return view && (${fn})(view, drawn) && { view, drawn };
    }`,
    name,
    patience,
    '() => window.signals.views()',
  );
// The fake camera has 16:9, and a tile crops it.
const asDrawn = `({ width, height, visible, pinned }, drawn) =>
  visible && !pinned && Math.abs(width - Math.max(drawn.width, (drawn.height * 16) / 9)) < 0.03 * width &&
  Math.abs(height - Math.max(drawn.height, (drawn.width * 9) / 16)) < 0.03 * height`;
const hidden = '({ visible }) => !visible';
const text = () => document.body.innerText;
const choice = (who, name) => who.tab.page.getByRole('radio', { name });

await test('everybody sees everybody', async () => {
  await ada.sees(['Bob', 'Eve']);
  await bob.sees(['Ada', 'Eve']);
  await eve.sees(['Ada', 'Bob']);
});

await test('the size of each tile, in pixels of the screen, and a pin', async () => {
  const { view } = await views(ada, 'Bob', 'the size', asDrawn);
  diagnostic(`on a desktop ${view.width}x${view.height}`);
  const small = await views(eve, 'Bob', 'the size', asDrawn);
  diagnostic(`on a phone ${small.view.width}x${small.view.height}`);
  await ada.tab.press(/^pin bob/i);
  await views(ada, 'Bob', 'the pin', `({ pinned, height }) => pinned && height > ${view.height * 1.3}`);
  await views(ada, 'Eve', 'that it is small', `({ pinned, height }) => !pinned && height < ${view.height * 0.7}`);
  await ada.tab.press(/^unpin bob/i);
  await views(ada, 'Bob', 'the size as before', asDrawn);
});

await test('a page out of sight gets sound but no pictures, and both when it is back', async () => {
  const turn = (hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  await ada.tab.evaluate(turn, true);
  await views(ada, 'Bob', 'that it is hidden', hidden);
  await ada.until('is told that they are paused', ({ remote }) =>
    remote.every(
      ({ kind, viewing }) => kind === 'audio' || (viewing.state === 'paused' && viewing.reason === 'hidden'),
    ),
  );
  assert(/paused while out of sight/i.test(await ada.tab.evaluate(text)), 'the page does not say why');
  const streams = await ada.measure(2);
  equal(
    streams.filter(({ kind }) => kind === 'video').map(({ frames }) => frames),
    [0, 0],
    'frames while hidden',
  );
  const heard = streams.filter(({ kind, packets }) => kind === 'audio' && packets > 50);
  equal(heard.length, 2, 'sounds while hidden');
  assert(!/no picture arrives/i.test(await ada.tab.evaluate(text)), 'the page takes it for a fault');
  await ada.tab.evaluate(turn, false);
  await ada.sees(['Bob', 'Eve']);
});

await test('data saver and sound only, chosen with the keyboard and remembered', async () => {
  const { keyboard } = ada.tab.page;
  await ada.tab.press(/^network$/i);
  await choice(ada, 'Automatic').focus();
  await keyboard.press('ArrowDown');
  assert(await choice(ada, 'Data saver').isChecked(), 'the arrow key does not choose');
  await views(ada, 'Bob', 'that little is enough', '({ height, fps }) => height <= 180 && fps === 15');
  await ada.tab.screenshot(`${screenshots}data-saver-desktop.png`);
  await keyboard.press('ArrowDown');
  await views(ada, 'Bob', 'that nothing is wanted', hidden);
  await ada.tab.until(
    'words',
    () => /sound only: you get no pictures/i.test(document.body.innerText),
    undefined,
    patience,
  );
  equal(await ada.tab.evaluate(() => document.querySelectorAll('.tile video').length), 1, 'pictures, with the own one');

  await ada.again();
  await ada.connected();
  await views(ada, 'Bob', 'that still nothing is wanted', hidden);
  await ada.until('gets no picture', ({ remote }) =>
    remote.some(({ kind, viewing }) => kind === 'video' && viewing.state === 'paused'),
  );
  const heard = (await ada.measure(1)).filter(({ kind, packets }) => kind === 'audio' && packets > 25);
  equal(heard.length, 2, 'sounds');
  await ada.tab.press(/^show pictures$/i);
  await ada.sees(['Bob', 'Eve']);
  await views(ada, 'Bob', 'the size', asDrawn);
});

for (const who of [ada, eve]) {
  const size = who === ada ? 'desktop' : 'phone';
  await test(`a paused picture says why, in its tile and in the network card, ${size}`, async () => {
    await who.tab.evaluate(() => {
      const mid = window.signals.mids().Bob;
      const line = { bps: 340_000, acknowledged: 300_000, cause: 'delay' };
      window.signals.say({ type: 'viewing', tracks: [{ mid, state: 'paused', reason: 'bandwidth' }], line });
    });
    await who.tab.until(
      'the words, in place of the still picture',
      () => {
        const tile = [...document.querySelectorAll('.tile')].find((tile) => tile.innerText.includes('Bob'));
        const words = /paused: your connection is too slow/i.test(tile.innerText);
        return words && getComputedStyle(tile.querySelector('video')).opacity === '0';
      },
      undefined,
      patience,
      text,
    );
    await who.tab.screenshot(`${screenshots}paused-${size}.png`);
    await who.tab.press(/^network$/i);
    await who.tab.until(
      'the same in the card',
      () =>
        /too slow for all pictures[^]*pictures (is|are) paused[^]*about 340 kbit\/s[^]*Bob\s+Paused/.test(
          document.querySelector('aside').innerText,
        ),
      undefined,
      patience,
      text,
    );
    await who.tab.page.getByText('Received pictures').scrollIntoViewIfNeeded();
    await who.tab.screenshot(`${screenshots}pictures-${size}.png`);
    equal(await who.tab.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'overflow');
  });
}

await test('the server refused nothing, and the browsers report no errors', async () => {
  for (const who of [ada, bob, eve]) {
    const refused = () => window.signals.received.filter(({ type }) => type === 'error');
    equal(await who.tab.evaluate(refused), [], `${who.name}: errors of the server`);
    const lines = who.tab.console.filter((line) => /^(error|uncaught)/.test(line));
    equal(lines, [], `errors in ${who.name}'s console`);
  }
});

await end();
