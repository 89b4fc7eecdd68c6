import { useEffect } from 'react';
import type { LocalMedia } from '../../client';
import { useLocalMedia } from '../hooks/use-local-media';
import { RoundButton } from './RoundButton';

/** Microphone and camera on and off, with the keys M and V too. */
export function DeviceButtons({ media }: { media: LocalMedia }) {
  const { microphone, camera } = useLocalMedia(media);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.closest('input, select, textarea');
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.key === 'm') void media.setMicrophone(!media.microphone.on);
      if (event.key === 'v') void media.setCamera(!media.camera.on);
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [media]);
  return (
    <>
      <RoundButton
        icon={microphone.on ? 'microphone' : 'microphone-off'}
        label={microphone.on ? 'Turn microphone off' : 'Turn microphone on'}
        look={microphone.on ? 'plain' : 'off'}
        shortcut="m"
        onClick={() => void media.setMicrophone(!microphone.on)}
      />
      <RoundButton
        icon={camera.on ? 'camera' : 'camera-off'}
        label={camera.on ? 'Turn camera off' : 'Turn camera on'}
        look={camera.on ? 'plain' : 'off'}
        shortcut="v"
        onClick={() => void media.setCamera(!camera.on)}
      />
    </>
  );
}
