import { useCallback, useEffect, useRef, useState } from 'react';
import type { CallSnapshot } from '../../client';
import { NAMELESS } from '../model/crowd';

export interface Toast {
  id: number;
  text: string;
}

const SHOWN_FOR = 3_500;
const AT_ONCE = 3;

/** Short messages that go away by themselves. */
export function useToasts(): [Toast[], (text: string) => void] {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const nextId = useRef(0);
  const show = useCallback((text: string) => {
    const id = nextId.current++;
    setToasts((before) => [...before, { id, text }].slice(-AT_ONCE));
    setTimeout(() => setToasts((before) => before.filter((toast) => toast.id !== id)), SHOWN_FOR);
  }, []);
  return [toasts, show];
}

/** Announces joining and leaving participants; not those present before this user, and not after a reconnect. */
export function useArrivals({ state, peerId, participants }: CallSnapshot, show: (text: string) => void): void {
  const known = useRef<{ peerId: string; names: Map<string, string> } | null>(null);
  useEffect(() => {
    if (state !== 'connected') return;
    const names = new Map(
      participants.filter(({ role }) => role !== 'watch').map(({ id, name }) => [id, name || NAMELESS]),
    );
    if (known.current?.peerId === peerId) {
      for (const [id, name] of names) if (!known.current.names.has(id)) show(`${name} joined`);
      for (const [id, name] of known.current.names) if (!names.has(id)) show(`${name} left`);
    }
    known.current = { peerId, names };
  }, [state, peerId, participants, show]);
}
