/** Every duration and bound of the client on one page. Durations are in milliseconds, rates in bit/s. */

/** How often a connection looks at its clock. */
export const PULSE = 1_000;
/** A quiet connection is asked for a sign of life this often… */
export const PING_INTERVAL = 10_000;
/** …and given up when nothing at all came for this long although it was asked twice. */
export const SILENCE_LIMIT = 25_000;
/** How long a reply may take when there is a reason for doubt (the network just changed). */
export const DOUBT_LIMIT = 2_500;

/** `disconnected` often heals by itself (a Wi-Fi roam); longer than this it seldom does. */
export const DISCONNECTED_LIMIT = 5_000;
/** From the first step to a connected RTCPeerConnection. Browsers give up ICE after about 15 s. */
export const CONNECT_LIMIT = 20_000;

/** First pause before a new attempt; doubles with each failure up to `BACKOFF_CAP`. */
export const BACKOFF_FIRST = 500;
export const BACKOFF_CAP = 8_000;
/** Pause when the server said that there is no room left: asking faster does not help anybody. */
export const BACKOFF_FULL = 10_000;
/** A connection that held this long was a good one: the next failure starts with a short pause again. */
export const STABLE_AFTER = 5_000;

/** Rates in a summary are measured over at least this long. */
export const RATE_WINDOW = 1_000;

export const CAMERA_BITRATE = 2_500_000;
export const SMALL_CAMERA_BITRATE = 250_000;
export const SCREEN_BITRATE = 4_000_000;

/** What the server accepts (docs/signaling.md). */
export const ROOM_LENGTH = 64;
export const NAME_LENGTH = 64;
