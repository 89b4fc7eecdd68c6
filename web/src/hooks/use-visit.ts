import { useCallback, useSyncExternalStore } from 'react';
import type { Visit, VisitSnapshot } from '../model/visit';

export function useVisit(visit: Visit): VisitSnapshot {
  const subscribe = useCallback((changed: () => void) => visit.on('change', changed), [visit]);
  return useSyncExternalStore(subscribe, () => visit.snapshot);
}
