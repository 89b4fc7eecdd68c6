import {
  formatAddress,
  isHiddenAddress,
  isOwnAddress,
  isPortKept,
  isRelay,
  type CallSnapshot,
  type CallSummary,
  type Candidate,
  type Mapping,
  type NetworkFacts,
  type ProbeResult,
  type TransportAddress,
  type Way,
  type WayReason,
} from '../../client';
import { heldBack } from './pictures';

/** The effect of a network on a call, for people who do not know what a NAT is. */
export interface Verdict {
  /** `busy`: not known yet. */
  tone: 'good' | 'fair' | 'bad' | 'busy';
  title: string;
  text: string;
  /** Advice for the user; empty if there is none. */
  advice: string;
}

/** Above these, users notice a problem. */
const MUCH_LOSS = 0.03;
const LONG_ROUND_TRIP = 400;

const OTHER_NETWORK = 'Try another network, a phone’s hotspot for instance.';
const WEAK_ADVICE = 'Go closer to the Wi-Fi, use a cable, or pause what else is using the line.';

export function callVerdict(snapshot: CallSnapshot, summary: CallSummary | null): Verdict {
  const { state, network } = snapshot;
  if (state !== 'connected') return brokenVerdict(snapshot);
  if (network.way === null || summary === null) {
    return { tone: 'busy', title: 'Looking at your network…', text: '', advice: '' };
  }
  const weakness = weaknessOf(summary);
  if (weakness) {
    return { tone: 'fair', title: 'The way is open, but the line is weak', text: weakness, advice: WEAK_ADVICE };
  }
  return slowVerdict(snapshot) ?? wayVerdict(network, network.way, summary.pair?.remote ?? '');
}

function brokenVerdict({ state, trouble, failures }: CallSnapshot): Verdict {
  if (trouble === 'media' && failures >= 2) {
    return {
      tone: 'bad',
      title: 'Your network does not let video through',
      text: 'The server answers, but neither sound nor picture gets through to it in any way. It goes on trying.',
      advice: `${OTHER_NETWORK} Or ask whoever looks after this one to allow this server’s address and port.`,
    };
  }
  if (trouble === 'signaling') {
    return {
      tone: 'bad',
      title: 'The server does not answer',
      text: 'It goes on trying.',
      advice: 'Check whether this device is online.',
    };
  }
  return state === 'reconnecting'
    ? {
        tone: 'busy',
        title: 'The way broke. Looking for another…',
        text: 'Your call goes on as soon as there is one.',
        advice: '',
      }
    : { tone: 'busy', title: 'Looking for a way to the server…', text: '', advice: '' };
}

/** The line does not bear all pictures; null if it does. */
function slowVerdict({ streams }: CallSnapshot): Verdict | null {
  const pictures = streams.filter(({ video }) => video !== null);
  const { paused, reduced } = heldBack(pictures);
  if (paused + reduced === 0) return null;
  return {
    tone: 'fair',
    title: 'Your line is too slow for all pictures',
    text:
      paused > 0
        ? `${pausedCount(paused, pictures.length)} paused, so that sound stays clear.`
        : 'They are smaller than this window could show, so that sound stays clear.',
    advice: `${WEAK_ADVICE} Or choose Data saver below.`,
  };
}

function pausedCount(paused: number, all: number): string {
  if (paused === all) return all === 1 ? 'The picture is' : 'All pictures are';
  return `${paused} of ${all} pictures ${paused === 1 ? 'is' : 'are'}`;
}

/** The problem with the connection, in words; null if there is none. */
export function weaknessOf({ loss, pair }: CallSummary): string | null {
  const lost = Math.max(loss.in ?? 0, loss.out ?? 0);
  if (lost >= MUCH_LOSS) return `${formatShare(lost)} of sound and picture gets lost on the way. They may stutter.`;
  const delay = pair?.rtt_ms ?? 0;
  return delay >= LONG_ROUND_TRIP
    ? `An answer takes ${Math.round(delay)} ms. You will often talk at the same time.`
    : null;
}

function wayVerdict(network: NetworkFacts, way: Way, server: string): Verdict {
  const allowUdp = `If it does: ask whoever looks after this network to allow UDP to ${server}.`;
  if (way === 'tcp') {
    return {
      tone: 'fair',
      title: 'Your network blocks the fast way',
      text: 'It does not let UDP through, so the call goes over TCP. That works, but may stutter when the line is busy.',
      advice: allowUdp,
    };
  }
  if (isRelay(way)) {
    return {
      tone: 'fair',
      title: way === 'turn-udp' ? 'The call goes a detour' : 'Your network lets only web traffic through',
      text:
        way === 'turn-udp'
          ? 'No direct way worked, so the call is wrapped (TURN). That works.'
          : 'So the call travels wrapped like a web page (TURN). That works, but may stutter when the line is busy.',
      advice: allowUdp,
    };
  }
  if (network.roamed > 0) {
    return {
      tone: 'fair',
      title: `Your address changed ${times(network.roamed)} during this call`,
      text: 'The call followed. At each change sound and picture may stop for a moment.',
      advice:
        'If that happens often: a router or VPN on your side forgets connections. Use a cable or another network.',
    };
  }
  return {
    tone: 'good',
    title: 'Your network lets video through directly',
    text: 'Sound and picture take the shortest way there is. Nothing needs to be done.',
    advice: '',
  };
}

/** The verdict before a call, from a probe. `null`: it still runs. */
export function lobbyVerdict(result: ProbeResult | null | 'unreachable'): Verdict {
  if (result === null)
    return { tone: 'busy', title: 'Testing your network…', text: 'This takes up to three seconds.', advice: '' };
  if (result === 'unreachable') {
    return {
      tone: 'bad',
      title: 'The server does not answer',
      text: 'The test could not begin.',
      advice: 'Check whether this device is online, then test again.',
    };
  }
  if (result.udp) {
    return {
      tone: 'good',
      title: 'Your network lets video through directly',
      text: 'The server’s answer to a test packet arrived. Calls will take the shortest way there is.',
      advice: '',
    };
  }
  return {
    tone: 'fair',
    title: 'Your network seems to block the fast way',
    text: 'No answer to a test packet came over UDP. Calls will try other ways and take longer to begin.',
    advice: `If sound or picture stutter: ${OTHER_NETWORK.toLowerCase()}`,
  };
}

export const WAY_WORDS: Record<Way, string> = {
  udp: 'UDP, directly',
  tcp: 'TCP, directly (ICE-TCP)',
  'turn-udp': 'TURN over UDP',
  'turn-tcp': 'TURN over TCP',
  'turn-tls': 'TURN over TLS',
};

export const REASON_WORDS: Record<WayReason, string> = {
  direct: 'It is the best way, and it worked at once.',
  remembered: 'This network needed it the last time, so it was tried first.',
  blocked: 'UDP did not get through in time. Whether it does now is checked every so often.',
  lost: 'The way before broke during this call. Whether UDP works again is checked every so often.',
  returned: 'It has become possible again, so the call moved back to it.',
};

/** This device's address as the server sees it. By TURN, that is the server's own relay, which says nothing of the NAT. */
export function seenDirectly({ way, seen }: NetworkFacts): TransportAddress | null {
  return way !== null && isRelay(way) ? null : seen;
}

/** The facts about the NAT. A single observed address never shows the kind of NAT. */
export function natWords(seen: TransportAddress | null, locals: readonly Candidate[], mapping: Mapping | null): string {
  if (mapping === 'different')
    return 'Another port for each destination (address- and port-dependent mapping, often called symmetric). Measured.';
  if (mapping === 'same') return 'One port for different destination ports (not port-dependent). Measured.';
  if (mapping === 'none') return 'None. Measured.';
  if (!seen) return '–';
  const own = isOwnAddress(seen, locals);
  if (own) return 'None: the server sees this device’s own address';
  return own === null ? 'Mapping observed' : 'Mapping observed. One address does not tell the kind.';
}

export function portWords(seen: TransportAddress | null, locals: readonly Candidate[]): string {
  const kept = seen ? isPortKept(seen, locals) : null;
  return kept === null ? '–' : kept ? 'kept' : 'changed on the way';
}

/** This device's own addresses: each once, with its ports where they matter. */
export function ownAddresses(locals: readonly Candidate[]): string[] {
  const isLoopback = (address: string) => address === '::1' || address.startsWith('127.');
  const hosts = locals.filter(
    ({ type, protocol, address }) => type === 'host' && protocol === 'udp' && !isLoopback(address),
  );
  return hosts.map((host) =>
    isHiddenAddress(host.address) ? `hidden by the browser, port ${host.port}` : formatAddress(host),
  );
}

/** 0.0123 → `1.2 %`. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;
}
