import { useEffect, useState } from 'react';
import type { Call } from '../../client';
import { useCall } from '../hooks/use-call';
import { connectionNotice } from '../model/wording';

/** A connection that succeeds within this time needs no banner. */
const PATIENCE = 600;

/** Shows the present problem with the connection. */
export function Banner({ call }: { call: Call }) {
  const snapshot = useCall(call);
  const notice = connectionNotice(snapshot);
  const isQuick = snapshot.trouble === null;
  const [isPatient, setPatient] = useState(true);
  useEffect(() => {
    setPatient(true);
    const timer = setTimeout(() => setPatient(false), PATIENCE);
    return () => clearTimeout(timer);
  }, [snapshot.state]);
  return (
    <div role="status" aria-live="polite" className="banner-place">
      {notice && !(isQuick && isPatient) && (
        <div className="banner">
          <span className="spinner" aria-hidden="true" />
          <span>
            <strong>{notice.title}</strong> {notice.help}
          </span>
          {snapshot.failures > 1 && (
            <button type="button" className="banner-action" onClick={() => call.retryNow()}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
