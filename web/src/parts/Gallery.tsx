import type { CSSProperties, ReactNode } from 'react';
import type { View } from '../../client';
import type { AttentionControl } from '../hooks/use-attention';
import { useSize } from '../hooks/use-size';
import type { Scene } from '../model/crowd';
import { gridShape } from '../model/grid';
import { stageOf } from '../model/stage';
import { Tile } from './Tile';

const GAP = 10;
/** Below this width tiles are illegible: then the gallery scrolls. */
const SMALLEST = 110;

interface Props {
  scenes: readonly Scene[];
  speakers: ReadonlySet<string>;
  onRemoteFrame: () => void;
  /** Tells the server how this page shows a picture of another participant. */
  show?: (track: MediaStreamTrack, view: View) => void;
  /** Ids of participants from whom no media arrives. */
  silent?: ReadonlySet<string>;
  /** The scene that this user wants to see large; without it the user cannot choose. */
  attention?: AttentionControl;
  /** Show whole pictures: an audience must see what the streamer shows. */
  whole?: boolean;
}

const NOBODY: ReadonlySet<string> = new Set();
const NO_CHOICE = { layout: 'grid', pinned: null, speaker: null } as const;

/** All scenes, as large as fits. A scene on the stage is large, and the others are in a row beside it. */
export function Gallery({ scenes, speakers, onRemoteFrame, show, silent = NOBODY, attention, whole = false }: Props) {
  const tile = (scene: Scene) => (
    <Tile
      key={scene.key}
      scene={scene}
      whole={whole}
      isSpeaking={scene.kind === 'camera' && speakers.has(scene.participant)}
      isSilent={scene.kind === 'camera' && !scene.isSelf && silent.has(scene.participant)}
      {...(scene.isSelf ? {} : { onFirstFrame: onRemoteFrame, show })}
      {...(attention && scenes.length > 1
        ? { isPinned: attention.pinned === scene.key, onPin: () => attention.pin(scene.key) }
        : {})}
    />
  );
  const stage = stageOf(scenes, attention ?? NO_CHOICE);
  if (stage) {
    const others = scenes.filter((scene) => scene !== stage);
    return (
      <div className="stage">
        <div className="stage-main">{tile(stage)}</div>
        {others.length > 0 && (
          <div className="stage-strip" role="group" aria-label="Participants">
            {others.map(tile)}
          </div>
        )}
      </div>
    );
  }
  return (
    <Grid count={scenes.length} whole={whole}>
      {scenes.map(tile)}
    </Grid>
  );
}

function Grid({ count, whole, children }: { count: number; whole: boolean; children: ReactNode }) {
  const [ref, { width, height }] = useSize<HTMLDivElement>();
  const shape = gridShape(width, height, count, GAP, whole);
  const isCrowded = shape.width < SMALLEST;
  const tileWidth = isCrowded ? Math.min(SMALLEST, width) : shape.width;
  const tileHeight = isCrowded ? Math.round(tileWidth * 0.75) : shape.height;
  const columns = isCrowded ? Math.max(1, Math.floor((width + GAP) / (tileWidth + GAP))) : shape.columns;
  const style = {
    '--gap': `${GAP}px`,
    '--tile-width': `${tileWidth}px`,
    '--tile-height': `${tileHeight}px`,
    maxWidth: columns * (tileWidth + GAP) - GAP,
  } as CSSProperties;
  return (
    <div ref={ref} className="grid" role="group" aria-label="Participants">
      <div className="grid-tiles" style={style}>
        {children}
      </div>
    </div>
  );
}
