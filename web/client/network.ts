import { isHiddenAddress, type Candidate, type TransportAddress } from './candidate';
import type { Way } from './pair';

/**
 * Why the present way is used:
 * - `direct`: the first choice, and it works
 * - `remembered`: this network needed TURN the last time
 * - `blocked`: UDP did not come up in time
 * - `lost`: the previous way broke in mid-call
 * - `returned`: UDP, or at least a direct way, has become possible again
 */
export type WayReason = 'direct' | 'remembered' | 'blocked' | 'lost' | 'returned';

/** The facts that one connection has learned about its network. Immutable. */
export interface NetworkFacts {
  /** This device's own addresses, as the browser offers them now. */
  locals: readonly Candidate[];
  /** This connection's address as the server sees it; null until the server has told it. */
  seen: TransportAddress | null;
  /** How often that changed since the connection began, and how often the NAT alone changed it. */
  changes: number;
  roamed: number;
  /** null while nothing is connected. */
  way: Way | null;
  reason: WayReason;
  /** How often ICE restarted. */
  restarts: number;
}

export const NOTHING_KNOWN: NetworkFacts = {
  locals: [],
  seen: null,
  changes: 0,
  roamed: 0,
  way: null,
  reason: 'direct',
  restarts: 0,
};

/** Whether `seen` is an address of this device itself, with no NAT between; null if the browser hides those. */
export function isOwnAddress(seen: TransportAddress, locals: readonly Candidate[]): boolean | null {
  const own = locals.filter(({ type }) => type === 'host');
  if (own.some(({ address }) => address === seen.address)) return true;
  return own.length === 0 || own.some(({ address }) => isHiddenAddress(address)) ? null : false;
}

/** Whether the NAT kept the port number; null over TCP, where browsers do not tell their port, and without any base. */
export function isPortKept(seen: TransportAddress, locals: readonly Candidate[]): boolean | null {
  const own = locals.filter(({ type, protocol }) => type === 'host' && protocol === 'udp');
  if (seen.protocol !== 'udp' || own.length === 0) return null;
  return own.some(({ port }) => port === seen.port);
}
