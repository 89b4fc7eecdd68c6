import { expect, vi } from 'vitest';

/** A WebSocket that the test controls. */
export class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  static all: FakeSocket[] = [];

  readyState = FakeSocket.CONNECTING;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  static last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = FakeSocket.CLOSED;
  }

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  receive(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drop(code = 1006): void {
    this.readyState = FakeSocket.CLOSED;
    this.onclose?.({ code, reason: '' });
  }

  types(): unknown[] {
    return this.sent.map(({ type }) => type);
  }
}

/**
 * The signaling states of an RTCPeerConnection, with implicit rollback, ICE restarts, and the states that the test sets.
 * Handlers are found both as `onname` and as listeners.
 */
export class FakePeerConnection extends EventTarget {
  static all: FakePeerConnection[] = [];

  signalingState = 'stable';
  connectionState = 'new';
  iceConnectionState = 'new';
  iceGatheringState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: unknown) => void) | null = null;
  ontrack: ((event: unknown) => void) | null = null;
  candidates: string[] = [];
  transceivers: FakeTransceiver[] = [];
  stats = new Map<string, Record<string, unknown>>();
  offers = 0;
  restarts = 0;
  made = '';

  constructor(public configuration?: unknown) {
    super();
    FakePeerConnection.all.push(this);
  }

  static last(): FakePeerConnection {
    return FakePeerConnection.all.at(-1)!;
  }

  async createOffer() {
    await Promise.resolve();
    return { type: 'offer', sdp: this.made };
  }

  async createAnswer() {
    await Promise.resolve();
    return { type: 'answer', sdp: this.made };
  }

  async setLocalDescription(description?: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    expect(description?.type ?? type).toBe(type);
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
    if (type === 'offer') this.offers += 1;
    this.localDescription = { type, sdp: description?.sdp ?? `local-${type}-${this.offers}` };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    if (description.sdp === 'bad') throw new Error('bad sdp');
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
  }

  async addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    await Promise.resolve();
    if (candidate === 'bad') throw new Error('bad candidate');
    this.candidates.push(candidate);
  }

  addTransceiver(trackOrKind: unknown, init: { direction: string }): FakeTransceiver {
    const track = typeof trackOrKind === 'string' ? null : trackOrKind;
    const transceiver = new FakeTransceiver(track, init);
    this.transceivers.push(transceiver);
    queueMicrotask(() => this.onnegotiationneeded?.());
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }

  createDataChannel() {
    return {};
  }

  async getStats() {
    return this.stats;
  }

  getConfiguration() {
    return this.configuration;
  }

  setConfiguration(configuration: unknown): void {
    this.configuration = configuration;
  }

  restartIce(): void {
    this.restarts += 1;
    queueMicrotask(() => this.onnegotiationneeded?.());
  }

  fire(name: string, fields: Record<string, unknown> = {}): void {
    const event = Object.assign(new Event(name), fields);
    (this as unknown as Record<string, ((event: Event) => void) | null>)[`on${name}`]?.(event);
    this.dispatchEvent(event);
  }

  /** Sets the state of ICE, and of DTLS with it. */
  become(state: string): void {
    this.iceConnectionState = state;
    this.connectionState = state;
    this.fire('iceconnectionstatechange');
    this.fire('connectionstatechange');
  }

  /** Selects a pair with a local candidate of this type. */
  select(local: Record<string, unknown>): void {
    this.stats = new Map<string, Record<string, unknown>>([
      ['t', { id: 't', type: 'transport', selectedCandidatePairId: 'p' }],
      ['p', { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r' }],
      ['l', { id: 'l', type: 'local-candidate', address: '192.0.2.9', port: 5000, ...local }],
      ['r', { id: 'r', type: 'remote-candidate', address: '203.0.113.10', port: 8000 }],
    ]);
  }

  found(candidate: string, usernameFragment = 'u'): void {
    const json = { candidate, sdpMid: '0', sdpMLineIndex: 0 };
    this.fire('icecandidate', { candidate: { ...json, usernameFragment, toJSON: () => json } });
  }

  close(): void {
    this.signalingState = 'closed';
  }
}

export class FakeTransceiver {
  mid: string | null = null;
  direction: string;
  /** The server's track, where the test gives one. */
  receiver: { track: unknown } = { track: null };
  readonly sender: { transport: null; track: unknown; replaceTrack(track: unknown): Promise<void> };

  constructor(
    track: unknown,
    readonly init: { direction: string; sendEncodings?: unknown },
  ) {
    this.direction = init.direction;
    const sender = {
      transport: null,
      track,
      replaceTrack: async (next: unknown) => {
        sender.track = next;
      },
    };
    this.sender = sender;
  }
}

class FakeStorage {
  readonly #items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
}

let streamCount = 0;

/** A MediaStream with tracks that the test sets. */
export class FakeStream {
  readonly id: string;
  onremovetrack: (() => void) | null = null;

  constructor(
    public tracks: { id: string; kind: string }[] = [],
    id = `stream-${++streamCount}`,
  ) {
    this.id = id;
  }

  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === 'audio');
  }

  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === 'video');
  }
}

export function fakeTrack(kind: 'audio' | 'video', id = `${kind}-${++streamCount}`) {
  return { id, kind, enabled: true, onended: null, contentHint: '', stop: vi.fn() };
}

/** Installs the fakes in place of the browser's objects. */
export function installBrowser(): void {
  FakeSocket.all = [];
  FakePeerConnection.all = [];
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('localStorage', new FakeStorage());
  // Node 18 has no global one.
  vi.stubGlobal('crypto', { getRandomValues: (bytes: Uint8Array) => bytes.map(() => Math.random() * 256) });
}

/** Waits for all resolved promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}
