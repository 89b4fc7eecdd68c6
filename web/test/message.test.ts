import { expect, test } from 'vitest';
import { parseServerMessage } from '../client/message';

const read = (message: unknown) => parseServerMessage(JSON.stringify(message));

test.each([
  '',
  '5',
  'null',
  '[]',
  '{}',
  '{"type":"news"}',
  '{"type":"offer"}',
  '{"type":"candidate","candidate":{}}',
  '{"type":"participant-joined","participant":{}}',
])('frame_%j_is_ignored', (text) => {
  expect(parseServerMessage(text)).toBeNull();
});

test('offer_of_the_original_protocol_has_no_streams', () => {
  expect(read({ type: 'offer', sdp: 'v=0' })).toEqual({ type: 'offer', sdp: 'v=0', streams: [] });
});

test('offer_names_owners_and_unknown_sources_are_dropped', () => {
  expect(
    read({ type: 'offer', sdp: 's', streams: [{ id: 'x', participant: 'p', sources: ['camera', 'smell'] }, 7] }),
  ).toEqual({ type: 'offer', sdp: 's', streams: [{ id: 'x', participant: 'p', sources: ['camera'] }] });
});

test('joined_fills_what_is_missing', () => {
  expect(
    read({ type: 'joined', peerId: 'u', room: 'r', participants: [{ id: 'a', role: 'king' }, { name: 'no id' }] }),
  ).toEqual({
    type: 'joined',
    room: 'r',
    resume: '',
    address: '',
    probePort: null,
    version: '',
    participants: [{ id: 'a', name: '', role: 'call', audioMuted: false, videoMuted: false }],
    audience: 0,
  });
  expect(read({ type: 'audience', count: 12 })).toEqual({ type: 'audience', count: 12 });
});

test('bye_and_error_are_read', () => {
  expect(read({ type: 'bye', reason: 'shutdown', message: 'm' })).toEqual({
    type: 'bye',
    reason: 'shutdown',
    message: 'm',
  });
  expect(read({ type: 'error', code: 'glare' })).toEqual({ type: 'error', code: 'glare', message: '' });
});

test('stalled_track_is_read', () => {
  expect(read({ type: 'track-stalled', participant: 'u', source: 'camera' })).toEqual({
    type: 'track-stalled',
    participant: 'u',
    source: 'camera',
  });
});

test('track_of_a_codec_that_is_not_decoded_is_read', () => {
  const message = { type: 'track-unsupported', participant: 'u', source: 'camera', codec: 'AV1' };
  expect(read(message)).toEqual(message);
});

test('relays_are_read', () => {
  const iceServers = [{ urls: 'turn:h', username: 'u', credential: 'c' }, { urls: ['turns:h', 5] }, { urls: 7 }, null];
  expect(read({ type: 'turn', iceServers })).toEqual({
    type: 'turn',
    iceServers: [
      { urls: ['turn:h'], username: 'u', credential: 'c' },
      { urls: ['turns:h'], username: '', credential: '' },
    ],
  });
});

test('timeline_is_read', () => {
  const timeline = { startedAt: 5, dropped: 0, events: [{ at: 1, event: 'claimed', worker: 0 }, { at: 2 }, 'x'] };
  expect(read({ type: 'timeline', timeline })).toEqual({
    type: 'timeline',
    timeline: { startedAt: 5, events: [{ at: 1, event: 'claimed', worker: 0 }] },
  });
  expect(read({ type: 'timeline' })).toBeNull();
});

test('path_is_read', () => {
  const path = { type: 'path', address: '198.51.100.7', port: 5, protocol: 'udp', reason: 'roamed', changes: 2 };
  expect(read(path)).toEqual(path);
  expect(read({ ...path, port: undefined })).toBeNull();
});

test('viewing_is_read_and_what_a_later_server_adds_is_ignored', () => {
  const paused = { mid: '3', state: 'paused', reason: 'bandwidth' };
  const reduced = { mid: '4', state: 'reduced', reason: 'taste', width: 320, height: 180, fps: 15 };
  const line = { bps: 500_000, acknowledged: 420_000, cause: 'delay' };
  expect(read({ type: 'viewing', tracks: [paused, reduced, { mid: '5', state: 'inverted' }, 7], line })).toEqual({
    type: 'viewing',
    tracks: [
      { ...paused, width: 0, height: 0, fps: 0 },
      { ...reduced, reason: null },
    ],
    line,
  });
  expect(read({ type: 'viewing', tracks: [], line: { bps: 1, cause: 'weather' } })).toEqual({
    type: 'viewing',
    tracks: [],
    line: { bps: 1, acknowledged: 0, cause: null },
  });
  expect(read({ type: 'viewing' })).toEqual({ type: 'viewing', tracks: [], line: null });
});
