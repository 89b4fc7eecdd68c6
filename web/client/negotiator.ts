import { wishStereo } from './stereo';

export interface NegotiatorOutput {
  offer(sdp: string): void;
  answer(sdp: string): void;
  /** An offer or answer could not be made or applied: this connection cannot go on. */
  failed(error: unknown): void;
}

/**
 * Offers and answers of one RTCPeerConnection, as the polite peer of "perfect negotiation": an offer of the server
 * always wins, ours is rolled back and made again once the state is stable.
 *
 * Every step waits for the one before it, so that no description is applied in the middle of another exchange.
 * Candidates that come before the first remote description wait for it.
 */
export class Negotiator {
  readonly #pc: RTCPeerConnection;
  readonly #output: NegotiatorOutput;
  #steps: Promise<void> = Promise.resolve();
  #candidates: RTCIceCandidateInit[] = [];

  constructor(pc: RTCPeerConnection, output: NegotiatorOutput) {
    this.#pc = pc;
    this.#output = output;
    pc.onnegotiationneeded = () => this.#step(() => this.#makeOffer());
  }

  /** Applies the server's offer, then calls `applied` (tracks are in place), then answers. */
  remoteOffer(sdp: string, applied: () => void): void {
    this.#step(async () => {
      await this.#setRemote({ type: 'offer', sdp });
      applied();
      await this.#setLocal();
      this.#output.answer(this.#pc.localDescription!.sdp);
    });
  }

  /** Messages may have been lost: an offer that has no answer yet is made again. The server does the same with its own. */
  resume(): void {
    this.#step(async () => {
      if (this.#pc.signalingState === 'have-local-offer') this.#output.offer(this.#pc.localDescription!.sdp);
    });
  }

  /** Applies an answer; one to an offer that was rolled back meanwhile is dropped. */
  remoteAnswer(sdp: string): void {
    this.#step(async () => {
      if (this.#pc.signalingState === 'have-local-offer') await this.#setRemote({ type: 'answer', sdp });
    });
  }

  /** Runs when the descriptions that came before are applied. */
  afterwards(run: () => void): void {
    this.#step(async () => run());
  }

  remoteCandidate(candidate: RTCIceCandidateInit): void {
    this.#step(async () => {
      if (this.#pc.remoteDescription) await this.#addCandidate(candidate);
      else this.#candidates.push(candidate);
    });
  }

  async #makeOffer(): Promise<void> {
    // When the server's offer came first, the browser fires negotiationneeded again after our answer.
    if (this.#pc.signalingState !== 'stable') return;
    await this.#setLocal();
    this.#output.offer(this.#pc.localDescription!.sdp);
  }

  async #setLocal(): Promise<void> {
    const remote = this.#pc.remoteDescription?.sdp ?? '';
    // The browser's own words, where they will do: nothing can come between making and applying them.
    if (!remote.includes('sprop-stereo=1')) return this.#pc.setLocalDescription();
    const made =
      this.#pc.signalingState === 'have-remote-offer' ? await this.#pc.createAnswer() : await this.#pc.createOffer();
    return this.#pc.setLocalDescription({ type: made.type, sdp: wishStereo(made.sdp ?? '', remote) });
  }

  async #setRemote(description: RTCSessionDescriptionInit): Promise<void> {
    // Over a pending offer of ours this rolls back by itself.
    await this.#pc.setRemoteDescription(description);
    const waiting = this.#candidates;
    this.#candidates = [];
    for (const candidate of waiting) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch {
      // One unusable address (IPv6 switched off, a section that was rolled back) must not end the call.
    }
  }

  #step(run: () => Promise<void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#pc.signalingState === 'closed') return;
      try {
        await run();
      } catch (error) {
        if ((this.#pc.signalingState as RTCSignalingState) !== 'closed') this.#output.failed(error);
      }
    });
  }
}
