import type { Participant } from '../../client';
import { NAMELESS } from '../model/crowd';
import { Avatar } from './Avatar';
import { Icon } from './Icon';

interface Props {
  self: Pick<Participant, 'name' | 'role' | 'audioMuted' | 'videoMuted'>;
  participants: readonly Participant[];
  audience: number;
  speakers: ReadonlySet<string>;
}

/** The participants, watchers last. */
export function PeopleList({ self, participants, audience, speakers }: Props) {
  const active = participants.filter(({ role }) => role !== 'watch');
  const watching = participants.filter(({ role }) => role === 'watch');
  return (
    <ul className="people">
      <Person person={self} note="you" isSpeaking={speakers.has('')} />
      {active.map((person) => (
        <Person
          key={person.id}
          person={person}
          note={person.role === 'stream' ? 'streaming' : ''}
          isSpeaking={speakers.has(person.id)}
        />
      ))}
      {watching.map((person) => (
        <Person key={person.id} person={person} note="watching" isSpeaking={false} />
      ))}
      {audience > 0 && <li className="person person-note">and {audience} more watching</li>}
    </ul>
  );
}

function Person({ person, note, isSpeaking }: { person: Props['self']; note: string; isSpeaking: boolean }) {
  const name = person.name || NAMELESS;
  return (
    <li className="person">
      <Avatar name={name} size="small" />
      <span className="person-name">
        {name}
        {note && <span className="person-note"> {note}</span>}
      </span>
      {person.role === 'watch' ? (
        <Mark icon="eye" text="Watching" />
      ) : (
        <>
          <Mark
            icon={person.audioMuted ? 'microphone-off' : 'microphone'}
            text={person.audioMuted ? 'Microphone off' : isSpeaking ? 'Speaking' : 'Microphone on'}
            look={person.audioMuted ? 'off' : isSpeaking ? 'speaking' : ''}
          />
          <Mark
            icon={person.videoMuted ? 'camera-off' : 'camera'}
            text={person.videoMuted ? 'Camera off' : 'Camera on'}
            look={person.videoMuted ? 'off' : ''}
          />
        </>
      )}
    </li>
  );
}

function Mark({ icon, text, look = '' }: { icon: Parameters<typeof Icon>[0]['name']; text: string; look?: string }) {
  return (
    <span className={`mark ${look && `mark-${look}`}`} role="img" aria-label={text} title={text}>
      <Icon name={icon} size={17} />
    </span>
  );
}
