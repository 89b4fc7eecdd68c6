import type { CallSummary } from '../../client';
import { weaknessOf } from './verdict';

/** How the lines are, so far as a user should be told of it without asking. */
export interface Quality {
  /** This user's own one loses too much or is too slow, at two looks in a row. */
  isWeak: boolean;
  /** Participants whose camera is on and of whom nothing comes. */
  silent: ReadonlySet<string>;
}

export const ALL_WELL: Quality = { isWeak: false, silent: new Set() };

/** What two looks at a call, some seconds apart, say of it. */
export function qualityOf(before: CallSummary, now: CallSummary): Quality {
  if (now.state !== 'connected' || before.peerId !== now.peerId) return ALL_WELL;
  const silent = now.remote.filter(({ participant, kind, source, streamId, packetsReceived }) => {
    if (kind !== 'video' || source !== 'camera') return false;
    const isOn = [before, now].every((look) =>
      look.participants.some(({ id, videoMuted }) => id === participant && !videoMuted),
    );
    const then = before.remote.find((track) => track.streamId === streamId && track.kind === kind);
    return isOn && then !== undefined && then.packetsReceived === packetsReceived;
  });
  return {
    isWeak: weaknessOf(before) !== null && weaknessOf(now) !== null,
    silent: new Set(silent.map(({ participant }) => participant)),
  };
}
