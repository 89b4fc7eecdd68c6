import { HIDDEN_DELAY } from './limits';
import { viewOfSize, type View } from './views';

/** The part of a view that an element shows. */
export type SeenView = Pick<View, 'width' | 'height' | 'visible'>;

/**
 * Watches how large a video element is drawn and whether anybody can see it, for `Call.show`; returns the function that stops
 * it. The first report comes after the next layout. It counts as not visible when it is scrolled away, when another element
 * is in full screen, and when the page has been hidden for `HIDDEN_DELAY`, unless it floats above other windows
 * (picture-in-picture; that of Firefox cannot be noticed).
 *
 * Timer: the page has been hidden for long enough.
 */
export function observeView(video: HTMLVideoElement, changed: (view: SeenView) => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  let isInSight: boolean | null = null;
  let isAway = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const report = () => {
    // The browser tells it soon; a picture must not be cancelled before that.
    if (isInSight === null) return;
    const visible = isFloating(video) || (isInSight && !isAway && !isCovered(video));
    changed({ ...drawnSize(video), visible });
  };
  const away = () => {
    isAway = true;
    report();
  };
  const pageChanged = () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = setTimeout(away, HIDDEN_DELAY);
    } else {
      isAway = false;
      report();
    }
  };

  const sight = new IntersectionObserver((entries) => {
    isInSight = entries.at(-1)!.isIntersecting;
    report();
  });
  const size = new ResizeObserver(report);
  sight.observe(video);
  size.observe(video);
  document.addEventListener('visibilitychange', pageChanged, { signal });
  document.addEventListener('fullscreenchange', report, { signal });
  // The picture has another shape.
  video.addEventListener('resize', report, { signal });
  video.addEventListener('enterpictureinpicture', report, { signal });
  video.addEventListener('leavepictureinpicture', report, { signal });
  onDensityChange(report, signal);
  if (document.hidden) pageChanged();
  return () => {
    clearTimeout(timer);
    abort.abort();
    sight.disconnect();
    size.disconnect();
  };
}

/** The size at which the whole picture is drawn: less than its element with `contain`, more with `cover`. */
function drawnSize(video: HTMLVideoElement): Pick<View, 'width' | 'height'> {
  const { clientWidth, clientHeight, videoWidth, videoHeight } = video;
  const ratio = window.devicePixelRatio;
  if (!videoWidth || !videoHeight) return viewOfSize(clientWidth, clientHeight, ratio);
  const scales = [clientWidth / videoWidth, clientHeight / videoHeight];
  const scale = getComputedStyle(video).objectFit === 'cover' ? Math.max(...scales) : Math.min(...scales);
  return viewOfSize(videoWidth * scale, videoHeight * scale, ratio);
}

function isFloating(video: HTMLVideoElement): boolean {
  return document.pictureInPictureElement === video;
}

function isCovered(video: HTMLVideoElement): boolean {
  return document.fullscreenElement?.contains(video) === false;
}

/** The window came to another monitor, or was zoomed. A query tells only the change from one density. */
function onDensityChange(changed: () => void, signal: AbortSignal): void {
  const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  const next = () => {
    changed();
    onDensityChange(changed, signal);
  };
  query.addEventListener('change', next, { once: true, signal });
}
