/** The messages of docs/signaling.md. */
import type { ServerTimeline, TimelineEntry } from './timeline';
import type { SentView } from './views';

export type Role = 'call' | 'stream' | 'watch';
export type Source = 'microphone' | 'camera' | 'screen' | 'screen-audio';
export type Codec = 'vp8' | 'vp9' | 'h264' | 'av1';

export interface Participant {
  id: string;
  name: string;
  role: Role;
  audioMuted: boolean;
  videoMuted: boolean;
}

/** The owner of a MediaStream in a server's offer. */
export interface StreamOwner {
  id: string;
  participant: string;
  sources: Source[];
}

/** In which form the server sends a picture, and why: by the line, by the client's view, by its publisher, by a limit. */
export interface Viewing {
  state: 'whole' | 'reduced' | 'paused';
  reason: 'bandwidth' | 'hidden' | 'publisher' | 'limit' | null;
  /** Of the picture that is sent; 0: not known. */
  width: number;
  height: number;
  fps: number;
}

export const WHOLE_VIEWING: Viewing = { state: 'whole', reason: null, width: 0, height: 0, fps: 0 };

/** The server's estimate of the line to this client, in bit/s. */
export interface LineEstimate {
  bps: number;
  /** What this client acknowledged lately. */
  acknowledged: number;
  /** What bounds it; null: unknown. */
  cause: 'start' | 'rises' | 'delay' | 'loss' | 'silence' | 'remb' | 'queue' | null;
}

export type ClientMessage =
  | { type: 'join-room'; room?: string; name?: string; role?: Role; codec?: Codec; token?: string; resume: true }
  | { type: 'resume'; token: string }
  | { type: 'turn' }
  | { type: 'offer'; sdp: string; sources: Record<string, Source> }
  | { type: 'answer'; sdp: string }
  | { type: 'ice-candidate'; candidate: string }
  | { type: 'mute'; audio: boolean; video: boolean }
  | { type: 'view'; tracks: Record<string, SentView> }
  | { type: 'timeline' }
  | { type: 'leave' }
  | { type: 'ping' };

export type ServerMessage =
  | { type: 'answer'; sdp: string }
  | { type: 'offer'; sdp: string; streams: StreamOwner[] }
  | { type: 'candidate'; candidate: string }
  | { type: 'stun-candidate'; stunCandidate: string }
  | { type: 'pong' }
  | {
      type: 'joined';
      room: string;
      participants: Participant[];
      audience: number;
      version: string;
      /** The token for `resume`; empty with a server that does not support it. */
      resume: string;
      /** The address that this client's WebSocket comes from. */
      address: string;
      /** A second port of the server that answers plain STUN; null without. */
      probePort: number | null;
    }
  | { type: 'resumed'; participants: Participant[]; audience: number; resume: string; address: string }
  | { type: 'turn'; iceServers: RTCIceServer[] }
  | { type: 'path'; address: string; port: number; protocol: 'udp' | 'tcp'; reason: string; changes: number }
  | { type: 'restart-ice' }
  | { type: 'track-stalled'; participant: string; source: string }
  | { type: 'track-unsupported'; participant: string; source: string; codec: string }
  | { type: 'viewing'; tracks: (Viewing & { mid: string })[]; line: LineEstimate | null }
  | { type: 'timeline'; timeline: ServerTimeline }
  | { type: 'participant-joined'; participant: Participant }
  | { type: 'participant-updated'; participant: Participant }
  | { type: 'participant-left'; id: string }
  | { type: 'audience'; count: number }
  | { type: 'error'; code: string; message: string }
  | { type: 'bye'; reason: string; message: string };

type Fields = Record<string, unknown>;

/** Reads a frame of the server; null if it is no message, or of an unknown type. */
export function parseServerMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const type = value.type;
  switch (type) {
    case 'answer':
      return typeof value.sdp === 'string' ? { type, sdp: value.sdp } : null;
    case 'offer':
      return typeof value.sdp === 'string' ? { type, sdp: value.sdp, streams: list(value.streams, streamOwner) } : null;
    case 'candidate':
      return typeof value.candidate === 'string' ? { type, candidate: value.candidate } : null;
    case 'stun-candidate':
      return typeof value.stunCandidate === 'string' ? { type, stunCandidate: value.stunCandidate } : null;
    case 'pong':
      return { type };
    case 'joined':
      return {
        type,
        room: string(value.room),
        participants: list(value.participants, participant),
        audience: count(value.audience),
        version: string(value.version),
        resume: string(value.resume),
        address: string(value.address),
        probePort: count(value.probePort) || null,
      };
    case 'restart-ice':
      return { type };
    case 'track-stalled':
      return { type, participant: string(value.participant), source: string(value.source) };
    case 'track-unsupported':
      return { type, participant: string(value.participant), source: string(value.source), codec: string(value.codec) };
    case 'resumed':
      return {
        type,
        participants: list(value.participants, participant),
        audience: count(value.audience),
        resume: string(value.resume),
        address: string(value.address),
      };
    case 'turn':
      return { type, iceServers: list(value.iceServers, iceServer) };
    case 'path':
      if (typeof value.address !== 'string' || typeof value.port !== 'number') return null;
      return {
        type,
        address: value.address,
        port: value.port,
        protocol: value.protocol === 'tcp' ? 'tcp' : 'udp',
        reason: string(value.reason),
        changes: count(value.changes),
      };
    case 'viewing':
      return { type, tracks: list(value.tracks, viewing), line: lineEstimate(value.line) };
    case 'timeline': {
      const timeline = isObject(value.timeline) ? value.timeline : {};
      const { startedAt } = timeline;
      return typeof startedAt === 'number'
        ? { type, timeline: { startedAt, events: list(timeline.events, timelineEntry) } }
        : null;
    }
    case 'participant-joined':
    case 'participant-updated': {
      const who = participant(value.participant);
      return who && { type, participant: who };
    }
    case 'participant-left':
      return typeof value.id === 'string' ? { type, id: value.id } : null;
    case 'audience':
      return { type, count: count(value.count) };
    case 'error':
      return { type, code: string(value.code), message: string(value.message) };
    case 'bye':
      return { type, reason: string(value.reason), message: string(value.message) };
    default:
      return null;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.floor(value) : 0;
}

function list<T>(value: unknown, read: (item: unknown) => T | null): T[] {
  return Array.isArray(value) ? value.map(read).filter((item) => item !== null) : [];
}

function iceServer(value: unknown): RTCIceServer | null {
  if (!isObject(value)) return null;
  const urls = list(Array.isArray(value.urls) ? value.urls : [value.urls], (url) =>
    typeof url === 'string' ? url : null,
  );
  return urls.length > 0 ? { urls, username: string(value.username), credential: string(value.credential) } : null;
}

function timelineEntry(value: unknown): TimelineEntry | null {
  if (!isObject(value) || typeof value.at !== 'number' || typeof value.event !== 'string') return null;
  return { ...value, at: value.at, event: value.event };
}

const STATES: readonly unknown[] = ['whole', 'reduced', 'paused'] satisfies Viewing['state'][];
const REASONS: readonly unknown[] = ['bandwidth', 'hidden', 'publisher', 'limit'] satisfies Viewing['reason'][];
const CAUSES: readonly unknown[] = [
  'start',
  'rises',
  'delay',
  'loss',
  'silence',
  'remb',
  'queue',
] satisfies LineEstimate['cause'][];

/** Null for a state of a later version: the last one stays. */
function viewing(value: unknown): (Viewing & { mid: string }) | null {
  if (!isObject(value) || typeof value.mid !== 'string' || !STATES.includes(value.state)) return null;
  return {
    mid: value.mid,
    state: value.state as Viewing['state'],
    reason: REASONS.includes(value.reason) ? (value.reason as Viewing['reason']) : null,
    width: count(value.width),
    height: count(value.height),
    fps: count(value.fps),
  };
}

function lineEstimate(value: unknown): LineEstimate | null {
  if (!isObject(value) || typeof value.bps !== 'number') return null;
  const cause = CAUSES.includes(value.cause) ? (value.cause as LineEstimate['cause']) : null;
  return { bps: count(value.bps), acknowledged: count(value.acknowledged), cause };
}

function participant(value: unknown): Participant | null {
  if (!isObject(value) || typeof value.id !== 'string') return null;
  const role = value.role === 'stream' || value.role === 'watch' ? value.role : 'call';
  return {
    id: value.id,
    name: string(value.name),
    role,
    audioMuted: value.audioMuted === true,
    videoMuted: value.videoMuted === true,
  };
}

const SOURCES: readonly unknown[] = ['microphone', 'camera', 'screen', 'screen-audio'] satisfies Source[];

function streamOwner(value: unknown): StreamOwner | null {
  if (!isObject(value) || typeof value.id !== 'string') return null;
  const isSource = (item: unknown): item is Source => SOURCES.includes(item);
  return {
    id: value.id,
    participant: string(value.participant),
    sources: Array.isArray(value.sources) ? value.sources.filter(isSource) : [],
  };
}
