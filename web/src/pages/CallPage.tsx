import { useCallback, useState } from 'react';
import type { Call, View } from '../../client';
import { useAttention } from '../hooks/use-attention';
import { useAudioOutput } from '../hooks/use-audio-output';
import { useCall } from '../hooks/use-call';
import { useLocalMedia } from '../hooks/use-local-media';
import { useMutedSpeech } from '../hooks/use-muted-speech';
import { useQuality } from '../hooks/use-quality';
import { useSpeakers } from '../hooks/use-speakers';
import { useArrivals, useToasts } from '../hooks/use-toasts';
import { useVisit } from '../hooks/use-visit';
import { useWakeLock } from '../hooks/use-wake-lock';
import { copyText } from '../model/clipboard';
import { ownScene, remoteScenes } from '../model/crowd';
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
import { PeopleList } from '../parts/PeopleList';
import { RemoteAudio } from '../parts/RemoteAudio';
import { RoomHeader } from '../parts/RoomHeader';
import { RoundButton } from '../parts/RoundButton';
import { ScreenButton } from '../parts/ScreenButton';
import { SoundGate } from '../parts/SoundGate';
import { SoundOnly } from '../parts/SoundOnly';
import { Toasts } from '../parts/Toasts';

type PanelName = 'people' | 'network' | 'devices';

/** A running call. */
export function CallPage({ visit, call }: { visit: Visit; call: Call }) {
  const { name, media } = useVisit(visit);
  const local = useLocalMedia(media);
  const snapshot = useCall(call);
  const { participants, streams, room, state } = snapshot;
  const output = useAudioOutput();
  const speakers = useSpeakers(call, local.microphone);
  const [toasts, tell] = useToasts();
  useArrivals(snapshot, tell);
  useMutedSpeech(local.microphone, tell);
  useWakeLock();
  const quality = useQuality(call);
  const attention = useAttention(speakers);
  const [panel, setPanel] = useState<PanelName | null>(null);
  const toggle = (which: PanelName) => setPanel(panel === which ? null : which);
  const close = useCallback(() => setPanel(null), []);

  const link = roomLink(location.origin, 'call', room);
  const copyLink = () => void copyText(link).then((ok) => tell(ok ? 'Link copied' : 'The browser did not let us copy'));
  const noteFrame = useCallback(() => call.noteRemoteFrame(), [call]);
  const show = useCallback((track: MediaStreamTrack, shown: View) => call.show(track, shown), [call]);
  const scenes = [...remoteScenes(snapshot), ownScene(local, name)];
  const present = participants.length + snapshot.audience + 1;
  const isGrid = attention.layout === 'grid';
  const isAlone = present === 1 && state === 'connected';

  return (
    <div className="room dark">
      <RoomHeader room={room} status={state === 'connecting' ? 'Connecting…' : countWords(present)}>
        <RoundButton icon="link" label="Copy the link of this room" onClick={copyLink} />
        <RoundButton
          icon="people"
          label={`Participants: ${present}`}
          badge={String(present)}
          pressed={panel === 'people'}
          onClick={() => toggle('people')}
        />
        {scenes.length > 1 && (
          <RoundButton
            icon={isGrid ? 'speaker' : 'grid'}
            label={isGrid ? 'Show who speaks large' : 'Show everybody alike'}
            onClick={() => attention.chooseLayout(isGrid ? 'speaker' : 'grid')}
          />
        )}
        <NetworkButton quality={quality} pressed={panel === 'network'} onClick={() => toggle('network')} />
      </RoomHeader>
      <main className="room-main">
        <div className="room-view">
          <Gallery
            scenes={scenes}
            speakers={speakers}
            onRemoteFrame={noteFrame}
            show={show}
            silent={quality.silent}
            attention={attention}
          />
          {isAlone && (
            <div className="invitation">
              <h2>Nobody else is here</h2>
              <p>Send this link to those who should join you.</p>
              <CopyField label="Link of this room" link={link} />
            </div>
          )}
          <div className="strips">
            {local.screen && (
              <div className="strip" role="status">
                You are sharing your screen
                <button type="button" className="button" onClick={() => media.stopScreen()}>
                  Stop
                </button>
              </div>
            )}
            <SoundOnly call={call} />
          </div>
          <Banner call={call} />
          <SoundGate output={output} />
          <Toasts toasts={toasts} />
        </div>
        {panel === 'people' && (
          <Panel title="Participants" onClose={close}>
            <PeopleList
              self={{ name, role: 'call', audioMuted: !local.microphone.on, videoMuted: !local.camera.on }}
              participants={participants}
              audience={snapshot.audience}
              speakers={speakers}
            />
          </Panel>
        )}
        {panel === 'network' && (
          <Panel title="Network" onClose={close}>
            <NetworkCard call={call} />
          </Panel>
        )}
        {panel === 'devices' && (
          <Panel title="Devices" onClose={close}>
            <DevicePicker media={media} output={output} />
            <p className="panel-note">
              Keys: <kbd>M</kbd> microphone, <kbd>V</kbd> camera, <kbd>Esc</kbd> closes this.
            </p>
          </Panel>
        )}
      </main>
      <footer className="controls" role="toolbar" aria-label="Call controls">
        <DeviceButtons media={media} />
        <ScreenButton media={media} tell={tell} />
        <RoundButton icon="settings" label="Devices" pressed={panel === 'devices'} onClick={() => toggle('devices')} />
        <RoundButton icon="leave" label="Leave the call" look="danger" onClick={() => visit.leave()} />
      </footer>
      <RemoteAudio streams={streams} output={output} />
    </div>
  );
}

function countWords(count: number): string {
  return count === 1 ? 'Only you' : `${count} people`;
}
