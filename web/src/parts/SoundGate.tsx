import type { AudioOutput } from '../hooks/use-audio-output';
import { Icon } from './Icon';

/** Browsers play sound only after a click on the page: this button asks for it. */
export function SoundGate({ output }: { output: AudioOutput }) {
  if (!output.isBlocked) return null;
  return (
    <button type="button" className="button button-primary sound-gate" onClick={output.unblock}>
      <Icon name="sound" size={20} />
      Click to hear
    </button>
  );
}
