// A participant: the real page in a real browser, read through `window.monoport.summary()`.

import { slowness } from './server.mjs';
import { framesSent, iceServers, inbound, keepConnections, selectedPair } from './witness.mjs';

// Generous: these limits check that the call works, not that it is fast. Tests of speed measure and print.
const patience = 20 * slowness;

const summary = async () => ({
  participants: [],
  remote: [],
  outbound: [],
  timings: {},
  ...(await window.monoport?.summary()),
});

export class Participant {
  constructor(tab, name) {
    this.tab = tab;
    this.name = name;
  }

  /**
   * Opens the page so that it joins at once. `query` adds parameters, `path` is "/", "/stream" or "/watch", `tab` its
   * window, `before` a function that runs in it before the page's own scripts. */
  static async join(browser, { origin, room, name, path = '/', query = {}, tab, before }) {
    const participant = new Participant(await browser.tab(tab), name);
    await participant.tab.before(keepConnections);
    if (before) await participant.tab.before(before);
    const parameters = new URLSearchParams({ room, name, ...query });
    participant.url = `${origin}${path}?${parameters}&join`;
    await participant.tab.open(participant.url);
    return participant;
  }

  /** Reloads the page in the same tab; the browser's storage stays. */
  async again() {
    await this.tab.open(this.url);
  }

  /** The page's own summary. */
  summary() {
    return this.tab.evaluate(summary);
  }

  /** The browser's own statistics of inbound streams. */
  inbound() {
    return this.tab.evaluate(inbound);
  }

  /** The number of video frames sent. */
  framesSent() {
    return this.tab.evaluate(framesSent);
  }

  iceServers() {
    return this.tab.evaluate(iceServers);
  }

  /** The candidates in use: `{local, remote}`, each `{type, address, port, protocol}`. */
  selectedPair() {
    return this.tab.evaluate(selectedPair);
  }

  /** Waits until `fn(summary, arg)` is true in the page; returns that summary. Before and after a call it has only a state. */
  async until(what, fn, arg, seconds = patience) {
    const predicate = `async (arg) => {
      const summary = { participants: [], remote: [], outbound: [], timings: {}, ...(await window.monoport?.summary()) };
      return (${fn})(summary, arg) ? summary : null;
    }`;
    return this.tab.until(`${this.name}: ${what}`, predicate, arg, seconds, summary);
  }

  connected() {
    return this.until('is connected', ({ state }) => state === 'connected');
  }

  /** Waits until the page shows exactly the others of these names. */
  knows(names, seconds) {
    return this.until(
      `knows of ${names.join(', ') || 'nobody'}`,
      ({ participants }, names) =>
        participants
          .map(({ name }) => name)
          .sort()
          .join() === names.join(),
      [...names].sort(),
      seconds,
    );
  }

  /** Waits until it decodes the camera of each of these: more frames than at the start of the wait. */
  async sees(names, seconds) {
    const before = videoFrames(await this.summary());
    return this.until(
      `sees ${names.join(', ')}`,
      ({ participants, remote }, { names, before }) =>
        names.every((name) => {
          const id = participants.find((other) => other.name === name)?.id;
          const video = remote.find(({ participant, kind }) => participant === id && kind === 'video');
          return video && video.framesDecoded > (before[`${id} ${video.streamId}`] ?? 0);
        }),
      { names, before },
      seconds,
    );
  }

  /**
   * Measures for `seconds` and returns, for each inbound stream that existed throughout, the growth of its counters:
   * frames a second, packets, samples, and the energy of the sound.
   */
  async measure(seconds) {
    return this.tab.evaluate(
      `async (seconds) => {
        const inbound = ${inbound};
        const begin = performance.now();
        const before = await inbound();
        await new Promise((done) => setTimeout(done, seconds * 1000));
        const after = await inbound();
        const elapsed = (performance.now() - begin) / 1000;
        return after.flatMap((now) => {
          const then = before.find(({ kind, trackIdentifier }) => kind === now.kind && trackIdentifier === now.trackIdentifier);
          if (!then) return [];
          const grew = (field) => (now[field] ?? 0) - (then[field] ?? 0);
          return [{
            kind: now.kind,
            frames: grew('framesDecoded'),
            framesPerSecond: grew('framesDecoded') / elapsed,
            seconds: elapsed,
            packets: grew('packetsReceived'),
            lost: grew('packetsLost'),
            samples: grew('totalSamplesReceived'),
            energy: grew('totalAudioEnergy'),
            concealed: grew('concealedSamples'),
            size: (now.frameWidth ?? 0) + 'x' + (now.frameHeight ?? 0),
          }];
        });
      }`,
      seconds,
    );
  }

  close() {
    return this.tab.close();
  }
}

const videoFrames = (shown) =>
  Object.fromEntries(
    (shown?.remote ?? [])
      .filter(({ kind }) => kind === 'video')
      .map(({ participant, streamId, framesDecoded }) => [`${participant} ${streamId}`, framesDecoded]),
  );

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
