import { useEffect, useRef } from 'react';
import { TrackLevel } from '../../client';

/** A bar that moves with the voice. Drawn without React: it changes with every frame of the screen. */
export function LevelMeter({ track }: { track: MediaStreamTrack }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const level = new TrackLevel(track);
    let shown = 0;
    let frame = 0;
    const draw = () => {
      // Logarithmic, as hearing is: -50 dB is empty, -5 dB full. Falls slower than it rises, or it would flicker.
      const decibel = 20 * Math.log10(Math.max(1e-4, level.read()));
      const target = Math.min(1, Math.max(0, (decibel + 50) / 45));
      shown = target > shown ? target : shown * 0.92;
      if (bar.current) bar.current.style.transform = `scaleX(${shown.toFixed(3)})`;
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      level.close();
    };
  }, [track]);
  return (
    <span className="meter" role="img" aria-label="Microphone level">
      <span ref={bar} className="meter-bar" />
    </span>
  );
}
