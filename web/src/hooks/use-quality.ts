import { useEffect, useState } from 'react';
import type { Call, CallSummary } from '../../client';
import { ALL_WELL, qualityOf, type Quality } from '../model/quality';

const LOOK_EVERY = 3_000;

/** The quality of this call's connections. */
export function useQuality(call: Call): Quality {
  const [quality, setQuality] = useState(ALL_WELL);
  useEffect(() => {
    let before: CallSummary | null = null;
    let current = true;
    const look = async () => {
      const now = await call.summary();
      if (!current) return;
      setQuality(before ? qualityOf(before, now) : ALL_WELL);
      before = now;
    };
    const timer = setInterval(() => void look(), LOOK_EVERY);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [call]);
  return quality;
}
