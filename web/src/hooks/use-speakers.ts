import { useEffect, useState } from 'react';
import { TrackLevel, type Call, type LocalDevice } from '../../client';

const LOOK_EVERY = 250;
/** Loud enough to be speech. */
export const SPEECH = 0.02;
/** Speech has pauses: the highlight stays on over them. */
const HOLD = 700;

/** Ids of the participants who speak now; the empty one is this user. */
export function useSpeakers(call: Call, microphone: LocalDevice): ReadonlySet<string> {
  const [speakers, setSpeakers] = useState<ReadonlySet<string>>(new Set());
  const ownTrack = microphone.on ? microphone.track : null;

  useEffect(() => {
    const own = ownTrack ? new TrackLevel(ownTrack) : null;
    const heardAt = new Map<string, number>();
    let current = true;
    const look = async () => {
      const levels = await call.levels();
      if (!current) return;
      const now = performance.now();
      for (const { audio, participant } of call.snapshot.streams) {
        if (audio && (levels.get(audio.id) ?? 0) > SPEECH) heardAt.set(participant, now);
      }
      if (own && own.read() > SPEECH) heardAt.set('', now);
      const next = [...heardAt].filter(([, at]) => now - at < HOLD).map(([id]) => id);
      setSpeakers((before) =>
        next.length === before.size && next.every((id) => before.has(id)) ? before : new Set(next),
      );
    };
    const timer = setInterval(() => void look(), LOOK_EVERY);
    return () => {
      current = false;
      clearInterval(timer);
      own?.close();
    };
  }, [call, ownTrack]);
  return speakers;
}
