import { parseCandidateText } from './candidate';
import type { ClientMessage, ServerMessage } from './message';

/** A message's entry in the timeline: enough to follow ICE, no names, no secrets. null: routine, no entry. */
export function briefOf(message: ClientMessage | ServerMessage): Record<string, unknown> | null {
  const { type } = message;
  switch (type) {
    case 'ping':
    case 'pong':
      return null;
    case 'offer':
    case 'answer':
      return {
        type,
        ufrag: /^a=ice-ufrag:(.*)$/m.exec(message.sdp)?.[1]?.trim() ?? null,
        sections: sectionsOf(message.sdp),
      };
    case 'candidate':
    case 'ice-candidate':
      return { type, candidate: parseCandidateText(message.candidate)?.candidate ?? null };
    case 'stun-candidate':
      return { type, candidate: parseCandidateText(message.stunCandidate)?.candidate ?? null };
    case 'path':
    case 'track-stalled':
    case 'track-unsupported':
      return { ...message };
    case 'turn':
      return 'iceServers' in message ? { type, urls: message.iceServers.flatMap(({ urls }) => urls) } : { type };
    case 'view':
      return { ...message };
    case 'viewing':
      // The estimate alone changes all the time.
      return message.tracks.length > 0 ? { ...message } : null;
    case 'error':
      return { type, code: message.code, message: message.message };
    case 'bye':
      return { type, reason: message.reason };
    default:
      return { type };
  }
}

function sectionsOf(sdp: string): number {
  return sdp.match(/^m=/gm)?.length ?? 0;
}
