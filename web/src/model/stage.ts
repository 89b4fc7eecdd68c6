import type { Scene } from './crowd';

/** The arrangement of pictures: all of one size, or the speaker large and the others beside. */
export type Layout = 'grid' | 'speaker';

export interface Attention {
  layout: Layout;
  /** Key of the scene that this user wants to see large. */
  pinned: string | null;
  /** The other participant who spoke last. */
  speaker: string | null;
}

/** The large scene: the pinned one, else the newest screen, else the speaker; null: all have one size. */
export function stageOf(scenes: readonly Scene[], { layout, pinned, speaker }: Attention): Scene | null {
  const chosen = scenes.find(({ key }) => key === pinned) ?? scenes.findLast(({ kind }) => kind === 'screen');
  if (chosen || layout === 'grid') return chosen ?? null;
  const others = scenes.filter(({ isSelf }) => !isSelf);
  return others.find(({ participant }) => participant === speaker) ?? others[0] ?? null;
}

/** The next speaker on the stage: the last one stays until another speaks while that one is silent. */
export function nextSpeaker(before: string | null, speakers: ReadonlySet<string>): string | null {
  if (before !== null && speakers.has(before)) return before;
  for (const id of speakers) if (id !== '') return id;
  return before;
}
