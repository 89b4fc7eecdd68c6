import { BACKOFF_CAP, BACKOFF_FIRST, BACKOFF_FULL } from './limits';

/**
 * Pause before attempt number `failures` + 1, in ms: doubling, capped, and spread over half to all of that value,
 * so that the clients of a restarted server do not all come back in the same instant.
 */
export function backoffDelay(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(BACKOFF_CAP, BACKOFF_FIRST * 2 ** Math.min(failures, 16));
  return ceiling * (0.5 + random() / 2);
}

/** Pause after `room-full` and `server-full`, in ms. */
export function fullDelay(random: () => number = Math.random): number {
  return BACKOFF_FULL * (0.75 + random() / 2);
}
