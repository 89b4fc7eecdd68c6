/** Loudness of a participant, 0…1 as in webrtc-stats: an amplitude, so normal speech is around 0.05 to 0.3. */

/** Loudness of one local track. Silent while the browser keeps audio contexts asleep (no click on the page yet). */
export class TrackLevel {
  readonly #context = new AudioContext();
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
    document.addEventListener('pointerdown', this.#wake);
    document.addEventListener('keydown', this.#wake);
  }

  read(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let power = 0;
    for (const sample of this.#samples) power += sample * sample;
    return Math.min(1, Math.sqrt(power / this.#samples.length));
  }

  close(): void {
    document.removeEventListener('pointerdown', this.#wake);
    document.removeEventListener('keydown', this.#wake);
    void this.#context.close();
  }

  readonly #wake = (): void => {
    if (this.#context.state === 'suspended') void this.#context.resume();
  };
}

/**
 * Loudness of received tracks, by track id. If the server passes the audio level header extension on (RFC 6464), the
 * level comes from the packets being played, which costs nothing; otherwise from the browser's statistics.
 */
export async function receivedLevels(pc: RTCPeerConnection): Promise<Map<string, number>> {
  const levels = new Map<string, number>();
  let isPlaying = false;
  for (const receiver of pc.getReceivers()) {
    if (receiver.track.kind !== 'audio') continue;
    const source = receiver.getSynchronizationSources()[0];
    if (!source || !isRecent(source.timestamp)) continue;
    isPlaying = true;
    if (source.audioLevel !== undefined) levels.set(receiver.track.id, source.audioLevel);
  }
  if (isPlaying && levels.size === 0) {
    (await pc.getStats()).forEach((entry: Record<string, unknown>) => {
      const { type, kind, trackIdentifier, audioLevel } = entry;
      if (type !== 'inbound-rtp' || kind !== 'audio' || typeof audioLevel !== 'number') return;
      levels.set(String(trackIdentifier), audioLevel);
    });
  }
  return levels;
}

/** Browsers disagree whether these timestamps count from the page's start or from 1970. */
function isRecent(timestamp: number): boolean {
  return Math.min(Math.abs(performance.now() - timestamp), Math.abs(Date.now() - timestamp)) < 1_000;
}
