import type { Scene } from '../model/crowd';
import { Avatar } from './Avatar';
import { Icon } from './Icon';
import { VideoTrack } from './VideoTrack';

interface Props {
  scene: Scene;
  isSpeaking?: boolean;
  whole?: boolean;
  onFirstFrame?: () => void;
}

/** One participant or one screen. */
export function Tile({ scene, isSpeaking = false, whole = false, onFirstFrame }: Props) {
  const { name, isSelf, kind, video, audioMuted } = scene;
  const isScreen = kind === 'screen';
  const caption = isScreen ? `${name}’s screen` : isSelf ? `${name} (you)` : name;
  const classes = ['tile', isScreen && 'tile-screen', isSpeaking && !audioMuted && 'tile-speaking'].filter(Boolean);
  return (
    <figure className={classes.join(' ')} data-participant={scene.participant} data-kind={kind}>
      {isScreen ? <Icon name="screen" size={48} /> : <Avatar name={name} />}
      {video && (
        <VideoTrack
          track={video}
          label={caption}
          mirrored={isSelf && !isScreen}
          whole={whole || isScreen}
          {...(onFirstFrame ? { onFirstFrame } : {})}
        />
      )}
      <figcaption className="tile-caption">
        {audioMuted && (
          <span className="tile-muted" role="img" aria-label="Microphone is off" title="Microphone is off">
            <Icon name="microphone-off" size={15} />
          </span>
        )}
        {isScreen && <Icon name="screen" size={15} />}
        <span className="tile-name">{caption}</span>
      </figcaption>
    </figure>
  );
}
