import type { Scene } from './crowd';

/** How pictures are arranged: all alike, or who speaks large and the others beside. */
export type Layout = 'grid' | 'speaker';

export interface Attention {
  layout: Layout;
  /** Key of the scene that this user wants to see large. */
  pinned: string | null;
  /** Who spoke last, of the others. */
  speaker: string | null;
}

/** The scene that is shown large: the pinned one, else the newest screen, else who speaks; null: all alike. */
export function stageOf(scenes: readonly Scene[], { layout, pinned, speaker }: Attention): Scene | null {
  const chosen = scenes.find(({ key }) => key === pinned) ?? scenes.findLast(({ kind }) => kind === 'screen');
  if (chosen || layout === 'grid') return chosen ?? null;
  const others = scenes.filter(({ isSelf }) => !isSelf);
  return others.find(({ participant }) => participant === speaker) ?? others[0] ?? null;
}

/** Who is looked at next: whoever spoke last keeps the stage until somebody else speaks and he does not. */
export function nextSpeaker(before: string | null, speakers: ReadonlySet<string>): string | null {
  if (before !== null && speakers.has(before)) return before;
  for (const id of speakers) if (id !== '') return id;
  return before;
}
