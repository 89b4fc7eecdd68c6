import { useCallback, useSyncExternalStore } from 'react';
import type { Call, CallSnapshot } from '../../client';

export function useCall(call: Call): CallSnapshot {
  const subscribe = useCallback((changed: () => void) => call.on('change', changed), [call]);
  return useSyncExternalStore(subscribe, () => call.snapshot);
}
