import { useEffect } from 'react';
import { TrackLevel, type LocalDevice } from '../../client';
import { SPEECH } from './use-speakers';

const LOOK_EVERY = 250;
/** Looks in a row: a cough is no speech. */
const LONG_ENOUGH = 3;

/** Tells, once each time the microphone is off, that somebody speaks into it. What it hears goes nowhere. */
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
