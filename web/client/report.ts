import type { CallSummary } from './summary';
import type { ServerTimeline, Timeline, TimelineEntry } from './timeline';

/** Data for a bug report: a connection as its client and its server saw it. */
export interface Report {
  made: string;
  browser: string;
  /** Where the page came from. */
  origin: string;
  /** The present connection; for earlier ones only their number. */
  summary: Omit<CallSummary, 'participants'> & { participants: number };
  /** Both sides in one order, by this device's clock. */
  timeline: readonly (TimelineEntry & { side: 'client' | 'server' })[];
  /** The number of this side's entries that were dropped to make room. */
  lost: number;
}

export function makeReport(timeline: Timeline, summary: CallSummary, server: ServerTimeline | null): Report {
  const ours = timeline.entries.map((entry) => ({ ...entry, side: 'client' as const }));
  const begin = server ? server.startedAt - clockDifference(timeline.entries, server) : 0;
  const theirs = (server?.events ?? []).map((entry) => ({
    ...entry,
    at: Math.round(begin + entry.at),
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

/**
 * How far the server's clock is ahead of ours, in milliseconds: our first offer reached it in the middle between the moment
 * when it left and the one when its answer came, give or take half a round trip. 0 if that is not in the timelines any more.
 */
function clockDifference(entries: readonly TimelineEntry[], server: ServerTimeline): number {
  const begin = entries.findLastIndex(({ event }) => event === 'attempt');
  const find = (event: string, field: string, value: string) =>
    entries.slice(Math.max(0, begin)).find((entry) => entry.event === event && entry[field] === value)?.at;
  // The offer is made while the socket still opens.
  const sent = find('sent', 'type', 'offer');
  const opened = find('socket', 'state', 'open');
  const answered = find('received', 'type', 'answer');
  const offered = server.events.find(({ event }) => event === 'offered')?.at;
  if (sent === undefined || opened === undefined || answered === undefined || offered === undefined) return 0;
  return server.startedAt + offered - (Math.max(sent, opened) + answered) / 2;
}
