import type { Call, CallSummary } from '../../client';
import type { Visit } from './visit';

/** What `window.monoport.summary()` says while there is no call. */
type IdleSummary = { state: 'lobby' | 'left' };

/**
 * `window.monoport`: a small handle for tests and for a look from the browser's console.
 *
 *     await monoport.summary()   // state, participants, received and sent tracks, transport, timings
 *     monoport.call              // the running Call, or null
 */
export interface Handle {
  readonly call: Call | null;
  summary(): Promise<CallSummary | IdleSummary>;
  /** The same; the name under which WebRTC people look for it. */
  stats(): Promise<CallSummary | IdleSummary>;
}

declare global {
  interface Window {
    monoport?: Handle;
  }
}

export function installHandle(visit: Visit): void {
  const summary = async (): Promise<CallSummary | IdleSummary> => {
    const { call, stage } = visit.snapshot;
    return call ? call.summary() : { state: stage === 'left' ? 'left' : 'lobby' };
  };
  window.monoport = {
    get call() {
      return visit.snapshot.call;
    },
    summary,
    stats: summary,
  };
}
