import { useEffect, useState } from 'react';
import { listDevices } from '../../client';

/** Devices that the browser names; looked up again when one comes or goes, and when `hint` changes. */
export function useDevices(hint: unknown): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    let current = true;
    const refresh = () => {
      void listDevices().then((list) => {
        if (current) setDevices(list);
      });
    };
    refresh();
    navigator.mediaDevices?.addEventListener('devicechange', refresh);
    return () => {
      current = false;
      navigator.mediaDevices?.removeEventListener('devicechange', refresh);
    };
  }, [hint]);
  return devices;
}
