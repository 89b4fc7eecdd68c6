import type { CallSnapshot, LocalMedia, Participant, RemoteStream, Viewing } from '../../client';

/** One picture on the screen. */
export interface Scene {
  key: string;
  /** The participant's id; empty for this user. */
  participant: string;
  name: string;
  isSelf: boolean;
  kind: 'camera' | 'screen';
  /** null: the camera is off, or this user wants no pictures. */
  video: MediaStreamTrack | null;
  /** In which form the server sends it; null without a picture of another participant. */
  viewing: Viewing | null;
  audioMuted: boolean;
}

export const NAMELESS = 'Guest';

/** Scenes of the others: everyone who takes part has one, even without any track; watchers have none. */
export function remoteScenes({ participants, streams: received, pictures }: CallSnapshot): Scene[] {
  const streams = pictures === 'sound-only' ? received.map(withoutPicture) : received;
  const people = participants.filter(({ role }) => role !== 'watch');
  const strangers = streams.filter(({ participant }) => !participants.some(({ id }) => id === participant));
  return [
    ...people.flatMap((person) => [
      cameraScene(person, streams),
      ...streams
        .filter((stream) => stream.participant === person.id && isScreen(stream))
        .map((stream) => screenScene(stream, person.name || NAMELESS)),
    ]),
    // A server of the original protocol does not name a stream's owner.
    ...strangers.map((stream) => strangerScene(stream)),
  ];
}

/** The number of watchers, listed or only counted, without this user. */
export function watcherCount({ participants, audience }: Pick<CallSnapshot, 'participants' | 'audience'>): number {
  return audience + participants.filter(({ role }) => role === 'watch').length;
}

/** This user's own scene. The own screen has none: it would show itself recursively. */
export function ownScene({ microphone, camera }: Pick<LocalMedia, 'microphone' | 'camera'>, name: string): Scene {
  return {
    key: 'self',
    participant: '',
    name: name || NAMELESS,
    isSelf: true,
    kind: 'camera',
    video: camera.on ? camera.track : null,
    viewing: null,
    audioMuted: !microphone.on,
  };
}

function cameraScene(person: Participant, streams: readonly RemoteStream[]): Scene {
  const stream = streams.find(({ participant, kind }) => participant === person.id && kind === 'camera');
  return {
    key: person.id,
    participant: person.id,
    name: person.name || NAMELESS,
    isSelf: false,
    kind: 'camera',
    video: person.videoMuted ? null : (stream?.video ?? null),
    viewing: stream?.viewing ?? null,
    audioMuted: person.audioMuted,
  };
}

function screenScene(stream: RemoteStream, name: string): Scene {
  return {
    key: stream.id,
    participant: stream.participant,
    name,
    isSelf: false,
    kind: 'screen',
    video: stream.video,
    viewing: stream.viewing,
    audioMuted: false,
  };
}

function strangerScene(stream: RemoteStream): Scene {
  return { ...screenScene(stream, NAMELESS), kind: stream.kind };
}

function withoutPicture(stream: RemoteStream): RemoteStream {
  return { ...stream, video: null };
}

function isScreen({ kind, video }: RemoteStream): boolean {
  return kind === 'screen' && video !== null;
}
