// The cells that are tried with each stack. Each returns figures, or throws an error with the reason why there are none.

import { run } from '../../tests/e2e/lib/lab.mjs';
import { Participant } from '../../tests/e2e/lib/participant.mjs';
import { assert } from '../../tests/e2e/lib/tap.mjs';
import { Stack } from './stack.mjs';

/** The frame rate of the stacks' sources and of the browser's camera. */
export const PICTURES = 15;
const LOSS = 5;
const since = (begun) => Math.round(performance.now() - begun);

/** From now on, the network loses this percentage of the datagrams to or from `host`, each independently of its burst. */
export function lose(host, percent) {
  run('server', 'ip', 'link', 'set', 'wan', 'gso_max_segs', '1');
  run(host, 'ip', 'link', 'set', 'eth', 'gso_max_segs', '1');
  for (const where of ['server', host]) {
    run(where, 'nft', 'add table inet loss; delete table inet loss');
    if (percent) {
      run(
        where,
        'nft',
        `add table inet loss; add chain inet loss input { type filter hook prerouting priority -300; };
        add rule inet loss input iifname != "lo" meta l4proto udp numgen random mod 100 < ${percent} drop`,
      );
    }
  }
}

/** Runs in the page before its own scripts: records the time of each message of the server. */
function keepMessages() {
  window.heard = [];
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...words) {
      super(...words);
      this.addEventListener('message', ({ data }) =>
        window.heard.push({ at: performance.now(), type: JSON.parse(data).type }),
      );
    }
  };
}

export class Bench {
  constructor({ server, browser, host, stack }) {
    Object.assign(this, { server, browser, host, stack });
  }

  start() {
    return Stack.start(this.stack, { host: this.host, server: this.server });
  }

  page(cell, path, query) {
    return Participant.join(this.browser, {
      origin: this.server.origin,
      room: this.room(cell),
      name: 'chromium',
      path,
      query,
      before: keepMessages,
    });
  }

  room(cell) {
    return `${this.stack.name}-${cell}`;
  }

  /** The stack publishes by WHIP, a browser watches: `{ viewer, stack, figures }`. */
  async stage(cell, how = {}) {
    const [viewer, stack] = await Promise.all([this.page(cell, '/watch'), this.start()]);
    try {
      await viewer.connected();
      const begun = performance.now();
      await stack.post(`/whip/${this.room(cell)}?name=stage`, { direction: 'sendonly', ...how });
      await viewer.sees(['stage'], 10);
      const first = since(begun);
      await hears(viewer);
      return { viewer, stack, figures: { first, ...(await seen(viewer, 3)) } };
    } catch (error) {
      await Promise.all([stack.end(), viewer.close()]);
      throw error;
    }
  }

  /** A browser publishes, the stack watches by WHEP. */
  async audience(cell) {
    const [stage, stack] = await Promise.all([this.page(cell, '/stream', { video: 'small' }), this.start()]);
    try {
      await stage.until('sends video', ({ outbound }) =>
        outbound.some(({ kind, bytesSent }) => kind === 'video' && bytesSent),
      );
      const begun = performance.now();
      await stack.post(`/whep/${this.room(cell)}?name=viewer`, { direction: 'recvonly' });
      const { at } = await stack.event('picture', 10);
      return { stage, stack, figures: { first: Math.round(at - begun), ...(await shown(stack, stage, 3)) } };
    } catch (error) {
      await Promise.all([stack.end(), stage.close()]);
      throw error;
    }
  }
}

/** Waits for the sound of `count` publishers: the browser has it a moment before or after the first picture. */
export const hears = (viewer, count = 1) =>
  viewer.until(
    `hears ${count}`,
    ({ remote }, count) =>
      remote.filter(({ kind, audioEnergy }) => kind === 'audio' && audioEnergy > 0).length >= count,
    count,
    10,
  );

/** Counts what the browser decodes in so many seconds. */
async function seen(viewer, seconds) {
  const streams = await viewer.measure(seconds);
  const video = streams.find(({ kind }) => kind === 'video');
  const audio = streams.find(({ kind }) => kind === 'audio');
  return { rate: video?.framesPerSecond ?? 0, of: PICTURES, sound: Boolean(audio?.energy) };
}

/** Counts the frames of the browser that the stack shows in so many seconds. */
async function shown(stack, from, seconds) {
  const [before, sent] = [await stack.count(), await from.framesSent()];
  const begun = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const [after, sentBy] = [await stack.count(), await from.framesSent()];
  const elapsed = (performance.now() - begun) / 1000;
  return {
    rate: (after.pictures - before.pictures) / elapsed,
    of: (sentBy - sent) / elapsed,
    sound: after.sounds > before.sounds,
  };
}

/** Waits until the page lists no other participant; 40 s at most. */
async function gone(viewer) {
  const begun = performance.now();
  await viewer.knows([], 40);
  return { end: since(begun) / 1000 };
}

async function publish(bench) {
  const { viewer, stack, figures } = await bench.stage('publish');
  await stack.goodbye();
  await viewer.close();
  return figures;
}

async function watch(bench) {
  const { stage, stack, figures } = await bench.audience('watch');
  await stack.goodbye();
  await stage.close();
  return figures;
}

async function lossUp(bench) {
  const { viewer, stack } = await bench.stage('loss-up');
  try {
    lose(bench.host, LOSS);
    return await seen(viewer, 6);
  } finally {
    lose(bench.host, 0);
    await Promise.all([stack.end(), viewer.close()]);
  }
}

async function lossDown(bench) {
  const { stage, stack } = await bench.audience('loss-down');
  try {
    lose(bench.host, LOSS);
    return await shown(stack, stage, 6);
  } finally {
    lose(bench.host, 0);
    await Promise.all([stack.end(), stage.close()]);
  }
}

/** Publishes and watches at once by WebSocket: the stack answers the server's offers. */
async function call(bench) {
  const [page, stack] = await Promise.all([bench.page('call', '/', { video: 'small' }), bench.start()]);
  try {
    await page.connected();
    const begun = performance.now();
    await stack.join(bench.room('call'));
    const [{ at }] = await Promise.all([stack.event('picture', 10), page.sees([stack.title], 10), hears(page)]);
    const [down, up] = await Promise.all([shown(stack, page, 3), seen(page, 3)]);
    if (stack.trouble) throw stack.trouble;
    return { first: Math.round(at - begun), rate: up.rate, of: up.of, sound: up.sound, back: down };
  } finally {
    await Promise.all([stack.end(), page.close()]);
  }
}

async function withRefused(bench) {
  const { viewer, stack, figures } = await bench.stage('refused', { refused: true });
  await Promise.all([stack.end(), viewer.close()]);
  return figures;
}

async function passive(bench) {
  const { viewer, stack, figures } = await bench.stage('passive', { passive: true });
  await Promise.all([stack.end(), viewer.close()]);
  return figures;
}

/** The stack closes its connection and sends no DELETE. */
async function close(bench) {
  const { viewer, stack } = await bench.stage('close');
  try {
    const left = gone(viewer);
    await stack.order({ do: 'close' });
    return await left;
  } finally {
    await Promise.all([stack.end(), viewer.close()]);
  }
}

/** The test kills the stack's process. `later`: the test waits for the result while other cells run. */
async function killed(bench) {
  const { viewer, stack } = await bench.stage('kill');
  const begun = await viewer.tab.evaluate(() => performance.now());
  await stack.end();
  const later = gone(viewer)
    .then(async ({ end }) => {
      const heard = await viewer.tab.evaluate(() => window.heard);
      const stalled = heard.find(({ type, at }) => type === 'track-stalled' && at > begun);
      return { end, stalled: stalled ? (stalled.at - begun) / 1000 : undefined };
    })
    .finally(() => viewer.close());
  return { later };
}

/**
 * In the order of the table's columns. `least`: the part of the frames that must arrive; `seconds`: the time by which the
 * page must know that the stack left; `silent`: the same for a stack that leaves without saying so.
 */
export const cells = [
  { name: 'publish', title: 'publish (WHIP)', act: publish, least: 0.7 },
  { name: 'watch', title: 'watch (WHEP)', act: watch, least: 0.7 },
  { name: 'call', title: 'call (WebSocket)', act: call, least: 0.7 },
  { name: 'loss-up', title: '5 % lost, publishing', act: lossUp, least: 0.6 },
  { name: 'loss-down', title: '5 % lost, watching', act: lossDown, least: 0.6 },
  { name: 'refused', title: 'with refused sections', act: withRefused, least: 0.7 },
  { name: 'passive', title: 'as DTLS server', act: passive, least: 0.7 },
  { name: 'close', title: 'closes without DELETE', act: close, seconds: 3, silent: 35 },
  { name: 'kill', title: 'killed', act: killed, seconds: 35 },
];

/** The fault in these figures of this stack in this cell, or nothing. */
export function wrong(stack, cell, figures) {
  if (figures.error) return figures.error;
  const seconds = (stack.silent && cell.silent) || cell.seconds;
  if (seconds) return figures.end > seconds ? `noticed after ${figures.end.toFixed(1)} s` : '';
  const least = stack.least?.[cell.name] ?? cell.least;
  const ways = [
    ['', figures],
    ['back ', figures.back],
  ].filter(([, way]) => way);
  const troubles = ways.flatMap(([which, { rate, of, sound }]) => [
    rate >= least * of && of > 0 ? '' : `${which}${rate.toFixed(1)} of ${of.toFixed(1)} frames/s`,
    sound ? '' : `${which}no sound`,
  ]);
  return troubles.filter(Boolean).join(', ');
}
