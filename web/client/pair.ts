import { formatAddress } from './candidate';
import { number, rate, type Entry, type StatsEntries } from './stats';

/** The way of packets: direct over UDP or TCP (ICE-TCP), or through TURN over a transport. */
export type Way = 'udp' | 'tcp' | 'turn-udp' | 'turn-tcp' | 'turn-tls';

export function isRelay(way: Way): boolean {
  return way.startsWith('turn-');
}

/** The transport in use; addresses are `address:port`. */
export interface PairSummary {
  way: Way;
  local: string;
  /** `host`, `srflx`, `prflx` or `relay`. */
  localType: string;
  remote: string;
  protocol: string;
  rtt_ms: number | null;
  in_bps: number;
  out_bps: number;
}

/** The selected pair of a report, null if there is none; rates are those since `base`. */
export function selectedPair(now: StatsEntries, base: StatsEntries): PairSummary | null {
  const pair = findPair(now);
  if (!pair) return null;
  const local = now.get(String(pair.localCandidateId));
  const remote = now.get(String(pair.remoteCandidateId));
  const rtt = number(pair.currentRoundTripTime);
  return {
    way: wayOf(local),
    local: addressOf(local),
    localType: text(local?.candidateType),
    remote: addressOf(remote),
    protocol: text(remote?.protocol),
    rtt_ms: rtt === null ? null : Math.round(rtt * 10_000) / 10,
    in_bps: rate(pair, base, 'bytesReceived'),
    out_bps: rate(pair, base, 'bytesSent'),
  };
}

function findPair(now: StatsEntries): Entry | undefined {
  for (const entry of now.values()) {
    if (entry.type === 'transport' && entry.selectedCandidatePairId)
      return now.get(String(entry.selectedCandidatePairId));
  }
  // Older Firefox has no transport entry, it marks the pair.
  return [...now.values()].find((entry) => entry.type === 'candidate-pair' && entry.selected === true);
}

function wayOf(local: Entry | undefined): Way {
  if (local?.candidateType === 'relay') {
    const { relayProtocol } = local;
    return relayProtocol === 'tls' || relayProtocol === 'tcp' ? `turn-${relayProtocol}` : 'turn-udp';
  }
  return local?.protocol === 'tcp' ? 'tcp' : 'udp';
}

function addressOf(candidate: Entry | undefined): string {
  if (!candidate) return '';
  // Browsers hide the address of a host candidate while the page has no camera or microphone.
  const address = text(candidate.address) || '(hidden)';
  return formatAddress({ address, port: number(candidate.port) ?? 0 });
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
