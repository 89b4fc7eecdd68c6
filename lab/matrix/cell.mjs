// One cell of the matrix: a browser in a home calls a peer.

import { Participant } from '../../tests/e2e/lib/participant.mjs';

/** The address or name by which a client in this home reaches the server. */
export const originFor = (home, { port }) =>
  `${home.scheme}://${home.server.includes(':') ? `[${home.server}]` : home.server}:${port}`;

/** The start options of a browser in this home. */
export const launchOptions = (home, server) => ({
  host: home.client,
  origin: originFor(home, server),
  proxy: home.proxy,
});

const rate = (streams) =>
  streams.filter(({ kind }) => kind === 'video').map(({ framesPerSecond }) => framesPerSecond)[0] ?? 0;

/**
 * Makes a call between `browser`, which runs in `home`, and one of `peerBrowser`, and counts frames for `seconds`. Times
 * are the page's own, from the press of the button. A call that fails is a result, not an error: `connected` is false and
 * `trouble` says which step failed.
 */
export async function measure({ browser, home, server, peerBrowser, peerOrigin = server.origin, seconds = 4 }) {
  const room = `${home.kind}-${browser.name}`;
  const peer = await Participant.join(peerBrowser, { origin: peerOrigin, room, name: 'peer' });
  await peer.connected();
  const caller = await Participant.join(browser, { origin: originFor(home, server), room, name: 'caller' });
  const result = { connected: false };
  try {
    await caller.connected();
    result.connected = true;
    const { timings } = await caller.until('shows a first frame', ({ timings }) => timings.firstRemoteFrame);
    result.connected_ms = Math.round(timings.connected - timings.joinStarted);
    result.firstFrame_ms = Math.round(timings.firstRemoteFrame - timings.joinStarted);
    await peer.sees(['caller']);
    const [received, sent] = await Promise.all([caller.measure(seconds), peer.measure(seconds)]);
    result.framesPerSecond = rate(received);
    result.framesPerSecondSent = rate(sent);
    result.pair = await caller.selectedPair();
    result.mapped = (await caller.summary()).mappedAddress;
  } catch (error) {
    result.trouble = error.message;
  } finally {
    await Promise.all([caller.close(), peer.close()]);
  }
  return result;
}

/**
 * A viewer is alone in a room, with nothing but connectivity checks on its path, for as long as the home's kind asks. Then
 * somebody publishes. Checks that the path, and the NAT's mapping in it, still work.
 */
export async function leaveAlone({ browser, home, server, peerBrowser }) {
  const room = `quiet-${browser.name}`;
  const viewer = await Participant.join(browser, {
    origin: originFor(home, server),
    room,
    name: 'viewer',
    path: '/watch',
  });
  try {
    await viewer.connected();
    const before = await viewer.until('knows its mapping', ({ mappedAddress }) => mappedAddress);
    await new Promise((done) => setTimeout(done, home.seconds_idle * 1000));
    const publisher = await Participant.join(peerBrowser, {
      origin: server.origin,
      room,
      name: 'publisher',
      path: '/stream',
    });
    try {
      await viewer.sees(['publisher']);
      const after = await viewer.summary();
      return {
        survived: true,
        reconnects: after.timings.reconnects,
        sameMapping: after.mappedAddress === before.mappedAddress,
      };
    } finally {
      await publisher.close();
    }
  } catch (error) {
    return { survived: false, trouble: error.message };
  } finally {
    await viewer.close();
  }
}
