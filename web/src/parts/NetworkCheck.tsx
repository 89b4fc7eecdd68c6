import { useState } from 'react';
import { checkNetwork, type ProbeResult } from '../../client';
import { lobbyVerdict } from '../model/verdict';
import { AddressFacts } from './AddressFacts';
import { Facts } from './Facts';
import { Icon } from './Icon';
import { VerdictBox } from './VerdictBox';

/** Before a call: checks whether this network permits it. Sends nothing until the user presses the button. */
export function NetworkCheck() {
  const [result, setResult] = useState<ProbeResult | 'unreachable' | 'running' | null>(null);
  const run = () => {
    setResult('running');
    checkNetwork(location.href, new URLSearchParams(location.search).get('token') ?? undefined).then(setResult, () =>
      setResult('unreachable'),
    );
  };
  const isRunning = result === 'running';
  return (
    <section className="check" aria-label="Network check">
      <button type="button" className="button check-button" disabled={isRunning} onClick={run}>
        <Icon name="network" size={18} />
        {result === null ? 'Check my network' : isRunning ? 'Checking…' : 'Check again'}
      </button>
      {result !== null && <VerdictBox verdict={lobbyVerdict(isRunning ? null : result)} />}
      {result !== null && typeof result === 'object' && (
        <Facts title="Addresses">
          <AddressFacts
            locals={result.locals}
            seen={result.seen[0] ?? (result.udp ? (result.locals[0] ?? null) : null)}
            mapping={result.mapping}
          />
        </Facts>
      )}
    </section>
  );
}
