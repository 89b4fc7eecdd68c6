import type { CallState, CallTimings } from './call';
import { RATE_WINDOW } from './limits';
import type { LineEstimate, Participant, Source, Viewing } from './message';
import type { NetworkFacts } from './network';
import { selectedPair, type PairSummary } from './pair';
import { sourceOf, type RemoteStream } from './remote-streams';
import { entriesOf, number, rate, type Entry, type StatsEntries } from './stats';

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
  /** In which form the server sends the picture; null for sound. */
  viewing: Viewing | null;
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

/** Recent loss, 0…1: of received packets, and of sent packets by the server's reports. null: unknown. */
export interface Loss {
  in: number | null;
  out: number | null;
}

export interface ConnectionNumbers {
  remote: RemoteSummary[];
  outbound: OutboundSummary[];
  pair: PairSummary | null;
  loss: Loss;
}

export interface CallSummary extends ConnectionNumbers {
  state: CallState;
  peerId: string;
  room: string;
  mappedAddress: string | null;
  /** The server's estimate of the line to this client. */
  line: LineEstimate | null;
  network: NetworkFacts;
  participants: readonly Participant[];
  timings: CallTimings;
}

const NOTHING: ConnectionNumbers = { remote: [], outbound: [], pair: null, loss: { in: null, out: null } };

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

/** Condenses a report; rates are those since `base`, an earlier report of the same connection. */
export function summarise(now: StatsEntries, base: StatsEntries, streams: readonly RemoteStream[]): ConnectionNumbers {
  const numbers: ConnectionNumbers = {
    remote: [],
    outbound: [],
    pair: selectedPair(now, base),
    loss: lossOf(now, base),
  };
  for (const entry of now.values()) {
    const kind = entry.kind === 'video' ? 'video' : 'audio';
    if (entry.type === 'inbound-rtp') {
      const stream = streams.find((candidate) => candidate[kind] && candidate[kind].id === entry.trackIdentifier);
      // An entry without stream belongs to an unused section.
      if (stream) numbers.remote.push(remoteSummary(entry, kind, stream, now, base));
    } else if (entry.type === 'outbound-rtp') {
      numbers.outbound.push(outboundSummary(entry, kind, now, base));
    }
  }
  return numbers;
}

function lossOf(now: StatsEntries, base: StatsEntries): Loss {
  let lost = 0;
  let received = 0;
  const reports: number[] = [];
  for (const entry of now.values()) {
    const before = base.get(entry.id);
    const grown = (counter: string) => (number(entry[counter]) ?? 0) - (number(before?.[counter]) ?? 0);
    if (entry.type === 'inbound-rtp' && before) {
      lost += Math.max(0, grown('packetsLost'));
      received += Math.max(0, grown('packetsReceived'));
    } else if (entry.type === 'remote-inbound-rtp') {
      reports.push(number(entry.fractionLost) ?? 0);
    }
  }
  return {
    in: lost + received > 0 ? lost / (lost + received) : null,
    out: reports.length > 0 ? Math.max(...reports) : null,
  };
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
    viewing: kind === 'video' ? stream.viewing : null,
    audioEnergy: number(entry.totalAudioEnergy),
    totalSamplesReceived: number(entry.totalSamplesReceived),
  };
}

function outboundSummary(
  entry: Entry,
  kind: 'audio' | 'video',
  now: StatsEntries,
  base: StatsEntries,
): OutboundSummary {
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

function codecOf(entry: Entry, now: StatsEntries): string | null {
  const mime = now.get(String(entry.codecId))?.mimeType;
  return typeof mime === 'string' ? mime.replace(/^(audio|video)\//, '') : null;
}
