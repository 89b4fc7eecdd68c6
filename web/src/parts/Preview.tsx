import type { LocalMedia, Role } from '../../client';
import { useLocalMedia } from '../hooks/use-local-media';
import { deviceNotice } from '../model/wording';
import { NAMELESS } from '../model/crowd';
import { Avatar } from './Avatar';
import { DeviceButtons } from './DeviceButtons';
import { Icon } from './Icon';
import { LevelMeter } from './LevelMeter';
import { VideoTrack } from './VideoTrack';

interface Props {
  media: LocalMedia;
  asking: boolean;
  role: Role;
  name: string;
}

/** This user's picture as the others will see it, or the reason why there is none. */
export function Preview({ media, asking, role, name }: Props) {
  const { microphone, camera } = useLocalMedia(media);
  const notice = asking ? null : deviceNotice(microphone, camera, role);
  const isInsecure = camera.problem === 'insecure';
  const retry = () => void media.open({ microphone: microphone.problem !== null, camera: camera.problem !== null });
  return (
    <>
      <div className="preview dark">
        {asking ? (
          <p className="preview-words">Please allow camera and microphone, if the browser asks.</p>
        ) : (
          <Avatar name={name || NAMELESS} />
        )}
        {camera.track && <VideoTrack track={camera.track} label="Your camera" mirrored />}
        <div className="preview-bar">
          {microphone.on && microphone.track && <LevelMeter track={microphone.track} />}
          {!isInsecure && !asking && <DeviceButtons media={media} />}
        </div>
      </div>
      {notice && (
        <div className="notice" role="alert">
          <Icon name="warning" size={20} />
          <div>
            <strong>{notice.title}</strong>
            <p>{notice.help}</p>
          </div>
          {!isInsecure && (
            <button type="button" className="button" onClick={retry}>
              Try again
            </button>
          )}
        </div>
      )}
    </>
  );
}
