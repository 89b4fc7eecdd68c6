import { isHiddenAddress, type Candidate, type TransportAddress } from './candidate';
import type { Way } from './pair';

/** An address that the server saw this connection come from. */
export interface SeenAddress extends TransportAddress {
  /** Milliseconds since 1970. */
  at: number;
  /** It came after media had begun to flow: the NAT, or this device, changed its mind in mid-call. */
  inCall: boolean;
}

/**
 * Why the present way is used:
 * - `direct`: the first choice, and it works
 * - `remembered`: this network needed TURN the last time
 * - `blocked`: UDP did not come up in time
 * - `lost`: the way before broke in mid-call
 * - `returned`: UDP, or at least a direct way, has become possible again
 */
export type WayReason = 'direct' | 'remembered' | 'blocked' | 'lost' | 'returned';

/** What one connection has learned of the network that it goes through. Replaced, never changed. */
export interface NetworkFacts {
  /** This device's own addresses, as the browser offers them now. */
  locals: readonly Candidate[];
  /** Oldest first. */
  seen: readonly SeenAddress[];
  /** null while nothing is connected. */
  way: Way | null;
  reason: WayReason;
  /** How often ICE restarted. */
  restarts: number;
}

export const NOTHING_KNOWN: NetworkFacts = { locals: [], seen: [], way: null, reason: 'direct', restarts: 0 };

/** How often the address that the server sees changed in mid-call. */
export function addressChanges({ seen }: Pick<NetworkFacts, 'seen'>): number {
  return seen.filter(({ inCall }) => inCall).length;
}

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
