import { useState } from 'react';
import type { Call } from '../../client';
import { useCall } from '../hooks/use-call';
import { useLocalMedia } from '../hooks/use-local-media';
import { useMutedSpeech } from '../hooks/use-muted-speech';
import { useQuality } from '../hooks/use-quality';
import { useToasts } from '../hooks/use-toasts';
import { useVisit } from '../hooks/use-visit';
import { useWakeLock } from '../hooks/use-wake-lock';
import { ownScene, watcherCount } from '../model/crowd';
import { roomLink } from '../model/route';
import type { Visit } from '../model/visit';
import { Banner } from '../parts/Banner';
import { CopyField } from '../parts/CopyField';
import { DeviceButtons } from '../parts/DeviceButtons';
import { DevicePicker } from '../parts/DevicePicker';
import { Gallery } from '../parts/Gallery';
import { NetworkButton } from '../parts/NetworkButton';
import { NetworkCard } from '../parts/NetworkCard';
import { Panel } from '../parts/Panel';
import { RoomHeader } from '../parts/RoomHeader';
import { RoundButton } from '../parts/RoundButton';
import { ScreenButton } from '../parts/ScreenButton';
import { Toasts } from '../parts/Toasts';

const NOBODY: ReadonlySet<string> = new Set();
const nothing = () => undefined;

/** The publisher of a stream. */
export function StreamPage({ visit, call }: { visit: Visit; call: Call }) {
  const { name, media } = useVisit(visit);
  const local = useLocalMedia(media);
  const snapshot = useCall(call);
  const { participants, room, state } = snapshot;
  const [toasts, tell] = useToasts();
  const quality = useQuality(call);
  useMutedSpeech(local.microphone, tell);
  useWakeLock();
  const [panel, setPanel] = useState<'network' | 'devices' | null>(null);
  const toggle = (which: 'network' | 'devices') => setPanel(panel === which ? null : which);
  // Participants of a call in this room see the stream too.
  const viewers = watcherCount(snapshot) + participants.filter(({ role }) => role === 'call').length;
  const self = ownScene(local, name);
  const scenes = local.screen
    ? [{ ...self, key: 'self-screen', kind: 'screen' as const, video: local.screen.video, audioMuted: false }, self]
    : [self];

  return (
    <div className="room dark">
      <RoomHeader room={room} status={viewers === 1 ? '1 viewer' : `${viewers} viewers`}>
        <span className={state === 'connected' ? 'live live-on' : 'live'} role="status">
          {state === 'connected' ? 'Live' : 'Not live'}
        </span>
        <NetworkButton quality={quality} pressed={panel === 'network'} onClick={() => toggle('network')} />
      </RoomHeader>
      <main className="room-main">
        <div className="room-view">
          <Gallery scenes={scenes} speakers={NOBODY} onRemoteFrame={nothing} whole />
          <Banner call={call} />
          <Toasts toasts={toasts} />
        </div>
        {panel === 'network' && (
          <Panel title="Network" onClose={() => setPanel(null)}>
            <NetworkCard call={call} />
          </Panel>
        )}
        {panel === 'devices' && (
          <Panel title="Devices" onClose={() => setPanel(null)}>
            <DevicePicker media={media} />
          </Panel>
        )}
      </main>
      <div className="viewer-link">
        <span>Viewer link</span>
        <CopyField label="Viewer link" link={roomLink(location.origin, 'watch', room)} />
      </div>
      <footer className="controls" role="toolbar" aria-label="Stream controls">
        <DeviceButtons media={media} />
        <ScreenButton media={media} tell={tell} />
        <RoundButton icon="settings" label="Devices" pressed={panel === 'devices'} onClick={() => toggle('devices')} />
        <RoundButton icon="leave" label="End the stream" look="danger" onClick={() => visit.leave()} />
      </footer>
    </div>
  );
}
