import { expect, test } from 'vitest';
import type { CallSummary, RemoteSummary } from '../client';
import type { Scene } from '../src/model/crowd';
import { qualityOf } from '../src/model/quality';
import { nextSpeaker, stageOf, type Attention } from '../src/model/stage';

const scene = (key: string, change: Partial<Scene> = {}): Scene => ({
  key,
  participant: key,
  name: key,
  isSelf: false,
  kind: 'camera',
  video: null,
  viewing: null,
  audioMuted: false,
  ...change,
});
const people = [scene('ada'), scene('bob'), scene('self', { participant: '', isSelf: true })];
const screen = scene('slides', { participant: 'bob', kind: 'screen' });
const stage = (scenes: Scene[], change: Partial<Attention>) =>
  stageOf(scenes, { layout: 'grid', pinned: null, speaker: null, ...change })?.key ?? null;

test('a_grid_has_no_stage_until_somebody_is_pinned_or_shares', () => {
  expect(stage(people, {})).toBeNull();
  expect(stage(people, { speaker: 'bob' })).toBeNull();
  expect(stage(people, { pinned: 'ada' })).toBe('ada');
  expect(stage([...people, screen], {})).toBe('slides');
  expect(stage([...people, screen], { pinned: 'ada' })).toBe('ada');
  expect(stage([screen, ...people, scene('board', { kind: 'screen' })], {})).toBe('board');
});

test('who_was_pinned_and_left_is_forgotten', () => {
  expect(stage(people, { pinned: 'gone' })).toBeNull();
});

test('the_speaker_takes_the_stage_where_that_is_wanted', () => {
  expect(stage(people, { layout: 'speaker', speaker: 'bob' })).toBe('bob');
  expect(stage(people, { layout: 'speaker' })).toBe('ada');
  expect(stage(people, { layout: 'speaker', speaker: 'gone' })).toBe('ada');
  expect(stage([...people, screen], { layout: 'speaker', speaker: 'ada' })).toBe('slides');
  expect(stage(people.slice(2), { layout: 'speaker' })).toBeNull();
});

test('a_speaker_keeps_the_stage_until_somebody_else_speaks_alone', () => {
  expect(nextSpeaker(null, new Set())).toBeNull();
  expect(nextSpeaker(null, new Set(['', 'ada']))).toBe('ada');
  expect(nextSpeaker('ada', new Set(['bob', 'ada']))).toBe('ada');
  expect(nextSpeaker('ada', new Set(['bob']))).toBe('bob');
  expect(nextSpeaker('ada', new Set(['']))).toBe('ada');
});

const camera = (packetsReceived: number, change: Partial<RemoteSummary> = {}) =>
  ({ participant: 'ada', streamId: 's', source: 'camera', kind: 'video', packetsReceived, ...change }) as RemoteSummary;
const look = (remote: RemoteSummary[], change: Partial<CallSummary> = {}): CallSummary =>
  ({
    state: 'connected',
    peerId: 'me',
    participants: [{ id: 'ada', videoMuted: false }],
    remote,
    pair: null,
    loss: { in: 0, out: 0 },
    ...change,
  }) as CallSummary;
const silent = (before: CallSummary, now: CallSummary) => [...qualityOf(before, now).silent];

test('a_camera_that_is_on_and_sends_nothing_is_noticed', () => {
  expect(silent(look([camera(10)]), look([camera(10)]))).toEqual(['ada']);
  expect(silent(look([camera(10)]), look([camera(11)]))).toEqual([]);
});

test('what_may_be_still_is_not_noticed', () => {
  const off = { participants: [{ id: 'ada', name: '', role: 'call' as const, audioMuted: false, videoMuted: true }] };
  expect(silent(look([camera(10)], off), look([camera(10)]))).toEqual([]);
  expect(silent(look([camera(10, { source: 'screen' })]), look([camera(10, { source: 'screen' })]))).toEqual([]);
  expect(silent(look([]), look([camera(0)]))).toEqual([]);
  expect(silent(look([camera(10)], { peerId: 'other' }), look([camera(10)]))).toEqual([]);
  expect(silent(look([camera(10)]), look([camera(10)], { state: 'reconnecting' }))).toEqual([]);
});

const paused = (reason: 'bandwidth' | 'hidden') =>
  camera(10, { viewing: { state: 'paused', reason, width: 0, height: 0, fps: 0 } });

test('a_paused_picture_is_not_silent_and_the_line_is_weak_if_that_is_why', () => {
  expect(silent(look([paused('hidden')]), look([paused('hidden')]))).toEqual([]);
  expect(qualityOf(look([paused('hidden')]), look([paused('hidden')])).isWeak).toBe(false);
  expect(qualityOf(look([paused('bandwidth')]), look([paused('bandwidth')])).isWeak).toBe(true);
  expect(qualityOf(look([camera(9)]), look([paused('bandwidth')])).isWeak).toBe(false);
});

test('a_line_is_weak_at_the_second_look', () => {
  const lossy = look([], { loss: { in: 0.2, out: null } });
  expect(qualityOf(look([]), lossy).isWeak).toBe(false);
  expect(qualityOf(lossy, lossy).isWeak).toBe(true);
  expect(qualityOf(lossy, look([])).isWeak).toBe(false);
});
