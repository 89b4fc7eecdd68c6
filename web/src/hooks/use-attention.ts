import { useCallback, useRef, useState } from 'react';
import { recall, remember } from '../model/preferences';
import { nextSpeaker, type Attention, type Layout } from '../model/stage';

export interface AttentionControl extends Attention {
  chooseLayout(layout: Layout): void;
  /** Pins this scene, or unpins it. */
  pin(key: string): void;
}

/** The scene that this user wants to see large. */
export function useAttention(speakers: ReadonlySet<string>): AttentionControl {
  const [layout, setLayout] = useState<Layout>(recall('layout') === 'speaker' ? 'speaker' : 'grid');
  const [pinned, setPinned] = useState<string | null>(null);
  const speaker = useRef<string | null>(null);
  speaker.current = nextSpeaker(speaker.current, speakers);
  const chooseLayout = useCallback((next: Layout) => {
    remember('layout', next);
    setLayout(next);
    setPinned(null);
  }, []);
  const pin = useCallback((key: string) => setPinned((before) => (before === key ? null : key)), []);
  return { layout, pinned, speaker: speaker.current, chooseLayout, pin };
}
