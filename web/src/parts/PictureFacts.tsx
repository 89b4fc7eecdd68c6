import type { CallSnapshot, CallSummary, RemoteStream } from '../../client';
import { remoteScenes } from '../model/crowd';
import { lineCause, lineWords, viewingWords } from '../model/pictures';
import { Fact, Facts } from './Facts';

/** The pictures that come, in which form and why, and what the line bears. */
export function PictureFacts({ snapshot, summary }: { snapshot: CallSnapshot; summary: CallSummary | null }) {
  const { line, streams } = snapshot;
  const cause = lineCause(line);
  const sizeOf = ({ id }: RemoteStream) => {
    const track = summary?.remote.find(({ streamId, kind }) => streamId === id && kind === 'video');
    return track?.frameWidth ? `${track.frameWidth} × ${track.frameHeight}` : '–';
  };
  return (
    <Facts title="Received pictures">
      <Fact name="Your line bears">{lineWords(line)}</Fact>
      {cause && <Fact name="Bounded by">{cause}</Fact>}
      {remoteScenes(snapshot).map(({ key, name, kind, video }) => {
        const stream = video && streams.find((candidate) => candidate.video === video);
        if (!stream) return null;
        return (
          <Fact key={key} name={kind === 'screen' ? `${name}’s screen` : name}>
            {viewingWords(stream.viewing, sizeOf(stream))}
          </Fact>
        );
      })}
    </Facts>
  );
}
