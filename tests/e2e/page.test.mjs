#!/usr/bin/env node
// The page as a person meets it: the lobby, a refused camera, a phone. Screenshots go to build/screenshots.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { Participant } from './lib/participant.mjs';
import { slowness, startServer } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('plain', { orHere: true });
const { test, after, explain, end } = suite({ limit: 120 * slowness });
const patience = 15 * slowness;

const screenshots = fileURLToPath(new URL('../../build/screenshots/', import.meta.url));
await mkdir(screenshots, { recursive: true });

const server = await startServer(lab);
after(() => server.stop());
explain(() => server.tail());
const launch = async (options) => {
  const browser = await launchChromium({ host: lab.clients[0].host, origin: server.origin, ...options });
  after(() => browser.close());
  return browser;
};
// The second of Chromium's fake cameras measures depth, which nobody can show; the third one sends JPEG.
const cameras = ['--use-fake-device-for-media-stream=fps=30,device-count=3'];
const [browser, refusing] = await Promise.all([launch({ args: cameras }), launch({ camera: false })]);

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const text = () => document.body.innerText;

// Controls that can be pressed but lie outside of the window, and whether the page is wider than it.
const layout = () => {
  const outside = [...document.querySelectorAll('button, input, select, a[href]')]
    .filter((element) => element.checkVisibility?.() ?? true)
    .map((element) => ({
      name: element.getAttribute('aria-label') || element.innerText || element.name || element.tagName,
      box: element.getBoundingClientRect(),
    }))
    .filter(({ box }) => box.width > 0 && (box.left < -1 || box.right > innerWidth + 1))
    .map(({ name }) => name);
  return { overflow: document.documentElement.scrollWidth - innerWidth, outside };
};

async function fits(tab, what) {
  const { overflow, outside } = await tab.evaluate(layout);
  assert(overflow <= 0, `${what} is ${overflow} pixels wider than the window`);
  equal(outside, [], `${what}: controls outside of the window`);
}

const previews = () => [...document.querySelectorAll('video')].some((video) => video.videoWidth > 0 && !video.paused);

for (const [size, options] of Object.entries({ desktop, phone })) {
  await test(`the lobby, ${size}: a preview, a name, a room, a way in`, async () => {
    const tab = await browser.tab(options);
    await tab.open(`${server.origin}/?room=garden`);
    await tab.until('a preview of the camera', previews, undefined, patience, text);
    const values = await tab.evaluate(() => [...document.querySelectorAll('input')].map(({ value }) => value));
    assert(values.includes('garden'), `the link's room is not filled in: ${JSON.stringify(values)}`);
    await fits(tab, 'the lobby');
    await tab.screenshot(`${screenshots}lobby-${size}.png`);
    equal(
      tab.console.filter((line) => /^(error|uncaught)/.test(line)),
      [],
      'errors in the console',
    );
    await tab.close();
  });
}

await test('through the lobby into the call, by its fields and its button', async () => {
  const tab = await browser.tab(desktop);
  const ida = new Participant(tab, 'ida');
  await tab.open(`${server.origin}/?room=lobby`);
  await tab.fill(/name/i, 'ida');
  await tab.press(/^join$/i);
  await ida.connected();
  const { room } = await ida.summary();
  equal(room, 'lobby', 'room');
  const other = await Participant.join(browser, { origin: server.origin, room: 'lobby', name: 'jo' });
  await other.knows(['ida']);
  await other.close();
  await tab.close();
});

await test('a refused camera: a clear word, and a way in all the same', async () => {
  const tab = await refusing.tab(desktop);
  await tab.open(`${server.origin}/?room=refused&name=nobody`);
  const shown = await tab.until(
    'a word about the camera',
    () => /camera[^.]*(blocked|refused|denied|not allowed)/i.test(document.body.innerText) && document.body.innerText,
    undefined,
    patience,
    text,
  );
  diagnostic(shown.match(/.*camera.*(blocked|refused|denied|not allowed).*/i)[0]);
  await fits(tab, 'the lobby without a camera');
  await tab.screenshot(`${screenshots}refused-desktop.png`);
  await tab.press(/^join$/i);
  const nobody = new Participant(tab, 'nobody');
  await nobody.connected();
  const other = await Participant.join(browser, { origin: server.origin, room: 'refused', name: 'seen' });
  await nobody.sees(['seen']);
  await other.knows(['nobody']);
  await other.close();
  await tab.close();
});

await test('a call of four, on a desktop and on a phone', async () => {
  const join = (name, options) =>
    Participant.join(browser, { origin: server.origin, room: 'four', name, tab: options, query: { video: 'small' } });
  const all = [
    await join('Ada Lovelace', desktop),
    await join('Grace Hopper', phone),
    await join('Radia Perlman', desktop),
    await join('Sally Floyd', desktop),
  ];
  const [ada, grace] = all;
  await ada.sees(['Grace Hopper', 'Radia Perlman', 'Sally Floyd']);
  await grace.sees(['Ada Lovelace', 'Radia Perlman', 'Sally Floyd']);
  for (const [who, size] of [
    [ada, 'desktop'],
    [grace, 'phone'],
  ]) {
    await who.tab.until(
      'names of the others',
      () => ['Radia Perlman', 'Sally Floyd'].every((name) => document.body.innerText.includes(name)),
      undefined,
      patience,
      text,
    );
    await who.tab.screenshot(`${screenshots}call-${size}.png`);
    await fits(who.tab, `the call on a ${size}`);
    const leave = await who.tab.evaluate(() =>
      [...document.querySelectorAll('button')].some((button) => {
        const box = button.getBoundingClientRect();
        return (
          /leave/i.test(`${button.getAttribute('aria-label')} ${button.title} ${button.innerText}`) &&
          box.width > 0 &&
          box.bottom <= innerHeight &&
          box.top >= 0
        );
      }),
    );
    assert(leave, `no button to leave within the window of the ${size}`);
  }
  for (const who of all) {
    equal(
      who.tab.console.filter((line) => /^(error|uncaught)/.test(line)),
      [],
      `errors in ${who.name}'s console`,
    );
    await who.close();
  }
});

await test('keys switch devices, a pin and a button make one picture large, another camera goes on in the same call', async () => {
  const join = (name, before) =>
    Participant.join(browser, {
      origin: server.origin,
      room: 'two',
      name,
      tab: desktop,
      query: { video: 'small' },
      before,
    });
  const ada = await join('Ada', () => {
    window.locks = [];
    navigator.wakeLock.request = async () => {
      const lock = { held: true, release: async () => void (lock.held = false) };
      window.locks.push(lock);
      return lock;
    };
  });
  const bob = await join('Bob');
  await Promise.all([ada.sees(['Bob']), bob.sees(['Ada'])]);
  const isMuted = (what, expected) =>
    bob.until(
      `hears of ${what}`,
      ({ participants }, expected) =>
        participants.some(({ audioMuted, videoMuted }) => `${audioMuted} ${videoMuted}` === expected),
      expected,
    );
  const { keyboard } = ada.tab.page;
  await keyboard.press('m');
  await isMuted('the microphone', 'true false');
  await keyboard.press('v');
  await isMuted('the camera', 'true true');
  await keyboard.press('m');
  await keyboard.press('v');
  await isMuted('both', 'false false');

  const large = (name) =>
    ada.tab.until(
      `${name} is large`,
      (name) => (document.querySelector('.stage-main .tile-name')?.textContent ?? '') === name,
      name,
      patience,
      text,
    );
  await ada.tab.press(/^pin ada/i);
  await large('Ada (you)');
  await ada.tab.press(/^unpin ada/i);
  await large('');
  await ada.tab.press(/who speaks large/i);
  await large('Bob');
  await ada.tab.press(/everybody alike/i);
  await large('');

  const camera = () => window.monoport.call.media.camera.track.getSettings().deviceId;
  const before = await ada.tab.evaluate(camera);
  await ada.tab.press(/^devices$/i);
  await ada.tab.page.locator('.picker select').first().selectOption({ index: 2 });
  await ada.tab.until(
    'another camera',
    `(before) => { const { track } = window.monoport.call.media.camera; return track && track.getSettings().deviceId !== before; }`,
    before,
    patience,
  );
  await bob.sees(['Ada']);
  await ada.tab.press(/^close devices$/i);

  const locks = () => window.locks.map(({ held }) => held);
  equal(await ada.tab.evaluate(locks), [true], 'the screen is kept on');
  await ada.tab.press(/^leave the call$/i);
  await ada.tab.until('it may go off again', `() => window.locks.every(({ held }) => !held)`, undefined, patience);
  await bob.knows([]);
  await Promise.all([ada.close(), bob.close()]);
});

await end();
