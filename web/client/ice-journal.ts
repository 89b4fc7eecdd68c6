import { parseCandidate, type Candidate } from './candidate';
import { STATS_AGE } from './limits';
import { selectedPair, type PairSummary } from './pair';
import { entriesOf } from './stats';
import type { Timeline } from './timeline';

export interface IceJournalOutput {
  /** The list has changed. */
  locals(locals: readonly Candidate[]): void;
  pair(pair: PairSummary): void;
}

const NO_BASE = new Map();

/**
 * Records all ICE events of one RTCPeerConnection, and keeps its present candidates and selected pair.
 * Timer: `STATS_AGE`, see `look`.
 *
 * `gathering`, `ice`, `connection` {state} · `candidate` {from: local, candidate} · `candidate-error` {url, code, text} ·
 * `pair` {way, local, remote}
 */
export class IceJournal {
  readonly #pc: RTCPeerConnection;
  readonly #timeline: Timeline;
  readonly #output: IceJournalOutput;
  readonly #watched = new WeakSet<RTCIceTransport>();
  #locals: readonly Candidate[] = [];
  #generation = '';
  #pair = '';
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(pc: RTCPeerConnection, timeline: Timeline, output: IceJournalOutput) {
    this.#pc = pc;
    this.#timeline = timeline;
    this.#output = output;
    pc.addEventListener('icegatheringstatechange', () => timeline.note('gathering', { state: pc.iceGatheringState }));
    pc.addEventListener('connectionstatechange', () => timeline.note('connection', { state: pc.connectionState }));
    pc.addEventListener('iceconnectionstatechange', () => {
      timeline.note('ice', { state: pc.iceConnectionState });
      this.#watchTransport();
      this.look();
    });
    pc.addEventListener('icecandidate', ({ candidate }) => candidate?.candidate && this.#found(candidate));
    pc.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) =>
      timeline.note('candidate-error', { url, code: errorCode, text: errorText }),
    );
  }

  /** Checks for another selected pair, since not every browser reports it. Checks again once cached statistics are outdated. */
  look(): void {
    this.#lookNow();
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#lookNow(), STATS_AGE);
  }

  #lookNow(): void {
    const { iceConnectionState: state } = this.#pc;
    if (state !== 'connected' && state !== 'completed') return;
    void entriesOf(this.#pc).then(
      (entries) => this.#looked(selectedPair(entries, NO_BASE)),
      () => undefined,
    );
  }

  #looked(pair: PairSummary | null): void {
    if (!pair || this.#pc.signalingState === 'closed') return;
    const { way, local, localType, remote } = pair;
    const key = [way, local, remote].join(' ');
    if (key !== this.#pair) this.#timeline.note('pair', { way, local, localType, remote });
    this.#pair = key;
    this.#output.pair(pair);
  }

  #found({ candidate: line, usernameFragment }: RTCIceCandidate): void {
    this.#timeline.note('candidate', { from: 'local', candidate: line });
    const candidate = parseCandidate(line);
    if (!candidate) return;
    // After a restart, the browser gathers again under another ufrag.
    const generation = usernameFragment ?? this.#generation;
    if (generation !== this.#generation) this.#locals = [];
    this.#generation = generation;
    if (this.#locals.some((known) => isSame(known, candidate))) return;
    this.#locals = [...this.#locals, candidate];
    this.#output.locals(this.#locals);
  }

  /** All sections share one transport. */
  #watchTransport(): void {
    for (const { sender } of this.#pc.getTransceivers()) {
      const ice = sender.transport?.iceTransport;
      if (!ice || this.#watched.has(ice)) continue;
      this.#watched.add(ice);
      ice.addEventListener('selectedcandidatepairchange', () => this.look());
    }
  }
}

function isSame(a: Candidate, b: Candidate): boolean {
  return a.address === b.address && a.port === b.port && a.protocol === b.protocol && a.type === b.type;
}
