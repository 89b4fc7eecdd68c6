import type { ReactNode } from 'react';

const SLASH = <path d="M4 4l16 16" />;
const MICROPHONE = (
  <>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </>
);
const CAMERA = (
  <>
    <rect x="3" y="6.5" width="12" height="11" rx="2.5" />
    <path d="M15 10.8l4.1-2.7a.9.9 0 0 1 1.4.75v6.3a.9.9 0 0 1-1.4.75L15 13.2" />
  </>
);

const SHAPES = {
  microphone: MICROPHONE,
  'microphone-off': (
    <>
      {MICROPHONE}
      {SLASH}
    </>
  ),
  camera: CAMERA,
  'camera-off': (
    <>
      {CAMERA}
      {SLASH}
    </>
  ),
  screen: (
    <>
      <rect x="3" y="4.5" width="18" height="12" rx="2" />
      <path d="M12 13.5V8M9.4 10.2L12 7.6l2.6 2.6M8.5 20h7" />
    </>
  ),
  link: (
    <path d="M10.5 13.5a4 4 0 0 0 5.7 0l2.8-2.8a4 4 0 0 0-5.7-5.7l-.9.9M13.5 10.5a4 4 0 0 0-5.7 0L5 13.3A4 4 0 0 0 10.7 19l.9-.9" />
  ),
  people: (
    <>
      <circle cx="9" cy="8" r="3.3" />
      <path d="M3 19.5c0-3.2 2.7-5.3 6-5.3s6 2.1 6 5.3M15.7 5a3.3 3.3 0 0 1 0 6M17.5 14.6c2.1.7 3.5 2.5 3.5 4.9" />
    </>
  ),
  network: <path d="M4.5 19v-3.5M9.5 19v-7M14.5 19V8.5M19.5 19V5" />,
  settings: <path d="M4 7h9M17 7h3M4 12h3M11 12h9M4 17h8M16 17h4M15 5v4M9 10v4M14 15v4" />,
  leave: (
    <path
      fill="currentColor"
      stroke="none"
      d="M12 8.5c-3.3 0-6.3.9-8.7 2.7-.9.6-1.3 1.7-1 2.7l.4 1.5c.2.8 1 1.3 1.8 1.1l3-.8c.6-.2 1-.7 1-1.3v-2c1.1-.3 2.3-.5 3.5-.5s2.4.2 3.5.5v2c0 .6.4 1.1 1 1.3l3 .8c.8.2 1.6-.3 1.8-1.1l.4-1.5c.3-1-.1-2.1-1-2.7-2.4-1.8-5.4-2.7-8.7-2.7z"
    />
  ),
  close: <path d="M6 6l12 12M18 6L6 18" />,
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  sound: (
    <>
      <path d="M4 9.5v5h3.3l4.7 4v-13l-4.7 4z" />
      <path d="M15.3 9a4.2 4.2 0 0 1 0 6M17.8 6.5a7.8 7.8 0 0 1 0 11" />
    </>
  ),
  'sound-off': (
    <>
      <path d="M4 9.5v5h3.3l4.7 4v-13l-4.7 4z" />
      <path d="M16 9.5l5 5M21 9.5l-5 5" />
    </>
  ),
  eye: (
    <>
      <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z" />
      <circle cx="12" cy="12" r="2.8" />
    </>
  ),
  live: (
    <>
      <circle cx="12" cy="12" r="2.2" />
      <path d="M8 16a5.7 5.7 0 0 1 0-8M16 8a5.7 5.7 0 0 1 0 8M5.2 18.8a9.6 9.6 0 0 1 0-13.6M18.8 5.2a9.6 9.6 0 0 1 0 13.6" />
    </>
  ),
  warning: (
    <>
      <path d="M12 4.2l8.6 14.9a.6.6 0 0 1-.5.9H3.9a.6.6 0 0 1-.5-.9z" />
      <path d="M12 10v4.5M12 17.3v.1" />
    </>
  ),
  download: <path d="M12 4v11M7.5 10.8L12 15.3l4.5-4.5M4.5 19.5h15" />,
  pause: <path d="M8.5 5.5v13M15.5 5.5v13" />,
  pin: <path d="M9 4h6M10 4l-.5 6.5L6.5 14h11l-3-3.5L14 4M12 14v6.5" />,
  grid: (
    <>
      <rect x="4" y="5" width="7" height="6" rx="1.5" />
      <rect x="13" y="5" width="7" height="6" rx="1.5" />
      <rect x="4" y="13" width="7" height="6" rx="1.5" />
      <rect x="13" y="13" width="7" height="6" rx="1.5" />
    </>
  ),
  speaker: (
    <>
      <rect x="3.5" y="5" width="12" height="14" rx="2" />
      <path d="M19 6h1.5M19 12h1.5M19 18h1.5" />
    </>
  ),
  expand: <path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

/** A line drawing in the colour of the text. Screen readers skip it: the control around it has the label. */
export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {SHAPES[name]}
    </svg>
  );
}
