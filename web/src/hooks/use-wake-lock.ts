import { useEffect } from 'react';

/** Keeps the screen on while the page is in view, where the browser can: nobody touches a phone during a call. */
export function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let current = true;
    // The browser releases the lock whenever the page is hidden.
    const take = async () => {
      if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
      try {
        const next = await navigator.wakeLock.request('screen');
        if (current) lock = next;
        else void next.release();
      } catch {
        // A battery that is low: the system decides.
      }
    };
    const look = () => void take();
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      current = false;
      document.removeEventListener('visibilitychange', look);
      void lock?.release();
    };
  }, []);
}
