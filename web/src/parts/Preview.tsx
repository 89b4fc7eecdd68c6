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

/** How the others will see this user, and why perhaps not. */
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
