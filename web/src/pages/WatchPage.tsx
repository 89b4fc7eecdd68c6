import { useCallback, useRef, useState } from 'react';
import type { Call, LocalDevice, View } from '../../client';
import { useAttention } from '../hooks/use-attention';
import { useAudioOutput } from '../hooks/use-audio-output';
import { useCall } from '../hooks/use-call';
import { useQuality } from '../hooks/use-quality';
import { useSpeakers } from '../hooks/use-speakers';
import { useWakeLock } from '../hooks/use-wake-lock';
import { remoteScenes, watcherCount } from '../model/crowd';
import type { Visit } from '../model/visit';
import { Banner } from '../parts/Banner';
import { Gallery } from '../parts/Gallery';
import { Icon } from '../parts/Icon';
import { NetworkButton } from '../parts/NetworkButton';
import { NetworkCard } from '../parts/NetworkCard';
import { Panel } from '../parts/Panel';
import { RemoteAudio } from '../parts/RemoteAudio';
import { RoomHeader } from '../parts/RoomHeader';
import { RoundButton } from '../parts/RoundButton';
import { SoundGate } from '../parts/SoundGate';
import { SoundOnly } from '../parts/SoundOnly';

const NO_MICROPHONE: LocalDevice = { on: false, track: null, deviceId: null, problem: null };

/** A watcher of a stream. */
export function WatchPage({ visit, call }: { visit: Visit; call: Call }) {
  const snapshot = useCall(call);
  const output = useAudioOutput();
  const speakers = useSpeakers(call, NO_MICROPHONE);
  const quality = useQuality(call);
  const attention = useAttention(speakers);
  useWakeLock();
  const [isSilent, setSilent] = useState(false);
  const [isPanelOpen, setPanelOpen] = useState(false);
  const closePanel = useCallback(() => setPanelOpen(false), []);
  const noteFrame = useCallback(() => call.noteRemoteFrame(), [call]);
  const show = useCallback((track: MediaStreamTrack, shown: View) => call.show(track, shown), [call]);
  const view = useRef<HTMLDivElement>(null);
  const scenes = remoteScenes(snapshot);
  const viewers = 1 + watcherCount(snapshot);

  const toggleFullscreen = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void view.current?.requestFullscreen?.();
  };

  return (
    <div className="room dark">
      <RoomHeader room={snapshot.room} status={viewers === 1 ? '1 viewer' : `${viewers} viewers`}>
        {scenes.length > 0 && (
          <span className="live live-on" role="status">
            Live
          </span>
        )}
        <NetworkButton quality={quality} pressed={isPanelOpen} onClick={() => setPanelOpen(!isPanelOpen)} />
      </RoomHeader>
      <main className="room-main">
        <div className="room-view" ref={view}>
          {scenes.length > 0 ? (
            <Gallery
              scenes={scenes}
              speakers={speakers}
              onRemoteFrame={noteFrame}
              show={show}
              silent={quality.silent}
              attention={{ ...attention, layout: 'grid' }}
              whole
            />
          ) : (
            snapshot.state === 'connected' && <NothingYet />
          )}
          <div className="strips">
            <SoundOnly call={call} />
          </div>
          <Banner call={call} />
          <SoundGate output={output} />
        </div>
        {isPanelOpen && (
          <Panel title="Network" onClose={closePanel}>
            <NetworkCard call={call} />
          </Panel>
        )}
      </main>
      <footer className="controls" role="toolbar" aria-label="Viewer controls">
        <RoundButton
          icon={isSilent ? 'sound-off' : 'sound'}
          label={isSilent ? 'Turn sound on' : 'Turn sound off'}
          look={isSilent ? 'off' : 'plain'}
          onClick={() => setSilent(!isSilent)}
        />
        {document.fullscreenEnabled && <RoundButton icon="expand" label="Full screen" onClick={toggleFullscreen} />}
        <RoundButton icon="leave" label="Stop watching" look="danger" onClick={() => visit.leave()} />
      </footer>
      <RemoteAudio streams={snapshot.streams} output={output} volume={isSilent ? 0 : 1} />
    </div>
  );
}

function NothingYet() {
  return (
    <div className="empty">
      <Icon name="live" size={56} />
      <h2>Nobody is live yet</h2>
      <p>Stay here: the picture appears as soon as somebody starts.</p>
    </div>
  );
}
