import type { CallSnapshot, DeviceProblem, LocalDevice, Role } from '../../client';

/** A sentence or two for the user, with advice. */
export interface Notice {
  title: string;
  help: string;
}

const TRY = 'You can still join without.';

/** The message about devices that did not open; null if there is none. */
export function deviceNotice(microphone: LocalDevice, camera: LocalDevice, role: Role): Notice | null {
  const { problem: mic } = microphone;
  const { problem: cam } = camera;
  const without = role === 'stream' ? 'Without, you can still share your screen.' : TRY;
  if (mic && mic === cam) return sameNotice(mic, without);
  if (cam) return singleNotice('camera', cam, without);
  if (mic) return singleNotice('microphone', mic, without);
  return null;
}

function sameNotice(problem: DeviceProblem, without: string): Notice {
  switch (problem) {
    case 'refused':
      return {
        title: 'Camera and microphone are blocked',
        help: `To allow them, click the icon left of the address, then try again. ${without}`,
      };
    case 'missing':
      return { title: 'No camera and no microphone found', help: `Plug one in and try again. ${without}` };
    case 'busy':
      return {
        title: 'Camera and microphone are in use',
        help: `Another program may hold them. Close it and try again. ${without}`,
      };
    case 'insecure':
      return {
        title: 'This address is not secure',
        help: `Browsers give camera and microphone only to pages on https:// or on localhost. Ask whoever runs this server for an https address. You can still join to watch and listen.`,
      };
    case 'failed':
      return { title: 'Camera and microphone did not start', help: `Try again, or restart the browser. ${without}` };
  }
}

function singleNotice(device: 'camera' | 'microphone', problem: DeviceProblem, without: string): Notice {
  const Device = device === 'camera' ? 'Camera' : 'Microphone';
  switch (problem) {
    case 'refused':
      return {
        title: `${Device} is blocked`,
        help: `To allow it, click the icon left of the address, then try again. ${without}`,
      };
    case 'missing':
      return { title: `No ${device} found`, help: `Plug one in and try again. ${without}` };
    case 'busy':
      return { title: `${Device} is in use`, help: `Another program may hold it. Close it and try again. ${without}` };
    case 'insecure':
    case 'failed':
      return { title: `${Device} did not start`, help: `Try again, or restart the browser. ${without}` };
  }
}

/** The message about the connection; null while it has no problem. */
export function connectionNotice({ state, trouble, failures }: CallSnapshot): Notice | null {
  if (state === 'connected' || state === 'left') return null;
  const again = state === 'reconnecting';
  switch (trouble) {
    case null:
      return again ? { title: 'Reconnecting…', help: '' } : { title: 'Connecting…', help: '' };
    case 'room-full':
      return { title: 'This room is full', help: 'You get in as soon as somebody leaves.' };
    case 'server-full':
      return { title: 'The server is full', help: 'You get in as soon as there is room.' };
    case 'unauthorized':
      return {
        title: 'This room takes an invitation',
        help: 'Yours is missing, for another room, or over. Ask for a new link.',
      };
    case 'shutdown':
      return { title: 'The server is restarting', help: 'Reconnecting…' };
    case 'media':
      return failures >= 2
        ? {
            title: 'Sound and picture do not get through',
            help: 'The server answers, but this network may block UDP to it. Trying again…',
          }
        : { title: again ? 'Connection lost' : 'That took too long', help: again ? 'Reconnecting…' : 'Trying again…' };
    case 'refused':
      return { title: 'The server did not understand this browser', help: 'Trying again…' };
    case 'peer-taken':
    case 'left':
      return { title: again ? 'Reconnecting…' : 'Connecting…', help: '' };
    case 'signaling':
      return again
        ? { title: 'Connection lost', help: navigator.onLine ? 'Reconnecting…' : 'This device is offline.' }
        : { title: 'The server does not answer', help: 'Trying again…' };
  }
}

/** Letters for an avatar. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = (word: string | undefined) => (word ? Array.from(word)[0]! : '');
  const letters = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '');
  return letters.toUpperCase() || '?';
}

/** 1 234 567 → `1.2 Mbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}
