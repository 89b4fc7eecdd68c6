import type { AudioOutput } from '../hooks/use-audio-output';
import { Icon } from './Icon';

/** Browsers play sound only on pages that were clicked: this is the click. */
export function SoundGate({ output }: { output: AudioOutput }) {
  if (!output.isBlocked) return null;
  return (
    <button type="button" className="button button-primary sound-gate" onClick={output.unblock}>
      <Icon name="sound" size={20} />
      Click to hear
    </button>
  );
}
