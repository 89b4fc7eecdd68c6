import { useCallback, useMemo, useState } from 'react';
import { recall, remember } from '../model/preferences';

/** Where the others are heard, and whether the browser lets them be heard. */
export interface AudioOutput {
  speakerId: string;
  chooseSpeaker(deviceId: string): void;
  /** The browser wants a click before it plays sound. */
  isBlocked: boolean;
  /** Reported by each element that was not allowed to play. */
  reportBlocked(): void;
  /** Changes when blocked elements shall try again. */
  attempt: number;
  /** From a click. */
  unblock(): void;
}

export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

export function useAudioOutput(): AudioOutput {
  const [speakerId, setSpeakerId] = useState(recall('speaker') ?? '');
  const [isBlocked, setBlocked] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const chooseSpeaker = useCallback((deviceId: string) => {
    remember('speaker', deviceId);
    setSpeakerId(deviceId);
  }, []);
  const reportBlocked = useCallback(() => setBlocked(true), []);
  const unblock = useCallback(() => {
    setBlocked(false);
    setAttempt((before) => before + 1);
  }, []);
  return useMemo(
    () => ({ speakerId, chooseSpeaker, isBlocked, reportBlocked, attempt, unblock }),
    [speakerId, chooseSpeaker, isBlocked, reportBlocked, attempt, unblock],
  );
}
