import { useState, type FormEvent } from 'react';
import { NAME_LENGTH, ROOM_LENGTH } from '../../client';
import { useVisit } from '../hooks/use-visit';
import { cleanName } from '../model/route';
import type { Visit } from '../model/visit';

interface Props {
  visit: Visit;
  className: string;
  title: string;
  lead: string;
  /** Label of the button. */
  action: string;
  name: string;
  /** Without it the form has only the room. */
  onName?(name: string): void;
}

/** The form for joining: name and room. */
export function JoinForm({ visit, className, title, lead, action, name, onName }: Props) {
  const [room, setRoom] = useState(useVisit(visit).room);
  const cleanRoom = cleanName(room, ROOM_LENGTH);

  const join = (event: FormEvent) => {
    event.preventDefault();
    if (cleanRoom) visit.join(cleanName(name, NAME_LENGTH), cleanRoom);
  };

  return (
    <form className={className} onSubmit={join}>
      <h1>{title}</h1>
      <p className="lobby-lead">{lead}</p>
      {onName && (
        <label className="field">
          <span>Your name</span>
          <input
            value={name}
            maxLength={NAME_LENGTH}
            autoComplete="nickname"
            placeholder="Shown to the others"
            onChange={(event) => onName(event.target.value)}
          />
        </label>
      )}
      <label className="field">
        <span>Room</span>
        <input
          value={room}
          maxLength={ROOM_LENGTH}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus={!onName}
          onChange={(event) => setRoom(event.target.value)}
        />
      </label>
      <button type="submit" className="button button-primary button-large" disabled={!cleanRoom}>
        {action}
      </button>
    </form>
  );
}
