import type { Call, LineEstimate, PictureQuality, RemoteStream, Viewing } from '../../client';
import { recall, remember } from './preferences';
import { formatRate } from './wording';

/** The choices of pictures to receive, in words. */
export const PICTURE_CHOICES: Record<PictureQuality, { name: string; help: string }> = {
  automatic: { name: 'Automatic', help: 'As large as shown, if the line allows' },
  saver: { name: 'Data saver', help: 'Small pictures with fewer frames' },
  'sound-only': { name: 'Sound only', help: 'No pictures. The others still see you.' },
};

/** This user's choice on an earlier visit. */
export function recallPictures(): PictureQuality {
  const choice = recall('pictures');
  return choice === 'saver' || choice === 'sound-only' ? choice : 'automatic';
}

export function choosePictures(call: Call, choice: PictureQuality): void {
  remember('pictures', choice);
  call.choosePictures(choice);
}

/** Why a picture stands still. */
export function pausedWords({ reason }: Viewing): string {
  switch (reason) {
    case 'bandwidth':
      return 'Paused: your connection is too slow';
    case 'hidden':
      return 'Paused while out of sight';
    case 'publisher':
      return 'The sender’s picture stopped';
    case 'limit':
      return 'Paused: the server’s limit is reached';
    case null:
      return 'Paused';
  }
}

/** In which form a picture comes; `size` is that of its last frame. */
export function viewingWords(viewing: Viewing, size: string): string {
  if (viewing.state === 'paused') return pausedWords(viewing);
  if (viewing.state === 'whole') return size;
  switch (viewing.reason) {
    case 'bandwidth':
      return `${size}, smaller because of your line`;
    case 'publisher':
      return `${size}, the sender sends no more`;
    case 'limit':
      return `${size}, the server’s limit`;
    default:
      return `${size}, enough for its place here`;
  }
}

/** How many pictures the line holds back: paused, and sent smaller. */
export function heldBack(pictures: readonly Pick<RemoteStream, 'viewing'>[]): { paused: number; reduced: number } {
  const count = (state: Viewing['state']) =>
    pictures.filter(({ viewing }) => viewing.state === state && viewing.reason === 'bandwidth').length;
  return { paused: count('paused'), reduced: count('reduced') };
}

/** The server's estimate; `–` until it has one. */
export function lineWords(line: LineEstimate | null): string {
  return line === null || line.cause === 'start' ? '–' : `about ${formatRate(line.bps)}`;
}

/** What bounds the estimate; null: nothing that a user could act on. */
export function lineCause(line: LineEstimate | null): string | null {
  switch (line?.cause) {
    case 'delay':
      return 'Packets queue on the way to you.';
    case 'loss':
      return 'Packets get lost on the way to you.';
    case 'silence':
      return 'This device acknowledges nothing at present.';
    case 'remb':
      return 'Your browser asks for no more.';
    case 'queue':
      return 'The connection over TCP is full.';
    case 'rises':
      return 'Nothing yet: it rises while more is sent.';
    default:
      return null;
  }
}
