import { useState, type FormEvent } from 'react';
import { ROOM_LENGTH } from '../../client';
import { useVisit } from '../hooks/use-visit';
import { cleanName } from '../model/route';
import type { Visit } from '../model/visit';
import { Brand } from '../parts/Brand';

/** `/watch` without a room: which one? */
export function WatchDoorPage({ visit }: { visit: Visit }) {
  const { name, room: initial } = useVisit(visit);
  const [room, setRoom] = useState(initial);
  const cleanRoom = cleanName(room, ROOM_LENGTH);
  const join = (event: FormEvent) => {
    event.preventDefault();
    if (cleanRoom) visit.join(name, cleanRoom);
  };
  return (
    <div className="page">
      <header className="page-head">
        <Brand />
      </header>
      <main className="card-place">
        <form className="card" onSubmit={join}>
          <h1>Watch a stream</h1>
          <p className="lobby-lead">The one who streams can tell you the name of the room.</p>
          <label className="field">
            <span>Room</span>
            <input
              value={room}
              maxLength={ROOM_LENGTH}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              required
              autoFocus
              onChange={(event) => setRoom(event.target.value)}
            />
          </label>
          <button type="submit" className="button button-primary button-large" disabled={!cleanRoom}>
            Watch
          </button>
        </form>
      </main>
    </div>
  );
}
