import type { Call } from '../../client';
import { useCall } from '../hooks/use-call';
import { choosePictures } from '../model/pictures';

/** Reminds a user without pictures of their own choice, perhaps of an earlier visit. */
export function SoundOnly({ call }: { call: Call }) {
  if (useCall(call).pictures !== 'sound-only') return null;
  return (
    <div className="strip" role="status">
      Sound only: you get no pictures
      <button type="button" className="button" onClick={() => choosePictures(call, 'automatic')}>
        Show pictures
      </button>
    </div>
  );
}
