// The ways in which a page may try to reach the server, each a page of the original protocol with something changed or taken away.

import { fileURLToPath } from 'node:url';
import { keepConnections, selectedPair } from '../../tests/e2e/lib/witness.mjs';
import { capture } from './capture.mjs';

const page = fileURLToPath(new URL('../../tests/e2e/pages/original.html', import.meta.url));

/**
 * `stun`: the STUN service that the page asks, if any. `silent`: the page sends the server none of its candidates, and
 * never receives its own back. `deaf`: the page ignores the server's candidates.
 */
export const methods = [
  { name: 'stun-on-port', title: 'STUN on the media port', stun: 'server' },
  { name: 'local-only', title: 'local candidates only', stun: null },
  { name: 'silent', title: 'local candidates, kept to itself', stun: null, silent: true },
  { name: 'stun-elsewhere', title: 'STUN somewhere else', stun: 'elsewhere' },
  { name: 'deaf', title: "without the server's candidates", stun: 'elsewhere', deaf: true },
];

/**
 * Runs in the page before its own scripts: applies the method, drops the server's TCP candidates (these experiments are
 * about UDP), and records the time of each event (ms of the wall clock).
 */
function alter({ iceServers, silent, deaf }) {
  const now = () => performance.timeOrigin + performance.now();
  const noted = (window.noted = { candidates: [], told: [], times: {} });
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(configuration) {
      super({ ...configuration, iceServers });
      this.addEventListener(
        'icecandidate',
        ({ candidate }) => candidate?.candidate && noted.candidates.push(candidate.candidate),
      );
      this.addEventListener(
        'iceconnectionstatechange',
        () => (noted.times[`ice ${this.iceConnectionState}`] ??= now()),
      );
      this.addEventListener('connectionstatechange', () => (noted.times[this.connectionState] ??= now()));
    }

    setRemoteDescription({ type, sdp }) {
      noted.times.answer ??= now();
      return super.setRemoteDescription({
        type,
        sdp: sdp.replace(deaf ? /^a=candidate:.*\r\n/gm : /^a=candidate:.* tcptype .*\r\n/gm, ''),
      });
    }

    addIceCandidate(candidate) {
      return deaf || / tcptype /.test(candidate.candidate) ? Promise.resolve() : super.addIceCandidate(candidate);
    }
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    send(text) {
      const { type, candidate } = JSON.parse(text);
      if (type === 'ice-candidate') {
        if (silent) return;
        noted.told.push(JSON.parse(candidate).candidate);
      }
      super.send(text);
    }

    set onmessage(handler) {
      super.onmessage = (event) => {
        const { type, stunCandidate } = JSON.parse(event.data);
        if (type === 'stun-candidate') {
          noted.times.handedBack ??= now();
          noted.handedBack ??= JSON.parse(stunCandidate).candidate;
          if (silent) return;
        }
        handler(event);
      };
    }
  };
}

async function isSettled() {
  const [connection] = window.witness.connections;
  if (connection.iceGatheringState !== 'complete' || !window.noted.handedBack) return false;
  return [...(await connection.getStats()).values()].some(
    ({ type, packetsSent }) => type === 'outbound-rtp' && packetsSent > 10,
  );
}

const addressOf = (candidate) => {
  const [, , , , address, port] = candidate.split(' ');
  return `${address}:${port}`;
};

/** Makes one call by `method` from `home`; returns its result and the packets at both ends. */
export async function tryMethod({ method, browser, home, server, stunElsewhere, patience }) {
  const urls = { server: `stun:${server.address}:${server.port}`, elsewhere: `stun:${stunElsewhere}:3478` };
  const options = {
    iceServers: method.stun ? [{ urls: urls[method.stun] }] : [],
    silent: Boolean(method.silent),
    deaf: Boolean(method.deaf),
  };
  const captures = await Promise.all([capture(home.client, 'eth'), capture('server', 'wan')]);
  const tab = await browser.tab();
  await tab.before(keepConnections);
  await tab.before(`(${alter})(${JSON.stringify(options)})`);
  await tab.serve(`${server.origin}/original.html`, page);
  await tab.open(`${server.origin}/original.html`);
  const isOver = () => ['connected', 'failed'].some((state) => window.noted.times[state]);
  // A call that never connects is one of the possible findings.
  await tab.until('an end', isOver, undefined, patience).catch(() => {});
  const noted = await tab.evaluate(() => window.noted);
  // Events after the connection: the first media, all candidates, the candidate that the server sends back.
  if (noted.times.connected) await tab.until('what follows', `(${isSettled})`, undefined, patience);
  const after = await tab.evaluate(() => window.noted);
  const pair = await tab.evaluate(selectedPair);
  await tab.close();
  const [atClient, atServer] = (await Promise.all(captures.map((each) => each.stop()))).map((all, index) =>
    all.filter(index === 0 ? () => true : concerns(home, server)),
  );
  return finding({ method, browser, home, noted: after, pair, atClient, atServer, server });
}

const concerns =
  (home, server) =>
  ({ from, to }) => {
    const here = `${server.address}:${server.port}`;
    return (from.startsWith(`${home.outer}:`) && to === here) || (to.startsWith(`${home.outer}:`) && from === here);
  };

function finding({ method, browser, home, noted, pair, atClient, atServer, server }) {
  const here = `${server.address}:${server.port}`;
  const first = (list, ...kinds) =>
    list.find(({ kind, from, to }) => kinds.includes(kind) && (from === here || to === here));
  const check = first(atServer, 'check-request');
  const answered = first(atServer, 'check-answer');
  const srflx = noted.candidates.filter((candidate) => / typ srflx/.test(candidate)).map(addressOf);
  return {
    method: method.name,
    browser: browser.name,
    kind: home.kind,
    connected: Boolean(noted.times.connected),
    pair,
    local: noted.candidates
      .filter((candidate) => / typ host/.test(candidate) && / udp /i.test(candidate))
      .map(addressOf),
    srflx,
    told: noted.told.map(addressOf),
    mapping: check?.from ?? null,
    handedBack: noted.handedBack ? addressOf(noted.handedBack) : null,
    // Both times are from the machine's one clock.
    answered_at: answered?.at ?? null,
    handedBack_at: noted.times.handedBack ?? null,
    connected_at: noted.times.connected ?? null,
    steps: { client: steps(atClient, noted, true), server: steps(atServer, noted, false) },
    checks: atServer.filter(({ kind, to }) => kind === 'check-request' && to === here).length,
    checksAnswered: atClient.filter(({ kind, from }) => kind === 'check-answer' && from === here).length,
    // The server never sends first: every address that it sends to has sent to it before.
    serverBegan: atServer.some(
      (packet, index) => packet.from === here && !atServer.slice(0, index).some(({ from }) => from === packet.to),
    ),
  };
}

// The first packet of each kind and direction, in order.
function steps(list, noted, withPage) {
  const seen = new Set();
  const found = [];
  for (const { at, from, to, kind, mapped, nominates } of list) {
    const sort = `${kind} ${nominates ? 'nominates' : ''} ${from} ${to}`;
    if (seen.has(sort)) continue;
    seen.add(sort);
    found.push({ at, from, to, kind, mapped, nominates });
  }
  const page = withPage
    ? [
        ['answer', 'page: the answer arrives'],
        ['handedBack', "page: the server's stun-candidate arrives"],
        ['connected', 'page: connected'],
      ]
    : [];
  for (const [time, what] of page) if (noted.times[time]) found.push({ at: noted.times[time], what });
  return found.sort((a, b) => a.at - b.at);
}
