import { WHOLE_VIEWING, type Source, type StreamOwner, type Viewing } from './message';

/** Tracks that one participant sends together: camera and microphone, or the screen and its sound. */
export interface RemoteStream {
  id: string;
  /** `peerId` of its owner; empty with a server that does not say. */
  participant: string;
  kind: 'camera' | 'screen';
  media: MediaStream;
  /** Tracks that the server sends now; null while there is none. */
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
  /** In which form the server sends the picture; `whole` with a server that does not say. */
  viewing: Viewing;
}

/** Source of a track of this stream. */
export function sourceOf(stream: RemoteStream, kind: 'audio' | 'video'): Source {
  if (stream.kind === 'screen') return kind === 'audio' ? 'screen-audio' : 'screen';
  return kind === 'audio' ? 'microphone' : 'camera';
}

/**
 * Joins the browser's MediaStreams and tracks with their owners from the server's offer.
 *
 * A section that went inactive takes its track out of the MediaStream; when the section is used again, the same
 * receiver and track come back under another stream. So the streams' contents after each offer are authoritative,
 * not the list of `track` events.
 */
export class RemoteStreams {
  #media = new Map<string, MediaStream>();
  #owners = new Map<string, StreamOwner>();
  #streams: readonly RemoteStream[] = [];

  get streams(): readonly RemoteStream[] {
    return this.#streams;
  }

  /** A `track` event came. */
  added(media: readonly MediaStream[]): void {
    for (const stream of media) this.#media.set(stream.id, stream);
  }

  /** Owners of all streams of an offer. */
  describe(owners: readonly StreamOwner[]): void {
    this.#owners = new Map(owners.map((owner) => [owner.id, owner]));
  }

  /** Looks at the streams anew; true if a stream or a track came or went. */
  refresh(): boolean {
    const next: RemoteStream[] = [];
    for (const [id, media] of this.#media) {
      const audio = media.getAudioTracks()[0] ?? null;
      const video = media.getVideoTracks()[0] ?? null;
      if (!audio && !video) {
        this.#media.delete(id);
        continue;
      }
      const owner = this.#owners.get(id);
      const isScreen = owner?.sources.some((source) => source === 'screen' || source === 'screen-audio') ?? false;
      next.push({
        id,
        participant: owner?.participant ?? '',
        kind: isScreen ? 'screen' : 'camera',
        media,
        audio,
        video,
        viewing: this.#streams.find((old) => old.id === id && old.video === video)?.viewing ?? WHOLE_VIEWING,
      });
    }
    const changed = next.length !== this.#streams.length || next.some((stream, i) => !same(stream, this.#streams[i]!));
    // Unchanged streams keep their identity, so that a page need not render them again.
    if (changed) this.#streams = next.map((stream) => this.#streams.find((old) => same(old, stream)) ?? stream);
    return changed;
  }

  /** The server sends the picture of this track in another form; false if there is no such picture. */
  view(track: MediaStreamTrack, viewing: Viewing): boolean {
    const isKnown = this.#streams.some(({ video }) => video === track);
    this.#streams = this.#streams.map((stream) => (stream.video === track ? { ...stream, viewing } : stream));
    return isKnown;
  }
}

function same(a: RemoteStream, b: RemoteStream): boolean {
  return (
    a.id === b.id &&
    a.participant === b.participant &&
    a.kind === b.kind &&
    a.media === b.media &&
    a.audio === b.audio &&
    a.video === b.video &&
    a.viewing === b.viewing
  );
}
