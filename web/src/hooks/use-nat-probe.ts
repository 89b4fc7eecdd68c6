import { useEffect, useState } from 'react';
import type { Call, ProbeResult } from '../../client';
import { useCall } from './use-call';

/** The kind of NAT, measured once for each connection while the network card is open; null while unknown. */
export function useNatProbe(call: Call): ProbeResult | null {
  const { state, peerId } = useCall(call);
  const [result, setResult] = useState<ProbeResult | null>(null);
  const isUp = state === 'connected';
  useEffect(() => {
    if (!isUp) return;
    let current = true;
    const measured = (next: ProbeResult | null) => current && setResult(next);
    call.measureNat().then(measured, () => measured(null));
    return () => {
      current = false;
    };
  }, [call, peerId, isUp]);
  return result;
}
