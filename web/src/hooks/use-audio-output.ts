import { useCallback, useMemo, useState } from 'react';
import { recall, remember } from '../model/preferences';

/** The speaker for the others' sound, and whether the browser allows playing it. */
export interface AudioOutput {
  speakerId: string;
  chooseSpeaker(deviceId: string): void;
  /** The browser wants a click before it plays sound. */
  isBlocked: boolean;
  /** Each element that the browser did not allow to play calls this. */
  reportBlocked(): void;
  /** Changes when blocked elements must try again. */
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
