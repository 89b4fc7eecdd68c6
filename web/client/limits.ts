/** Every duration and limit of the client on one page. Durations are in milliseconds, rates in bit/s. */

/** Interval at which a connection checks its timers. */
export const PULSE = 1_000;
/** A silent connection sends a ping this often… */
export const PING_INTERVAL = 10_000;
/** …and counts as lost after this long without any message, in spite of two pings. */
export const SILENCE_LIMIT = 25_000;
/** Limit for a reply when the connection may be broken (the network just changed). */
export const DOUBT_LIMIT = 2_500;

/** A new socket has this long to take over from a lost one, then the next is tried after a pause. */
export const RESUME_ATTEMPT = 2_500;
export const RESUME_PAUSE = 500;
/** The server remembers a participant without socket for this long. */
export const RESUME_LIMIT = 15_000;

/** From the first step to a connected RTCPeerConnection. Browsers give up ICE after about 15 s. */
export const CONNECT_LIMIT = 20_000;

/** First pause before a new attempt; doubles with each failure up to `BACKOFF_CAP`. */
export const BACKOFF_FIRST = 500;
export const BACKOFF_CAP = 8_000;
/** Pause after an error `room-full` or `server-full`. */
export const BACKOFF_FULL = 10_000;
/** A connection that held this long was a good one: the next failure starts with a short pause again. */
export const STABLE_AFTER = 5_000;

/** A browser may give the same statistics again for this long (Chromium: 50 ms). */
export const STATS_AGE = 100;

/** Rates in a summary are measured over at least this long. */
export const RATE_WINDOW = 1_000;

export const CAMERA_BITRATE = 2_500_000;
export const SMALL_CAMERA_BITRATE = 250_000;
export const SCREEN_BITRATE = 4_000_000;

/** What the server accepts (docs/signaling.md). */
export const ROOM_LENGTH = 64;
export const NAME_LENGTH = 64;
export const VIEW_SIDE = 16_384;

/** A picture that is shown smaller, or not any more, is told after this long… */
export const VIEW_SHRINK_DELAY = 500;
/** …and two messages about pictures are at least this far apart. */
export const VIEW_INTERVAL = 200;
/** Lengths that differ by no more than this share count as equal. */
export const VIEW_SAME = 0.02;
/** A page that has been hidden for this long gets no pictures: nobody waits for their return. */
export const HIDDEN_DELAY = 5_000;

/** The most that `saver` asks for of a camera, and of a screen. */
export const SAVER_HEIGHT = 180;
export const SAVER_FPS = 15;
export const SAVER_SCREEN_FPS = 5;

/** Entries of a timeline: a busy hour of a call. */
export const TIMELINE_LENGTH = 2_000;
/** The server's part of a report may come this late. */
export const TIMELINE_LIMIT = 2_000;

/** `disconnected` may heal by itself (a lost packet or two); after this long ICE restarts. */
export const RESTART_DELAY = 1_000;
/** A restart without success in this time is followed by the next one… */
export const RESTART_PATIENCE = 3_000;
/** …until the connection has been down for this long: then the client makes a new one. */
export const RECOVERY_LIMIT = 15_000;

/** Time for direct ways from the server's answer on; then the client adds TURN. */
export const DIRECT_PATIENCE = 3_000;
/** How long the browser remembers that a network needs TURN: a day, as networks change. */
export const RELAY_MEMORY = 24 * 3_600_000;
export const RELAY_MEMORY_LENGTH = 16;
/** Time until the first check whether UDP has become possible; the next checks come at growing intervals. */
export const UDP_CHECK_FIRST = 10_000;
export const UDP_CHECK_CAP = 300_000;
/** An answer over UDP that takes longer counts as none: a call would be unusable. */
export const PROBE_LIMIT = 3_000;
/** After the first answer, the others have this long: three transmissions of STUN. */
export const PROBE_SETTLE = 1_000;
