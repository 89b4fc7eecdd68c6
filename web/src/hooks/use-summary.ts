import { useEffect, useState } from 'react';
import type { Call, CallSummary } from '../../client';

const LOOK_EVERY = 1_500;

/** Figures of the connection, updated while a component shows them. */
export function useSummary(call: Call): CallSummary | null {
  const [summary, setSummary] = useState<CallSummary | null>(null);
  useEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      const next = await call.summary();
      if (!current) return;
      setSummary(next);
      timer = setTimeout(() => void look(), LOOK_EVERY);
    };
    void look();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [call]);
  return summary;
}
