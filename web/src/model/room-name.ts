const FIRST = [
  'amber',
  'bright',
  'calm',
  'clear',
  'coral',
  'gentle',
  'golden',
  'green',
  'harbour',
  'lively',
  'lunar',
  'misty',
  'northern',
  'open',
  'quiet',
  'silver',
  'sunny',
  'swift',
  'velvet',
  'warm',
];
const SECOND = [
  'anchor',
  'bay',
  'beacon',
  'breeze',
  'cove',
  'current',
  'dune',
  'ferry',
  'island',
  'lagoon',
  'lantern',
  'mast',
  'pier',
  'reef',
  'river',
  'sail',
  'shore',
  'tide',
  'wave',
  'wharf',
];

/** A random room name that is easy to read out over the phone and unlikely to be in use. */
export function makeRoomName(random: () => number = Math.random): string {
  const pick = (words: string[]) => words[Math.floor(random() * words.length)]!;
  return `${pick(FIRST)}-${pick(SECOND)}-${100 + Math.floor(random() * 900)}`;
}
