import { expect, test } from 'vitest';
import type { Participant, ServerMessage } from '../client/message';
import { Roster } from '../client/roster';

const person = (id: string, change: Partial<Participant> = {}): Participant => ({
  id,
  name: id,
  role: 'call',
  audioMuted: false,
  videoMuted: false,
  ...change,
});
const joined = (participants: Participant[], audience = 0): ServerMessage => ({
  type: 'joined',
  room: 'r',
  version: '',
  resume: '',
  address: '',
  probePort: null,
  participants,
  audience,
});

test('roster_follows_the_room', () => {
  const roster = new Roster();
  roster.apply(joined([person('a')]));
  roster.apply({ type: 'participant-joined', participant: person('b') });
  roster.apply({ type: 'participant-updated', participant: person('a', { audioMuted: true }) });
  expect(roster.participants).toEqual([person('a', { audioMuted: true }), person('b')]);
  expect(roster.apply({ type: 'participant-left', id: 'a' })).toBe(true);
  expect(roster.apply({ type: 'participant-left', id: 'a' })).toBe(false);
  expect(roster.participants).toEqual([person('b')]);
});

test('roster_hides_our_own_ghost', () => {
  const roster = new Roster(new Set(['me-before']));
  roster.apply(joined([person('me-before'), person('a')]));
  expect(roster.apply({ type: 'participant-updated', participant: person('me-before') })).toBe(false);
  expect(roster.participants.map(({ id }) => id)).toEqual(['a']);
});

test('a crowd of watchers is a number', () => {
  const roster = new Roster();
  roster.apply(joined([], 7));
  expect(roster.audience).toBe(7);
  expect(roster.apply({ type: 'audience', count: 8 })).toBe(true);
  expect(roster.audience).toBe(8);
});
