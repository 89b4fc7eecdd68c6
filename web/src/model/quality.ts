import type { CallSummary } from '../../client';
import { heldBack } from './pictures';
import { weaknessOf } from './verdict';

/** Connection problems that the page reports to the user unasked. */
export interface Quality {
  /** This user's own connection loses too much or is too slow, in two consecutive samples. */
  isWeak: boolean;
  /** Ids of participants with the camera on from whom no media arrives. */
  silent: ReadonlySet<string>;
}

export const ALL_WELL: Quality = { isWeak: false, silent: new Set() };

/** Derives the quality from two summaries of a call, some seconds apart. */
export function qualityOf(before: CallSummary, now: CallSummary): Quality {
  if (now.state !== 'connected' || before.peerId !== now.peerId) return ALL_WELL;
  const silent = now.remote.filter(({ participant, kind, source, streamId, packetsReceived, viewing }) => {
    if (kind !== 'video' || source !== 'camera' || viewing?.state === 'paused') return false;
    const isOn = [before, now].every((look) =>
      look.participants.some(({ id, videoMuted }) => id === participant && !videoMuted),
    );
    const then = before.remote.find((track) => track.streamId === streamId && track.kind === kind);
    return isOn && then !== undefined && then.packetsReceived === packetsReceived;
  });
  return {
    isWeak: [before, now].every((look) => weaknessOf(look) !== null || isHeldBack(look)),
    silent: new Set(silent.map(({ participant }) => participant)),
  };
}

function isHeldBack({ remote }: CallSummary): boolean {
  return heldBack(remote.flatMap(({ viewing }) => (viewing ? [{ viewing }] : []))).paused > 0;
}
