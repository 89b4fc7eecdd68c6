import { NAME_LENGTH, ROOM_LENGTH, type Codec, type Role } from '../../client';

/** The parameters in the page's address. */
export interface Route {
  role: Role;
  /** null: the address names none. */
  room: string | null;
  name: string | null;
  /** Join at once, without lobby. */
  join: boolean;
  /** A small picture, for many participants on one machine. */
  small: boolean;
  codec: Codec | undefined;
  /** The token for a room that requires one. */
  token: string | undefined;
}

const CODECS: readonly string[] = ['vp8', 'vp9', 'h264', 'av1'] satisfies Codec[];

/** `/`, `/stream`, `/watch` with `?room= &name= &join &video=small &codec= &token=`. */
export function parseRoute(pathname: string, search: string): Route {
  const query = new URLSearchParams(search);
  const path = pathname.replace(/\/+$/, '');
  const codec = query.get('codec')?.toLowerCase() ?? '';
  return {
    role: path === '/stream' ? 'stream' : path === '/watch' ? 'watch' : 'call',
    room: cleanName(query.get('room') ?? '', ROOM_LENGTH) || null,
    name: cleanName(query.get('name') ?? '', NAME_LENGTH) || null,
    join: query.has('join'),
    small: query.get('video') === 'small',
    codec: CODECS.includes(codec) ? (codec as Codec) : undefined,
    token: query.get('token') || undefined,
  };
}

const PATHS: Record<Role, string> = { call: '/', stream: '/stream', watch: '/watch' };

/** Address to send to others. */
export function roomLink(origin: string, role: Role, room: string): string {
  return `${origin}${PATHS[role]}?room=${encodeURIComponent(room)}`;
}

/** One line, no outer blanks, cut to the server's limit (in characters, not in UTF-16 units). */
export function cleanName(text: string, length: number): string {
  return Array.from(text.replace(/\s+/g, ' ').trim()).slice(0, length).join('').trim();
}
