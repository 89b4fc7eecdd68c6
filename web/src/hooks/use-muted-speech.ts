import { useEffect } from 'react';
import { TrackLevel, type LocalDevice } from '../../client';
import { SPEECH } from './use-speakers';

const LOOK_EVERY = 250;
/** Consecutive measurements above the level that count as speech, so that a cough does not. */
const LONG_ENOUGH = 3;

/** Detects speaking while muted, and tells the user once for each mute. The sound is only measured, never sent. */
export function useMutedSpeech({ on, track }: LocalDevice, tell: (text: string) => void): void {
  useEffect(() => {
    if (on || !track) return;
    const ear = track.clone();
    ear.enabled = true;
    const level = new TrackLevel(ear);
    let loud = 0;
    const timer = setInterval(() => {
      loud = level.read() > SPEECH ? loud + 1 : 0;
      if (loud < LONG_ENOUGH) return;
      clearInterval(timer);
      tell('Nobody hears you: your microphone is off');
    }, LOOK_EVERY);
    return () => {
      clearInterval(timer);
      level.close();
      ear.stop();
    };
  }, [on, track, tell]);
}
