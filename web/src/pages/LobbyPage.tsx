import { useState, type FormEvent } from 'react';
import { NAME_LENGTH, ROOM_LENGTH } from '../../client';
import { useAudioOutput } from '../hooks/use-audio-output';
import { useVisit } from '../hooks/use-visit';
import { cleanName } from '../model/route';
import type { Visit } from '../model/visit';
import { Brand } from '../parts/Brand';
import { DevicePicker } from '../parts/DevicePicker';
import { Preview } from '../parts/Preview';

/** Before a call or a stream: look at oneself, choose devices, say who and where. */
export function LobbyPage({ visit }: { visit: Visit }) {
  const { media, asking, ...initial } = useVisit(visit);
  const output = useAudioOutput();
  const [name, setName] = useState(initial.name);
  const [room, setRoom] = useState(initial.room);
  const isStream = visit.route.role === 'stream';
  const isInvited = visit.route.room !== null;
  const cleanRoom = cleanName(room, ROOM_LENGTH);

  const join = (event: FormEvent) => {
    event.preventDefault();
    if (cleanRoom) visit.join(cleanName(name, NAME_LENGTH), cleanRoom);
  };

  return (
    <div className="page">
      <header className="page-head">
        <Brand />
      </header>
      <main className="lobby">
        <section className="lobby-preview" aria-label="Camera and microphone">
          <Preview media={media} asking={asking} role={visit.route.role} name={name} />
          <DevicePicker media={media} {...(isStream ? {} : { output })} />
        </section>
        <form className="lobby-form" onSubmit={join}>
          <h1>{isStream ? 'Ready to go live?' : isInvited ? 'Ready to join?' : 'Start a call'}</h1>
          <p className="lobby-lead">
            {isStream
              ? 'Everybody with the viewer link can watch.'
              : isInvited
                ? 'Say who you are, and come in.'
                : 'Name a room and send its link to the people you want to see.'}
          </p>
          <label className="field">
            <span>Your name</span>
            <input
              value={name}
              maxLength={NAME_LENGTH}
              autoComplete="nickname"
              placeholder="Shown to the others"
              onChange={(event) => setName(event.target.value)}
            />
          </label>
          <label className="field">
            <span>Room</span>
            <input
              value={room}
              maxLength={ROOM_LENGTH}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              required
              onChange={(event) => setRoom(event.target.value)}
            />
          </label>
          <button type="submit" className="button button-primary button-large" disabled={!cleanRoom}>
            {isStream ? 'Go live' : 'Join'}
          </button>
        </form>
      </main>
    </div>
  );
}
