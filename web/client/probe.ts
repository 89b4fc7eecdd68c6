import { parseCandidate, type Candidate } from './candidate';
import { PROBE_LIMIT } from './limits';

/**
 * How the NAT in front of this device maps one local port (RFC 5780, 4.3, from two ports of one server address):
 * - `none`: there is no NAT between this device and the server
 * - `same`: both ports see one address: the mapping does not depend on the port (endpoint- or address-dependent)
 * - `different`: each sees another: address- and port-dependent mapping, which many call symmetric
 */
export type Mapping = 'none' | 'same' | 'different';

export interface ProbeResult {
  /** An answer came back over UDP. */
  udp: boolean;
  /** Addresses of this device. */
  locals: readonly Candidate[];
  /** What the server saw, each with the local base that it belongs to. */
  seen: readonly Candidate[];
  /** null: not measured, for there was one port to ask only, not every answer came, or it cannot be told apart. */
  mapping: Mapping | null;
}

/** Something that can be asked over plain STUN. */
export interface StunServer {
  address: string;
  port: number;
}

/**
 * Asks ports of the server, over plain STUN and from one local port, what they see. It uses a connection of its own that is
 * thrown away, so nothing that runs is disturbed. More than one port gives a `mapping`.
 */
export async function probe(servers: readonly StunServer[]): Promise<ProbeResult> {
  const pc = new RTCPeerConnection({ iceServers: [{ urls: servers.map(stunUrl) }] });
  const found: Candidate[] = [];
  let unanswered = 0;
  pc.addEventListener('icecandidate', ({ candidate }) => {
    const parsed = candidate && parseCandidate(candidate.candidate);
    if (parsed?.protocol === 'udp') found.push(parsed);
  });
  pc.addEventListener('icecandidateerror', () => (unanswered += 1));
  try {
    const complete = gathered(pc);
    pc.createDataChannel('probe');
    await pc.setLocalDescription();
    return judge(found, servers.length, (await complete) && unanswered === 0);
  } finally {
    pc.close();
  }
}

/** Whether all answers are there before the time is up. */
function gathered(pc: RTCPeerConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PROBE_LIMIT);
    pc.addEventListener('icegatheringstatechange', () => {
      if (pc.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** `complete`: every port that was asked has answered. */
export function judge(found: readonly Candidate[], ports: number, complete: boolean): ProbeResult {
  const locals = found.filter(({ type }) => type === 'host');
  const seen = found.filter(({ type }) => type === 'srflx');
  const udp = seen.length > 0 || (complete && locals.length > 0);
  return { udp, locals, seen, mapping: complete && udp && ports > 1 ? mappingOf(locals, seen) : null };
}

/** A browser tells of an address once, however many ports saw it, and never of one that is the base itself. */
function mappingOf(locals: readonly Candidate[], seen: readonly Candidate[]): Mapping | null {
  if (seen.length === 0) return 'none';
  // Without their bases, those of several interfaces cannot be told from several of one.
  if (seen.some(({ base }) => !base) && seen.length > 1 && locals.length > 1) return null;
  const bases = new Set(seen.map(({ base }) => (base ? `${base.address} ${base.port}` : '')));
  return seen.length > bases.size ? 'different' : 'same';
}

function stunUrl({ address, port }: StunServer): string {
  return `stun:${address.includes(':') ? `[${address}]` : address}:${port}`;
}
