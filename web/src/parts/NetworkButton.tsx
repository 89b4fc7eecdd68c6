import type { Quality } from '../model/quality';
import { RoundButton } from './RoundButton';

/** Opens the network card; has a mark while the card reports a problem. */
export function NetworkButton({ quality, pressed, onClick }: { quality: Quality; pressed: boolean; onClick(): void }) {
  return (
    <RoundButton
      icon="network"
      label="Network"
      pressed={pressed}
      onClick={onClick}
      alert={quality.isWeak ? 'Your connection is weak' : undefined}
    />
  );
}
