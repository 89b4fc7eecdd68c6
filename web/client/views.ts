import { NORMAL_QUALITY } from './capture';
import {
  SAVER_FPS,
  SAVER_HEIGHT,
  SAVER_SCREEN_FPS,
  VIEW_INTERVAL,
  VIEW_SAME,
  VIEW_SHRINK_DELAY,
  VIEW_SIDE,
} from './limits';

/** How a page shows a picture (docs/signaling.md, "Views"). */
export interface View {
  /** The size at which the whole picture is drawn, in pixels of the screen; 0: as large as it comes. */
  width: number;
  height: number;
  visible: boolean;
  /** The user chose to see this one large. */
  pinned: boolean;
  /** Frames a second that are enough; absent or 0: no bound. */
  fps?: number;
}

/**
 * - `automatic`: each picture as large as it is shown, if the line bears it
 * - `saver`: small pictures with few frames; screens legible, but slow
 * - `sound-only`: no picture
 */
export type PictureQuality = 'automatic' | 'saver' | 'sound-only';

/** A picture that the server sends now. */
export interface Picture {
  mid: string;
  track: MediaStreamTrack;
  kind: 'camera' | 'screen';
}

/** The view as the message has it: of a hidden picture nothing else counts. */
export type SentView = View | { visible: false };

const WHOLE: View = { width: 0, height: 0, visible: true, pinned: false };

/**
 * Tells the server how the page shows the pictures that it sends. A picture that becomes larger is told at once, one that
 * becomes smaller or hidden after `VIEW_SHRINK_DELAY`: a tile that is only moved must not lose its picture.
 *
 * Timer: the next look, `VIEW_INTERVAL` after the last message at the earliest, or when a picture has been smaller for long
 * enough.
 */
export class Views {
  readonly #send: (tracks: Record<string, SentView>) => void;
  readonly #shown = new WeakMap<MediaStreamTrack, View>();
  #quality: PictureQuality;
  #pictures: readonly Picture[] = [];
  /** By mid: what the server knows. A section that was told once has an entry for ever, null if it may be outdated. */
  readonly #told = new Map<string, SentView | null>();
  /** By mid: since when its view asks for less than the server knows. */
  readonly #lessSince = new Map<string, number>();
  #quietUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(quality: PictureQuality, send: (tracks: Record<string, SentView>) => void) {
    this.#quality = quality;
    this.#send = send;
  }

  /** The page shows this picture so, from now on. A picture that it never mentions comes as large as it is. */
  show(track: MediaStreamTrack, view: View): void {
    this.#shown.set(track, view);
    this.#soon();
  }

  /** The user's choice; it counts at once. */
  choose(quality: PictureQuality): void {
    this.#quality = quality;
    for (const { mid } of this.#pictures) this.#lessSince.set(mid, -Infinity);
    this.#soon();
  }

  /** All pictures that the server sends now. */
  receive(pictures: readonly Picture[]): void {
    for (const { mid } of this.#pictures) {
      // A message about a section whose picture had just ended was ignored.
      if (!pictures.some((picture) => picture.mid === mid)) this.#forget(mid);
    }
    this.#pictures = pictures;
    this.#soon();
  }

  /** The server may have missed the last messages. */
  resend(): void {
    for (const mid of this.#told.keys()) this.#forget(mid);
    this.#soon();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#pictures = [];
  }

  #forget(mid: string): void {
    if (this.#told.has(mid)) this.#told.set(mid, null);
    this.#lessSince.delete(mid);
  }

  /** Not at once: all tiles of a page change together, and make one message. */
  #soon(): void {
    this.#lookIn(Math.max(0, this.#quietUntil - performance.now()));
  }

  #lookIn(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delay);
  }

  #look(): void {
    const now = performance.now();
    const due: Record<string, SentView> = {};
    let wait = Infinity;
    for (const picture of this.#pictures) {
      const { mid } = picture;
      const view = this.#viewOf(picture);
      const told = this.#told.get(mid) ?? null;
      if (!view || (told && isSame(told, view))) {
        this.#lessSince.delete(mid);
        continue;
      }
      const delay = told && isLess(view, told) ? this.#shrinkDelay(mid, now) : 0;
      if (delay > 0) {
        wait = Math.min(wait, delay);
        continue;
      }
      this.#lessSince.delete(mid);
      this.#told.set(mid, view);
      due[mid] = view;
    }
    if (Object.keys(due).length > 0) {
      this.#quietUntil = now + VIEW_INTERVAL;
      this.#send(due);
    }
    if (wait < Infinity) this.#lookIn(wait);
  }

  #shrinkDelay(mid: string, now: number): number {
    const since = this.#lessSince.get(mid) ?? now;
    this.#lessSince.set(mid, since);
    return since + VIEW_SHRINK_DELAY - now;
  }

  /** The page's view within the user's choice; null: there is nothing to tell. */
  #viewOf({ mid, track, kind }: Picture): SentView | null {
    const shown = this.#shown.get(track);
    if (this.#quality === 'sound-only' || shown?.visible === false) return { visible: false };
    if (this.#quality === 'saver') return thrifty(shown ?? WHOLE, kind);
    if (!shown && !this.#told.has(mid)) return null;
    return { ...(shown ?? WHOLE) };
  }
}

/** Text on a screen must stay legible: only its frames are fewer. */
function thrifty(view: View, kind: Picture['kind']): View {
  if (kind === 'screen') return { ...view, fps: SAVER_SCREEN_FPS };
  const { width, height } = view.height > 0 ? view : NORMAL_QUALITY;
  const share = Math.min(1, SAVER_HEIGHT / height);
  return { ...view, width: Math.round(width * share), height: Math.round(height * share), fps: SAVER_FPS };
}

/** A view for a picture of this size in CSS pixels. */
export function viewOfSize(width: number, height: number, ratio: number): Pick<View, 'width' | 'height'> {
  const side = (length: number) => Math.min(VIEW_SIDE, Math.round(length * ratio));
  return { width: side(width), height: side(height) };
}

function isSame(a: SentView, b: SentView): boolean {
  if (!a.visible || !b.visible) return a.visible === b.visible;
  return (
    a.pinned === b.pinned &&
    (a.fps ?? 0) === (b.fps ?? 0) &&
    isSameLength(a.width, b.width) &&
    isSameLength(a.height, b.height)
  );
}

/** Layers of one picture differ by a pixel in shape, which is no change of its tile. */
function isSameLength(a: number, b: number): boolean {
  return Math.abs(a - b) <= VIEW_SAME * Math.min(a, b);
}

/** Whether `a` asks for no more than `b` in any respect. */
function isLess(a: SentView, b: SentView): boolean {
  if (!a.visible || !b.visible) return !a.visible;
  const bound = (length: number | undefined) => length || Infinity;
  return (
    a.pinned === b.pinned &&
    bound(a.width) <= bound(b.width) &&
    bound(a.height) <= bound(b.height) &&
    bound(a.fps) <= bound(b.fps)
  );
}
