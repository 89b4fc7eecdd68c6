import type { Call, PictureQuality } from '../../client';
import { useCall } from '../hooks/use-call';
import { choosePictures, PICTURE_CHOICES } from '../model/pictures';

/** Which pictures this user wants to receive. */
export function PictureChoice({ call }: { call: Call }) {
  const { pictures } = useCall(call);
  return (
    <fieldset className="choices">
      <legend>Pictures you receive</legend>
      {(Object.keys(PICTURE_CHOICES) as PictureQuality[]).map((choice) => (
        <label key={choice} className="choice">
          <input
            type="radio"
            name="pictures"
            value={choice}
            checked={pictures === choice}
            aria-label={PICTURE_CHOICES[choice].name}
            aria-describedby={`pictures-${choice}`}
            onChange={() => choosePictures(call, choice)}
          />
          <span className="choice-name">{PICTURE_CHOICES[choice].name}</span>
          <span className="choice-help" id={`pictures-${choice}`}>
            {PICTURE_CHOICES[choice].help}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
