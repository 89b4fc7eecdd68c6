import { useState } from 'react';
import { useAudioOutput } from '../hooks/use-audio-output';
import { useVisit } from '../hooks/use-visit';
import type { Visit } from '../model/visit';
import { Brand } from '../parts/Brand';
import { DevicePicker } from '../parts/DevicePicker';
import { JoinForm } from '../parts/JoinForm';
import { NetworkCheck } from '../parts/NetworkCheck';
import { Preview } from '../parts/Preview';

const WORDS = {
  stream: { title: 'Ready to go live?', lead: 'Everybody with the viewer link can watch.', action: 'Go live' },
  invited: { title: 'Ready to join?', lead: 'Say who you are, and come in.', action: 'Join' },
  host: { title: 'Start a call', lead: 'Name a room and send its link to the people you want to see.', action: 'Join' },
} as const;

/** Before a call or a stream: preview, choice of devices, name and room. */
export function LobbyPage({ visit }: { visit: Visit }) {
  const { media, asking, ...initial } = useVisit(visit);
  const [name, setName] = useState(initial.name);
  const output = useAudioOutput();
  const { role, room } = visit.route;
  const isStream = role === 'stream';
  return (
    <div className="page">
      <header className="page-head">
        <Brand />
      </header>
      <main className="lobby">
        <section className="lobby-preview" aria-label="Camera and microphone">
          <Preview media={media} asking={asking} role={role} name={name} />
          <DevicePicker media={media} {...(isStream ? {} : { output })} />
          <NetworkCheck />
        </section>
        <JoinForm
          visit={visit}
          className="lobby-form"
          {...WORDS[isStream ? 'stream' : room !== null ? 'invited' : 'host']}
          name={name}
          onName={setName}
        />
      </main>
    </div>
  );
}
