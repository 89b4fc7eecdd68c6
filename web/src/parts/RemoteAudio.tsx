import { useEffect, useRef } from 'react';
import type { RemoteStream } from '../../client';
import { canChooseSpeaker, type AudioOutput } from '../hooks/use-audio-output';

/** Plays all received sound; has no visible part. */
export function RemoteAudio({
  streams,
  output,
  volume = 1,
}: {
  streams: readonly RemoteStream[];
  output: AudioOutput;
  volume?: number;
}) {
  return (
    <>
      {streams.map(({ id, audio }) => audio && <AudioTrack key={id} track={audio} output={output} volume={volume} />)}
    </>
  );
}

function AudioTrack({ track, output, volume }: { track: MediaStreamTrack; output: AudioOutput; volume: number }) {
  const ref = useRef<HTMLAudioElement>(null);
  const { speakerId, attempt, reportBlocked } = output;

  useEffect(() => {
    if (ref.current) ref.current.srcObject = new MediaStream([track]);
  }, [track]);

  useEffect(() => {
    ref.current?.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') reportBlocked();
    });
  }, [track, attempt, reportBlocked]);

  useEffect(() => {
    // The speaker has been removed: the default one plays on.
    if (canChooseSpeaker) ref.current?.setSinkId(speakerId).catch(() => undefined);
  }, [speakerId]);

  useEffect(() => {
    if (ref.current) ref.current.volume = volume;
  }, [volume]);

  return <audio ref={ref} />;
}
