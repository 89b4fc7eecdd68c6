import type { ReactNode } from 'react';
import { Brand } from './Brand';

/** Top line of a running call: the room, and the buttons for panels. */
export function RoomHeader({ room, status, children }: { room: string; status: ReactNode; children: ReactNode }) {
  return (
    <header className="room-head">
      <Brand withName={false} />
      <div className="room-title">
        <h1>{room}</h1>
        <div className="room-status">{status}</div>
      </div>
      <div className="room-tools">{children}</div>
    </header>
  );
}
