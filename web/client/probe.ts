import { parseCandidate, type Candidate } from './candidate';
import { PROBE_LIMIT, PROBE_SETTLE } from './limits';

/**
 * How the NAT in front of this device maps one local port (RFC 5780, 4.3, from two ports of one server address):
 * - `none`: there is no NAT between this device and the server
 * - `same`: both ports see one address: the mapping does not depend on the port (endpoint- or address-dependent)
 * - `different`: each sees another address: address- and port-dependent mapping, usually called symmetric
 */
export type Mapping = 'none' | 'same' | 'different';

export interface ProbeResult {
  /** An answer came back over UDP. Without a NAT browsers do not always tell: see `probe`. */
  udp: boolean;
  /** Addresses of this device. */
  locals: readonly Candidate[];
  /** The addresses that the server saw, each with its local base. */
  seen: readonly Candidate[];
  /** null: not measured: there was only one port, an answer is missing, or the answers are ambiguous. */
  mapping: Mapping | null;
}

/** An address and port that answers plain STUN. */
export interface StunServer {
  address: string;
  port: number;
}

/** The candidates of one connection; `complete`: every port has answered, on every interface. */
export interface Gathered {
  found: readonly Candidate[];
  complete: boolean;
}

/**
 * Asks ports of the server, over plain STUN and from one local port, which address they see. It uses temporary connections of
 * its own, so it does not disturb others. A second port gives a `mapping`.
 *
 * A browser reports an address once, however many ports saw it, and never an address that equals the base. So the probe also
 * asks the second port alone: if that answers, both saw an address that the browser reported once. Without a NAT, only the end
 * of gathering shows the answers, and an interface without a route delays that beyond `PROBE_LIMIT`.
 */
export async function probe([first, second]: readonly StunServer[]): Promise<ProbeResult> {
  if (!first) throw new Error('nobody to ask');
  if (!second) return judge(await gather([first]), null);
  const [both, alone] = await Promise.all([gather([first, second]), gather([second])]);
  return judge(both, alone);
}

export function judge({ found, complete }: Gathered, second: Gathered | null): ProbeResult {
  const locals = found.filter(({ type }) => type === 'host');
  const seen = reflexive(found);
  return {
    udp: seen.length > 0 || (complete && locals.length > 0),
    locals,
    seen,
    mapping:
      second &&
      (seen.length > 0 ? mappingOf(seen, second.found, locals.length) : noMapping(complete && second.complete, locals)),
  };
}

function noMapping(complete: boolean, locals: readonly Candidate[]): Mapping | null {
  return complete && locals.length > 0 ? 'none' : null;
}

function mappingOf(seen: readonly Candidate[], second: readonly Candidate[], interfaces: number): Mapping | null {
  // Without bases, addresses of several interfaces look like several addresses of one.
  if (seen.length > 1 && interfaces > 1 && seen.some(({ base }) => !base)) return null;
  const bases = new Map<string, number>();
  for (const { base } of seen) {
    const key = base ? `${base.address} ${base.port}` : '';
    bases.set(key, (bases.get(key) ?? 0) + 1);
  }
  if ([...bases.values()].some((count) => count > 1)) return 'different';
  const answered = new Set(reflexive(second).map(({ base }) => base?.address));
  return seen.some(({ base }) => answered.has(base?.address)) ? 'same' : null;
}

function reflexive(candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ type }) => type === 'srflx');
}

/** Waits for answers, and a little for more of them. */
async function gather(servers: readonly StunServer[]): Promise<Gathered> {
  const pc = new RTCPeerConnection({ iceServers: [{ urls: servers.map(stunUrl) }] });
  const found: Candidate[] = [];
  let unanswered = 0;
  try {
    const done = new Promise<boolean>((resolve) => {
      let settle: ReturnType<typeof setTimeout> | undefined;
      setTimeout(() => resolve(false), PROBE_LIMIT);
      pc.addEventListener('icecandidate', ({ candidate }) => {
        const parsed = candidate && parseCandidate(candidate.candidate);
        if (parsed?.protocol === 'udp') found.push(parsed);
        if (parsed?.type === 'srflx') settle ??= setTimeout(() => resolve(false), PROBE_SETTLE);
      });
      pc.addEventListener('icecandidateerror', () => (unanswered += 1));
      pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && resolve(true));
    });
    pc.createDataChannel('probe');
    await pc.setLocalDescription();
    return { complete: (await done) && unanswered === 0, found };
  } finally {
    pc.close();
  }
}

function stunUrl({ address, port }: StunServer): string {
  return `stun:${address.includes(':') ? `[${address}]` : address}:${port}`;
}
