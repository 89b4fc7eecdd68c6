import { useVisit } from '../hooks/use-visit';
import type { Visit } from '../model/visit';
import { Brand } from '../parts/Brand';

const WORDS = {
  call: { title: 'You left the call', again: 'Rejoin', other: 'To the lobby' },
  stream: { title: 'Your stream has ended', again: 'Go live again', other: 'To the lobby' },
  watch: { title: 'You stopped watching', again: 'Watch again', other: 'Another room' },
} as const;

/** After a call. */
export function LeftPage({ visit }: { visit: Visit }) {
  const { room, asking } = useVisit(visit);
  const { title, again, other } = WORDS[visit.route.role];
  return (
    <div className="page">
      <header className="page-head">
        <Brand />
      </header>
      <main className="card-place">
        <div className="card">
          <h1>{title}</h1>
          <p className="lobby-lead">
            Room <strong>{room}</strong>
          </p>
          {visit.route.role !== 'watch' && <p className="lobby-lead">Camera and microphone are off.</p>}
          <div className="card-actions">
            <button
              type="button"
              className="button button-primary button-large"
              disabled={asking}
              autoFocus
              onClick={() => void visit.rejoin()}
            >
              {again}
            </button>
            <button type="button" className="button button-large" disabled={asking} onClick={() => void visit.reopen()}>
              {other}
            </button>
          </div>
        </div>
      </main>
    </div>
  );
}
