import { useCallback, useRef } from 'react';
import type { SeenView, View } from '../../client';
import type { Scene } from '../model/crowd';
import { pausedWords } from '../model/pictures';
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
  /** Tells the server how this page shows the picture. */
  show?: ((track: MediaStreamTrack, view: View) => void) | undefined;
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
  show,
  isPinned = false,
  onPin,
}: Props) {
  const { name, isSelf, kind, video, audioMuted, viewing } = scene;
  const ref = useRef<HTMLElement>(null);
  const isScreen = kind === 'screen';
  const caption = isScreen ? `${name}’s screen` : isSelf ? `${name} (you)` : name;
  const paused = video && viewing?.state === 'paused' ? viewing : null;
  const onView = useCallback(
    (seen: SeenView) => video && show?.(video, { ...seen, pinned: isPinned }),
    [video, show, isPinned],
  );
  const classes = [
    'tile',
    isScreen && 'tile-screen',
    isSpeaking && !audioMuted && 'tile-speaking',
    isSilent && 'tile-silent',
    paused && `tile-paused tile-paused-${paused.reason ?? 'unknown'}`,
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
          {...(show ? { onView } : {})}
        />
      )}
      {paused && (
        <p className="tile-trouble">
          <Icon name="pause" size={16} />
          {pausedWords(paused)}
        </p>
      )}
      {isSilent && !paused && (
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
