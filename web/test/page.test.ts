import { expect, test, vi } from 'vitest';
import type {
  Call,
  CallSnapshot,
  CallSummary,
  Candidate,
  LineEstimate,
  Participant,
  RemoteStream,
  Viewing,
} from '../client';
import { ownScene, remoteScenes, watcherCount } from '../src/model/crowd';
import { gridShape } from '../src/model/grid';
import { choosePictures, lineCause, lineWords, pausedWords, recallPictures, viewingWords } from '../src/model/pictures';
import { makeRoomName } from '../src/model/room-name';
import { cleanName, parseRoute, roomLink } from '../src/model/route';
import { callVerdict, natWords, ownAddresses, portWords, seenDirectly } from '../src/model/verdict';
import { connectionNotice, deviceNotice, formatRate, initials } from '../src/model/wording';

test('address_is_read', () => {
  expect(parseRoute('/', '')).toEqual({
    role: 'call',
    room: null,
    name: null,
    join: false,
    small: false,
    codec: undefined,
    token: undefined,
  });
  expect(parseRoute('/stream/', '?room=r&name=+A++b+&join&video=small&codec=AV1&token=a.b-_.c')).toEqual({
    role: 'stream',
    room: 'r',
    name: 'A b',
    join: true,
    small: true,
    codec: 'av1',
    token: 'a.b-_.c',
  });
  expect(parseRoute('/watch', '?room=&codec=mpeg')).toMatchObject({ role: 'watch', room: null, codec: undefined });
});

test('names_are_cut_between_characters', () => {
  expect(cleanName('😀'.repeat(70), 64)).toBe('😀'.repeat(64));
  expect(cleanName(' a \n b ', 64)).toBe('a b');
});

test('room_link_survives_odd_names', () => {
  const link = new URL(roomLink('http://h', 'watch', 'a&b #1'));
  expect(parseRoute(link.pathname, link.search)).toMatchObject({ role: 'watch', room: 'a&b #1' });
});

test('room_names_are_readable', () => {
  expect(makeRoomName(() => 0)).toBe('amber-anchor-100');
  expect(makeRoomName(() => 0.999_999)).toBe('warm-wharf-999');
});

test('initials_of_all_kinds_of_names', () => {
  expect(['Ada Lovelace', 'ada', '', '…', 'Jean-Luc Picard', 'Ölaf', '王 小明'].map(initials)).toEqual([
    'AL',
    'A',
    '?',
    '?',
    'JP',
    'Ö',
    '王小',
  ]);
});

test('rates_are_short', () => {
  expect([0, 32_400, 999_400, 1_234_567].map(formatRate)).toEqual([
    '0 kbit/s',
    '32 kbit/s',
    '999 kbit/s',
    '1.2 Mbit/s',
  ]);
});

test.each([
  [1280, 700, 1, 1],
  [1280, 700, 2, 2],
  [1280, 700, 4, 2],
  [1280, 700, 9, 3],
  [374, 700, 2, 1],
  [374, 700, 6, 2],
])('grid_%i_x_%i_of_%i_has_%i_columns', (width, height, count, columns) => {
  const shape = gridShape(width, height, count, 10);
  const rows = Math.ceil(count / shape.columns);
  expect(shape.columns).toBe(columns);
  expect(shape.columns * shape.width + (shape.columns - 1) * 10).toBeLessThanOrEqual(width);
  expect(rows * shape.height + (rows - 1) * 10).toBeLessThanOrEqual(height);
});

test('grid_of_whole_pictures_has_their_shape', () => {
  expect(gridShape(374, 700, 1, 10, true)).toEqual({ columns: 1, width: 374, height: 210 });
});

test('grid_of_an_unmeasured_place_is_empty', () => {
  expect(gridShape(0, 0, 3, 10)).toEqual({ columns: 1, width: 0, height: 0 });
});

const person = (id: string, change: Partial<Participant> = {}): Participant => ({
  id,
  name: id,
  role: 'call',
  audioMuted: false,
  videoMuted: false,
  ...change,
});
const track = {} as MediaStreamTrack;
const WHOLE: Viewing = { state: 'whole', reason: null, width: 0, height: 0, fps: 0 };
const stream = (id: string, participant: string, kind: 'camera' | 'screen') =>
  ({ id, participant, kind, audio: null, video: track, viewing: WHOLE }) as RemoteStream;
const snapshot = (change: Partial<CallSnapshot>): CallSnapshot => ({
  state: 'connected',
  peerId: 'me',
  room: 'r',
  participants: [],
  audience: 0,
  streams: [],
  pictures: 'automatic',
  line: null,
  network: { locals: [], seen: null, changes: 0, roamed: 0, way: null, reason: 'direct', restarts: 0 },
  trouble: null,
  failures: 0,
  ...change,
});

test('everyone_has_a_scene_but_watchers', () => {
  const scenes = remoteScenes(
    snapshot({
      participants: [person('a'), person('b', { videoMuted: true }), person('c', { role: 'watch' })],
      streams: [
        stream('1', 'a', 'camera'),
        stream('2', 'b', 'camera'),
        stream('3', 'b', 'screen'),
        stream('4', 'ghost', 'camera'),
      ],
    }),
  );
  expect(scenes.map(({ name, kind, video }) => [name, kind, video !== null])).toEqual([
    ['a', 'camera', true],
    ['b', 'camera', false],
    ['b', 'screen', true],
    ['Guest', 'camera', true],
  ]);
});

test('who_wants_sound_only_has_no_pictures', () => {
  const streams = [stream('1', 'a', 'camera'), stream('2', 'a', 'screen')];
  const scenes = remoteScenes(snapshot({ participants: [person('a')], streams, pictures: 'sound-only' }));
  expect(scenes.map(({ name, kind, video }) => [name, kind, video])).toEqual([['a', 'camera', null]]);
});

test('watchers_are_those_listed_and_those_counted', () => {
  const participants = [person('a'), person('b', { role: 'watch' }), person('c', { role: 'stream' })];
  expect(watcherCount({ participants, audience: 40 })).toBe(41);
});

const device = (problem: 'refused' | 'missing' | 'busy' | 'insecure' | null) => ({
  on: problem === null,
  track: null,
  deviceId: null,
  problem,
});

test('own_scene_follows_the_devices', () => {
  expect(ownScene({ microphone: device(null), camera: device('missing') }, '')).toMatchObject({
    isSelf: true,
    name: 'Guest',
    video: null,
    audioMuted: false,
  });
});

test('relay_is_not_taken_for_the_nat', () => {
  const seen = { address: '203.0.113.10', port: 33_280, protocol: 'udp' } as const;
  const network = { ...snapshot({}).network, seen };
  expect(seenDirectly({ ...network, way: 'tcp' })).toBe(seen);
  expect(seenDirectly({ ...network, way: null })).toBe(seen);
  expect(seenDirectly({ ...network, way: 'turn-tls' })).toBeNull();
  expect(natWords(null, [], null)).toBe('–');
});

test('device_problems_have_words', () => {
  expect(deviceNotice(device(null), device(null), 'call')).toBeNull();
  expect(deviceNotice(device('insecure'), device('insecure'), 'call')?.help).toContain('https');
  expect(deviceNotice(device('refused'), device('refused'), 'call')?.title).toBe('Camera and microphone are blocked');
  expect(deviceNotice(device(null), device('busy'), 'call')?.title).toBe('Camera is in use');
  expect(deviceNotice(device('missing'), device(null), 'stream')?.title).toBe('No microphone found');
});

test('connection_trouble_has_words', () => {
  expect(connectionNotice(snapshot({}))).toBeNull();
  expect(connectionNotice(snapshot({ state: 'reconnecting', trouble: 'shutdown' }))?.title).toBe(
    'The server is restarting',
  );
  expect(connectionNotice(snapshot({ state: 'connecting', trouble: 'media', failures: 2 }))?.help).toContain('UDP');
  expect(connectionNotice(snapshot({ state: 'connecting', trouble: 'room-full' }))?.title).toBe('This room is full');
});

const host = (address: string, port = 5000): Candidate => ({
  address,
  port,
  protocol: 'udp',
  type: 'host',
  base: null,
});
const seen = { address: '198.51.100.7', port: 6000, protocol: 'udp' as const };
const pair = {
  way: 'udp',
  local: '',
  localType: 'host',
  remote: '203.0.113.10:8000',
  protocol: 'udp',
  rtt_ms: 20,
  in_bps: 0,
  out_bps: 0,
} as const;
const numbers = (change: Partial<CallSummary> = {}) => ({ pair, loss: { in: 0, out: 0 }, ...change }) as CallSummary;
const judge = (network: Partial<CallSnapshot['network']>, summary: CallSummary | null = numbers()) =>
  callVerdict(snapshot({ network: { ...snapshot({}).network, way: 'udp', ...network } }), summary);

test('verdict_says_what_the_network_does_and_what_to_do', () => {
  expect(judge({})).toMatchObject({ tone: 'good', advice: '' });
  expect(judge({}, null).tone).toBe('busy');
  expect(judge({ way: 'tcp' })).toMatchObject({
    tone: 'fair',
    advice: expect.stringContaining('UDP to 203.0.113.10:8000'),
  });
  expect(judge({ way: 'turn-tls' }).title).toContain('only web traffic');
  expect(judge({ seen, roamed: 1 }).title).toContain('changed once');
  expect(judge({}, numbers({ loss: { in: null, out: 0.08 } })).text).toContain('8.0 %');
  expect(judge({}, numbers({ pair: { ...pair, rtt_ms: 700 } })).text).toContain('700 ms');
  expect(callVerdict(snapshot({ state: 'connecting', trouble: 'media', failures: 2 }), null)).toMatchObject({
    tone: 'bad',
  });
  expect(callVerdict(snapshot({ state: 'reconnecting' }), null)).toMatchObject({ tone: 'busy' });
});

test('kind_of_nat_is_named_only_where_it_was_measured', () => {
  expect(natWords(seen, [host('10.0.0.2')], null)).toContain('observed');
  expect(natWords(seen, [host('10.0.0.2')], null)).not.toContain('symmetric');
  expect(natWords(seen, [host('10.0.0.2')], 'different')).toContain('symmetric');
  expect(natWords(seen, [host('198.51.100.7')], null)).toContain('None');
  expect(natWords(null, [], null)).toBe('–');
  expect(portWords(seen, [host('10.0.0.2')])).toContain('changed');
  expect(portWords(seen, [host('10.0.0.2', 6000)])).toBe('kept');
});

test('own_addresses_are_those_that_others_could_reach', () => {
  expect(ownAddresses([host('127.0.0.1'), host('10.0.0.2'), host('af.local', 7)])).toEqual([
    '10.0.0.2:5000',
    'hidden by the browser, port 7',
  ]);
});

const form = (state: Viewing['state'], reason: Viewing['reason'] = null): Viewing => ({ ...WHOLE, state, reason });

test('forms_of_pictures_have_words', () => {
  const reasons = ['bandwidth', 'hidden', 'publisher', 'limit', null] as const;
  expect(reasons.map((reason) => pausedWords(form('paused', reason)))).toEqual([
    'Paused: your connection is too slow',
    'Paused while out of sight',
    'The sender’s picture stopped',
    'Paused: the server’s limit is reached',
    'Paused',
  ]);
  expect(viewingWords(form('paused', 'hidden'), '1 × 1')).toBe('Paused while out of sight');
  expect(viewingWords(form('whole'), '1 × 1')).toBe('1 × 1');
  expect(reasons.map((reason) => viewingWords(form('reduced', reason), '1 × 1').slice(0, 17))).toEqual([
    '1 × 1, smaller be',
    '1 × 1, enough for',
    '1 × 1, the sender',
    '1 × 1, the server',
    '1 × 1, enough for',
  ]);
});

test('line_has_words_once_it_is_measured', () => {
  const line = (cause: LineEstimate['cause']) => ({ bps: 340_000, acknowledged: 300_000, cause });
  expect([lineWords(null), lineWords(line('start')), lineWords(line('delay'))]).toEqual(['–', '–', 'about 340 kbit/s']);
  expect([lineCause(null), lineCause(line('start')), lineCause(line(null))]).toEqual([null, null, null]);
  expect(lineCause(line('loss'))).toContain('lost');
});

test('verdict_names_a_line_that_does_not_bear_all_pictures', () => {
  const judgeOf = (...viewings: Viewing[]) =>
    callVerdict(
      snapshot({
        network: { ...snapshot({}).network, way: 'udp' },
        streams: viewings.map((viewing, i) => ({ ...stream(String(i), 'a', 'camera'), viewing })),
      }),
      numbers(),
    );
  const [paused, reduced] = [form('paused', 'bandwidth'), form('reduced', 'bandwidth')];
  expect(judgeOf(WHOLE, form('paused', 'hidden'), form('reduced')).tone).toBe('good');
  expect(judgeOf(paused)).toMatchObject({ tone: 'fair', text: expect.stringContaining('The picture is paused') });
  expect(judgeOf(paused, paused).text).toContain('All pictures are paused');
  expect(judgeOf(paused, reduced).text).toContain('1 of 2 pictures is paused');
  expect(judgeOf(paused, paused, WHOLE).text).toContain('2 of 3 pictures are paused');
  expect(judgeOf(reduced, WHOLE).text).toContain('smaller');
});

test('choice_of_pictures_is_remembered', () => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  const call = { choosePictures: vi.fn() };
  expect(recallPictures()).toBe('automatic');
  choosePictures(call as unknown as Call, 'saver');
  expect(call.choosePictures).toHaveBeenCalledExactlyOnceWith('saver');
  expect(recallPictures()).toBe('saver');
  kept.set('monoport.pictures', 'smell');
  expect(recallPictures()).toBe('automatic');
  vi.unstubAllGlobals();
});
