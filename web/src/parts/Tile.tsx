import { useRef } from 'react';
import type { Scene } from '../model/crowd';
import { Avatar } from './Avatar';
import { Icon } from './Icon';
import { RoundButton } from './RoundButton';
import { VideoTrack } from './VideoTrack';

interface Props {
  scene: Scene;
  isSpeaking?: boolean;
  /** No media arrives although it should. */
  isSilent?: boolean;
  whole?: boolean;
  onFirstFrame?: () => void;
  isPinned?: boolean;
  /** Makes it large or small again; without it the user cannot choose. */
  onPin?: () => void;
}

/** One participant or one screen. */
export function Tile({
  scene,
  isSpeaking = false,
  isSilent = false,
  whole = false,
  onFirstFrame,
  isPinned = false,
  onPin,
}: Props) {
  const { name, isSelf, kind, video, audioMuted } = scene;
  const ref = useRef<HTMLElement>(null);
  const isScreen = kind === 'screen';
  const caption = isScreen ? `${name}’s screen` : isSelf ? `${name} (you)` : name;
  const classes = [
    'tile',
    isScreen && 'tile-screen',
    isSpeaking && !audioMuted && 'tile-speaking',
    isSilent && 'tile-silent',
  ].filter(Boolean);
  const toggleFullscreen = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void ref.current?.requestFullscreen();
  };
  return (
    <figure
      ref={ref}
      className={classes.join(' ')}
      data-participant={scene.participant}
      data-kind={kind}
      onDoubleClick={onPin}
    >
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
      {isSilent && (
        <p className="tile-trouble" role="status">
          <Icon name="network" size={16} />
          No picture arrives
        </p>
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
      {onPin && (
        <div className="tile-tools" onDoubleClick={(event) => event.stopPropagation()}>
          <RoundButton
            icon="pin"
            look="small"
            label={`${isPinned ? 'Unpin' : 'Pin'} ${caption}`}
            tip={isPinned ? 'Unpin' : 'Pin'}
            pressed={isPinned}
            onClick={onPin}
          />
          {document.fullscreenEnabled && (
            <RoundButton
              icon="expand"
              look="small"
              label={`Full screen: ${caption}`}
              tip="Full screen"
              onClick={toggleFullscreen}
            />
          )}
        </div>
      )}
    </figure>
  );
}
