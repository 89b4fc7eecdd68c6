import { useVisit } from '../hooks/use-visit';
import type { Visit } from '../model/visit';
import { Brand } from '../parts/Brand';
import { JoinForm } from '../parts/JoinForm';

/** `/watch` without a room: asks for one. */
export function WatchDoorPage({ visit }: { visit: Visit }) {
  return (
    <div className="page">
      <header className="page-head">
        <Brand />
      </header>
      <main className="card-place">
        <JoinForm
          visit={visit}
          className="card"
          title="Watch a stream"
          lead="The one who streams can tell you the name of the room."
          action="Watch"
          name={useVisit(visit).name}
        />
      </main>
    </div>
  );
}
