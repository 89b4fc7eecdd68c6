import { canShareScreen, type LocalMedia } from '../../client';
import { useLocalMedia } from '../hooks/use-local-media';
import { RoundButton } from './RoundButton';

/** Starts and stops sharing the screen; absent where the browser cannot. */
export function ScreenButton({ media, tell }: { media: LocalMedia; tell(text: string): void }) {
  const { screen } = useLocalMedia(media);
  if (!canShareScreen()) return null;
  const toggle = () => {
    if (screen) media.stopScreen();
    else media.shareScreen().catch(() => tell('The screen could not be shared'));
  };
  return (
    <RoundButton
      icon="screen"
      label={screen ? 'Stop sharing your screen' : 'Share your screen'}
      look={screen ? 'active' : 'plain'}
      pressed={screen !== null}
      onClick={toggle}
    />
  );
}
