import type { LocalMedia } from '../../client';
import { canChooseSpeaker, type AudioOutput } from '../hooks/use-audio-output';
import { useDevices } from '../hooks/use-devices';
import { useLocalMedia } from '../hooks/use-local-media';
import { remember } from '../model/preferences';
import { Icon, type IconName } from './Icon';

interface Props {
  media: LocalMedia;
  /** Without it there is no speaker to choose: this page plays no sound. */
  output?: AudioOutput;
}

/** Choice of camera, microphone and speaker; only kinds of which a device exists. */
export function DevicePicker({ media, output }: Props) {
  const { microphone, camera } = useLocalMedia(media);
  const devices = useDevices(microphone.track ?? camera.track);
  const ofKind = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind);
  return (
    <div className="pickers">
      <Picker
        label="Camera"
        icon="camera"
        devices={ofKind('videoinput')}
        value={camera.track?.getSettings().deviceId ?? camera.deviceId}
        onChoose={(id) => {
          remember('camera', id);
          void media.chooseCamera(id);
        }}
      />
      <Picker
        label="Microphone"
        icon="microphone"
        devices={ofKind('audioinput')}
        value={microphone.track?.getSettings().deviceId ?? microphone.deviceId}
        onChoose={(id) => {
          remember('microphone', id);
          void media.chooseMicrophone(id);
        }}
      />
      {output && canChooseSpeaker && (
        <Picker
          label="Speaker"
          icon="sound"
          devices={ofKind('audiooutput')}
          value={output.speakerId || 'default'}
          onChoose={output.chooseSpeaker}
        />
      )}
    </div>
  );
}

interface PickerProps {
  label: string;
  icon: IconName;
  devices: readonly MediaDeviceInfo[];
  value: string | null;
  onChoose(deviceId: string): void;
}

function Picker({ label, icon, devices, value, onChoose }: PickerProps) {
  if (devices.length === 0) return null;
  const known = devices.some(({ deviceId }) => deviceId === value);
  return (
    <label className="picker">
      <Icon name={icon} size={18} />
      <span className="visually-hidden">{label}</span>
      <select value={known ? value! : devices[0]!.deviceId} onChange={(event) => onChoose(event.target.value)}>
        {devices.map(({ deviceId, label: text }) => (
          <option key={deviceId} value={deviceId}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
