import { useEffect, useRef, useState } from 'react';
import { observeView, type SeenView } from '../../client';

interface Props {
  track: MediaStreamTrack;
  label: string;
  mirrored?: boolean;
  /** Show all of it (a screen) instead of filling the tile (a face). */
  whole?: boolean;
  onFirstFrame?: () => void;
  /** How large it is drawn, and whether it can be seen. */
  onView?: (view: SeenView) => void;
}

/**
 * The picture of one track. Always silent: sound has elements of its own, so that a browser that forbids sound
 * still shows pictures. Invisible until there is a frame.
 */
export function VideoTrack({ track, label, mirrored = false, whole = false, onFirstFrame, onView }: Props) {
  const ref = useRef<HTMLVideoElement>(null);
  const [isShown, setShown] = useState(false);
  const firstFrame = useRef(onFirstFrame);
  firstFrame.current = onFirstFrame;

  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    const show = () => {
      setShown(true);
      firstFrame.current?.();
    };
    setShown(false);
    video.srcObject = new MediaStream([track]);
    const cancel = onNextFrame(video, show);
    void video.play().catch(() => undefined);
    return () => {
      cancel();
      video.srcObject = null;
    };
  }, [track]);

  useEffect(() => {
    if (!ref.current || !onView) return;
    return observeView(ref.current, onView);
  }, [onView]);

  const className = ['video', isShown && 'video-shown', mirrored && 'video-mirrored', whole && 'video-whole'];
  return (
    <video ref={ref} className={className.filter(Boolean).join(' ')} aria-label={label} muted autoPlay playsInline />
  );
}

/** Calls back once with the next frame that is on the screen. */
function onNextFrame(video: HTMLVideoElement, shown: () => void): () => void {
  if ('requestVideoFrameCallback' in video) {
    const handle = video.requestVideoFrameCallback(shown);
    return () => video.cancelVideoFrameCallback(handle);
  }
  const element = video as HTMLVideoElement;
  element.addEventListener('loadeddata', shown, { once: true });
  return () => element.removeEventListener('loadeddata', shown);
}
