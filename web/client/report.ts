import type { CallSummary } from './summary';
import type { Timeline, TimelineEntry } from './timeline';

/** The server's own timeline of a session. */
export interface ServerTimeline {
  entries: readonly TimelineEntry[];
  /** How far the server's clock is ahead of this device's, in milliseconds, as well as one reply can tell. */
  ahead: number;
}

/** What goes with a bug report: a connection as its client and its server saw it. */
export interface Report {
  made: string;
  browser: string;
  /** Where the page came from. */
  origin: string;
  /** Of the present connection; of the others only how many there are. */
  summary: Omit<CallSummary, 'participants'> & { participants: number };
  /** Both sides in one order, by this device's clock. */
  timeline: readonly (TimelineEntry & { side: 'client' | 'server' })[];
  /** Entries of this side that were thrown away to make room. */
  lost: number;
}

export function makeReport(timeline: Timeline, summary: CallSummary, server: ServerTimeline | null): Report {
  const ours = timeline.entries.map((entry) => ({ ...entry, side: 'client' as const }));
  const theirs = (server?.entries ?? []).map((entry) => ({
    ...entry,
    at: Math.round(entry.at - server!.ahead),
    side: 'server' as const,
  }));
  return {
    made: new Date().toISOString(),
    browser: navigator.userAgent,
    origin: location.origin,
    summary: { ...summary, participants: summary.participants.length },
    timeline: [...ours, ...theirs].sort((a, b) => a.at - b.at),
    lost: timeline.lost,
  };
}
