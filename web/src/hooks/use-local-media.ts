import { useCallback, useSyncExternalStore } from 'react';
import type { LocalDevice, LocalMedia, LocalScreen } from '../../client';

export interface LocalMediaView {
  microphone: LocalDevice;
  camera: LocalDevice;
  screen: LocalScreen | null;
}

export function useLocalMedia(media: LocalMedia): LocalMediaView {
  const subscribe = useCallback((changed: () => void) => media.on('change', changed), [media]);
  return {
    microphone: useSyncExternalStore(subscribe, () => media.microphone),
    camera: useSyncExternalStore(subscribe, () => media.camera),
    screen: useSyncExternalStore(subscribe, () => media.screen),
  };
}
