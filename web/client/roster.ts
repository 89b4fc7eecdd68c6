import type { Participant, ServerMessage } from './message';

/**
 * The other participants of the room, in order of arrival.
 *
 * `hidden` are ids that were our own before a reconnect: until the server notices that such a connection is dead,
 * it still lists it, and users must not see themselves as another participant.
 */
export class Roster {
  readonly #hidden: ReadonlySet<string>;
  #participants: readonly Participant[] = [];
  #audience = 0;

  constructor(hidden: ReadonlySet<string> = new Set()) {
    this.#hidden = hidden;
  }

  get participants(): readonly Participant[] {
    return this.#participants;
  }

  /** Watchers in a crowd that the server only counts. */
  get audience(): number {
    return this.#audience;
  }

  /** Applies a message; true if the list changed. */
  apply(message: ServerMessage): boolean {
    switch (message.type) {
      case 'joined':
      case 'resumed':
        this.#participants = message.participants.filter(({ id }) => !this.#hidden.has(id));
        this.#audience = message.audience;
        return true;
      case 'participant-joined':
      case 'participant-updated':
        return this.#put(message.participant);
      case 'participant-left': {
        const before = this.#participants.length;
        this.#participants = this.#participants.filter(({ id }) => id !== message.id);
        return this.#participants.length !== before;
      }
      case 'audience':
        this.#audience = message.count;
        return true;
      default:
        return false;
    }
  }

  #put(participant: Participant): boolean {
    if (this.#hidden.has(participant.id)) return false;
    const known = this.#participants.some(({ id }) => id === participant.id);
    this.#participants = known
      ? this.#participants.map((other) => (other.id === participant.id ? participant : other))
      : [...this.#participants, participant];
    return true;
  }
}
