import { formatAddress } from './candidate';
import type { CallState, CallTimings } from './call';
import { RATE_WINDOW } from './limits';
import type { Participant, Source } from './message';
import { sourceOf, type RemoteStream } from './remote-streams';

/** A received track. Counters are those of webrtc-stats; absent ones (the other kind, an old browser) are null. */
export interface RemoteSummary {
  participant: string;
  streamId: string;
  source: Source;
  kind: 'audio' | 'video';
  codec: string | null;
  bitrate_bps: number;
  packetsReceived: number;
  packetsLost: number;
  framesDecoded: number | null;
  framesPerSecond: number | null;
  frameWidth: number | null;
  frameHeight: number | null;
  freezeCount: number | null;
  audioEnergy: number | null;
  totalSamplesReceived: number | null;
}

/** A sent track. */
export interface OutboundSummary {
  kind: 'audio' | 'video';
  codec: string | null;
  bitrate_bps: number;
  targetBitrate: number | null;
  framesEncoded: number | null;
  framesPerSecond: number | null;
  frameWidth: number | null;
  frameHeight: number | null;
  bytesSent: number;
  /** Share of packets that the server missed, 0…1, by its receiver reports; null until it sent one. */
  loss: number | null;
}

/** The transport in use; addresses are `address:port`. */
export interface PairSummary {
  local: string;
  remote: string;
  protocol: string;
  rtt_ms: number | null;
  in_bps: number;
  out_bps: number;
}

export interface ConnectionNumbers {
  remote: RemoteSummary[];
  outbound: OutboundSummary[];
  pair: PairSummary | null;
}

export interface CallSummary extends ConnectionNumbers {
  state: CallState;
  peerId: string;
  room: string;
  mappedAddress: string | null;
  participants: readonly Participant[];
  timings: CallTimings;
}

/** One entry of a stats report. Browsers differ in what they fill, so every field is looked at before use. */
type Entry = Record<string, unknown> & { id: string; type: string; timestamp: number };
export type StatsEntries = ReadonlyMap<string, Entry>;

const NOTHING: ConnectionNumbers = { remote: [], outbound: [], pair: null };

/** Reads getStats of one connection after the other; keeps an earlier report to measure rates against. */
export class StatsReader {
  #pc: RTCPeerConnection | null = null;
  #base: StatsEntries = new Map();
  #last: StatsEntries = new Map();
  #lastAt = 0;

  async read(pc: RTCPeerConnection | null, streams: readonly RemoteStream[]): Promise<ConnectionNumbers> {
    if (pc !== this.#pc) {
      this.#pc = pc;
      this.#base = this.#last = new Map();
      this.#lastAt = 0;
    }
    if (!pc) return NOTHING;
    if (this.#last.size === 0) {
      this.#keep(await entriesOf(pc));
      await new Promise((resolve) => setTimeout(resolve, RATE_WINDOW));
    }
    const now = await entriesOf(pc);
    if (performance.now() - this.#lastAt >= RATE_WINDOW * 0.9) this.#base = this.#last;
    const numbers = summarise(now, this.#base, streams);
    if (this.#base === this.#last) this.#keep(now);
    return numbers;
  }

  #keep(entries: StatsEntries): void {
    this.#last = entries;
    this.#lastAt = performance.now();
  }
}

async function entriesOf(pc: RTCPeerConnection): Promise<StatsEntries> {
  const report = await pc.getStats();
  const entries = new Map<string, Entry>();
  report.forEach((entry: Entry) => entries.set(entry.id, entry));
  return entries;
}

/** Condenses a report; rates are those since `base`, an earlier report of the same connection. */
export function summarise(now: StatsEntries, base: StatsEntries, streams: readonly RemoteStream[]): ConnectionNumbers {
  const numbers: ConnectionNumbers = { remote: [], outbound: [], pair: selectedPair(now, base) };
  for (const entry of now.values()) {
    const kind = entry.kind === 'video' ? 'video' : 'audio';
    if (entry.type === 'inbound-rtp') {
      const stream = streams.find((candidate) => candidate[kind] && candidate[kind].id === entry.trackIdentifier);
      // An entry without stream is of a section that is not in use now.
      if (stream) numbers.remote.push(remoteSummary(entry, kind, stream, now, base));
    } else if (entry.type === 'outbound-rtp') {
      numbers.outbound.push(outboundSummary(entry, kind, now, base));
    }
  }
  return numbers;
}

function remoteSummary(
  entry: Entry,
  kind: 'audio' | 'video',
  stream: RemoteStream,
  now: StatsEntries,
  base: StatsEntries,
): RemoteSummary {
  return {
    participant: stream.participant,
    streamId: stream.id,
    source: sourceOf(stream, kind),
    kind,
    codec: codecOf(entry, now),
    bitrate_bps: rate(entry, base, 'bytesReceived'),
    packetsReceived: number(entry.packetsReceived) ?? 0,
    packetsLost: number(entry.packetsLost) ?? 0,
    framesDecoded: number(entry.framesDecoded),
    framesPerSecond: number(entry.framesPerSecond),
    frameWidth: number(entry.frameWidth),
    frameHeight: number(entry.frameHeight),
    freezeCount: number(entry.freezeCount),
    audioEnergy: number(entry.totalAudioEnergy),
    totalSamplesReceived: number(entry.totalSamplesReceived),
  };
}

function outboundSummary(entry: Entry, kind: 'audio' | 'video', now: StatsEntries, base: StatsEntries): OutboundSummary {
  const report = now.get(String(entry.remoteId));
  return {
    kind,
    codec: codecOf(entry, now),
    bitrate_bps: rate(entry, base, 'bytesSent'),
    targetBitrate: number(entry.targetBitrate),
    framesEncoded: number(entry.framesEncoded),
    framesPerSecond: number(entry.framesPerSecond),
    frameWidth: number(entry.frameWidth),
    frameHeight: number(entry.frameHeight),
    bytesSent: number(entry.bytesSent) ?? 0,
    loss: number(report?.fractionLost),
  };
}

function selectedPair(now: StatsEntries, base: StatsEntries): PairSummary | null {
  const pair = findPair(now);
  if (!pair) return null;
  const local = now.get(String(pair.localCandidateId));
  const remote = now.get(String(pair.remoteCandidateId));
  const rtt = number(pair.currentRoundTripTime);
  return {
    local: addressOf(local),
    remote: addressOf(remote),
    protocol: typeof remote?.protocol === 'string' ? remote.protocol : '',
    rtt_ms: rtt === null ? null : Math.round(rtt * 10_000) / 10,
    in_bps: rate(pair, base, 'bytesReceived'),
    out_bps: rate(pair, base, 'bytesSent'),
  };
}

function findPair(now: StatsEntries): Entry | undefined {
  for (const entry of now.values()) {
    if (entry.type === 'transport' && entry.selectedCandidatePairId) return now.get(String(entry.selectedCandidatePairId));
  }
  // Firefox has no transport entry, it marks the pair.
  return [...now.values()].find((entry) => entry.type === 'candidate-pair' && entry.selected === true);
}

function addressOf(candidate: Entry | undefined): string {
  if (!candidate) return '';
  // Browsers hide the address of a host candidate while the page has no camera or microphone.
  const address = typeof candidate.address === 'string' && candidate.address ? candidate.address : '(hidden)';
  return formatAddress({ address, port: number(candidate.port) ?? 0 });
}

function codecOf(entry: Entry, now: StatsEntries): string | null {
  const mime = now.get(String(entry.codecId))?.mimeType;
  return typeof mime === 'string' ? mime.replace(/^(audio|video)\//, '') : null;
}

/** Growth of a byte counter in bit/s; 0 without an earlier value. */
function rate(entry: Entry, base: StatsEntries, counter: string): number {
  const before = base.get(entry.id);
  const from = number(before?.[counter]);
  const to = number(entry[counter]);
  if (!before || from === null || to === null) return 0;
  const seconds = (entry.timestamp - before.timestamp) / 1000;
  return seconds > 0 && to > from ? Math.round(((to - from) * 8) / seconds) : 0;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
