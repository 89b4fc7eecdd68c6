import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Link, type LinkOptions } from '../client/link';
import { LocalMedia } from '../client/local-media';
import { Timeline } from '../client/timeline';
import {
  FakePeerConnection,
  FakeSocket,
  FakeStream,
  FakeTransceiver,
  fakeTrack,
  installBrowser,
  settle,
} from './fakes';

let ended: ReturnType<typeof vi.fn>;

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
  ended = vi.fn();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function connect(change: Partial<LinkOptions> = {}): Promise<Link> {
  const link = new Link({
    url: 'ws://host/sdp',
    peerId: 'me',
    room: 'r',
    name: 'Ada',
    role: 'call',
    pictures: 'automatic',
    media: new LocalMedia(),
    formerIds: new Set(),
    timeline: new Timeline(),
    ...change,
  });
  link.on('ended', ended);
  FakeSocket.last().open();
  await settle();
  return link;
}

async function withDevices(): Promise<{ media: LocalMedia; camera: ReturnType<typeof fakeTrack> }> {
  const camera = fakeTrack('video', 'cam');
  const microphone = fakeTrack('audio', 'mic');
  const stream = { getAudioTracks: () => [microphone], getVideoTracks: () => [camera], getTracks: () => [camera] };
  const screen = { getAudioTracks: () => [], getVideoTracks: () => [fakeTrack('video', 'scr')], getTracks: () => [] };
  vi.stubGlobal('navigator', {
    mediaDevices: { getUserMedia: async () => stream, getDisplayMedia: async () => screen },
  });
  const media = new LocalMedia();
  await media.open();
  return { media, camera };
}

test('join_comes_first_and_the_offer_names_its_sources', async () => {
  const { media } = await withDevices();
  await connect({ media, codec: 'vp9' });
  const [join, offer] = FakeSocket.last().sent;
  expect(join).toEqual({
    type: 'join-room',
    peerId: 'me',
    room: 'r',
    name: 'Ada',
    role: 'call',
    resume: true,
    codec: 'vp9',
  });
  expect(offer).toMatchObject({ type: 'offer', peerId: 'me', sources: { 0: 'microphone', 1: 'camera' } });
  expect(FakePeerConnection.last().configuration).toEqual({ iceServers: [], bundlePolicy: 'max-bundle' });
  expect(FakePeerConnection.last().transceivers.map(({ direction }) => direction)).toEqual(['sendrecv', 'sendrecv']);
});

test('a_token_is_shown_at_the_door', async () => {
  await connect({ token: 'a.b.c' });
  expect(FakeSocket.last().sent[0]).toMatchObject({ type: 'join-room', token: 'a.b.c' });
  FakeSocket.last().receive({ type: 'error', code: 'forbidden' });
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason: 'unauthorized' }));
});

test('one_without_devices_joins_to_listen', async () => {
  await connect();
  expect(FakePeerConnection.last().transceivers.map(({ direction }) => direction)).toEqual(['recvonly', 'recvonly']);
  expect(FakeSocket.last().sent[1]).toEqual({ type: 'mute', peerId: 'me', audio: true, video: true });
  expect(FakeSocket.last().sent[2]).toMatchObject({ type: 'offer', sources: {} });
});

test('watcher_only_receives_and_streamer_only_sends', async () => {
  const { media } = await withDevices();
  await connect({ role: 'watch', media });
  expect(FakePeerConnection.last().transceivers.map(({ direction }) => direction)).toEqual(['recvonly', 'recvonly']);
  expect(FakeSocket.last().types()).toEqual(['join-room', 'offer']);
  await connect({ role: 'stream', media });
  expect(FakePeerConnection.last().transceivers.map(({ direction }) => direction)).toEqual(['sendonly', 'sendonly']);
});

test('camera_off_releases_it_without_negotiation', async () => {
  const { media, camera } = await withDevices();
  await connect({ media });
  const before = FakePeerConnection.last().offers;
  await media.setCamera(false);
  await settle();
  expect(camera.stop).toHaveBeenCalledOnce();
  expect(FakePeerConnection.last().transceivers[1]!.sender.track).toBeNull();
  expect(FakePeerConnection.last().offers).toBe(before);
  expect(FakeSocket.last().sent.at(-1)).toEqual({ type: 'mute', peerId: 'me', audio: false, video: true });
  await media.setCamera(true);
  expect(FakePeerConnection.last().transceivers[1]!.sender.track).toBe(camera);
  expect(FakeSocket.last().sent.at(-1)).toMatchObject({ audio: false, video: false });
});

test('screen_section_goes_inactive_and_is_used_again', async () => {
  const { media } = await withDevices();
  await connect({ media });
  FakeSocket.last().receive({ type: 'answer', sdp: 'a' });
  await settle();
  await media.shareScreen();
  await settle();
  const screen = FakePeerConnection.last().transceivers[2]!;
  expect(screen.direction).toBe('sendonly');
  expect(FakeSocket.last().sent.at(-1)).toMatchObject({
    type: 'offer',
    sources: { 0: 'microphone', 1: 'camera', 2: 'screen' },
  });
  media.stopScreen();
  expect(screen.direction).toBe('inactive');
  await media.shareScreen();
  expect(screen.direction).toBe('sendonly');
  expect(FakePeerConnection.last().transceivers).toHaveLength(3);
});

test('mapped_address_is_known_and_echoed_once', async () => {
  const link = await connect();
  const network = vi.fn();
  link.on('network', network);
  const text = JSON.stringify({
    candidate: 'candidate:1 1 udp 5 203.0.113.7 51234 typ srflx',
    sdpMid: '0',
    sdpMLineIndex: 0,
  });
  FakeSocket.last().receive({ type: 'stun-candidate', stunCandidate: text });
  FakeSocket.last().receive({ type: 'stun-candidate', stunCandidate: text });
  const seen = { address: '203.0.113.7', port: 51234, protocol: 'udp' };
  expect(network).toHaveBeenLastCalledWith(expect.objectContaining({ seen }));
  const echoes = FakeSocket.last().sent.filter(({ type }) => type === 'ice-candidate');
  expect(echoes).toEqual([{ type: 'ice-candidate', peerId: 'me', candidate: text }]);
});

test('own_candidates_go_as_text', async () => {
  await connect();
  const json = { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 };
  FakePeerConnection.last().found(json.candidate);
  FakePeerConnection.last().fire('icecandidate', { candidate: null });
  expect(FakeSocket.last().sent.at(-1)).toEqual({
    type: 'ice-candidate',
    peerId: 'me',
    candidate: JSON.stringify(json),
  });
});

test.each([
  [{ type: 'bye', reason: 'left' }, 'left'],
  [{ type: 'bye', reason: 'shutdown' }, 'shutdown'],
  [{ type: 'bye', reason: 'timeout' }, 'media'],
  [{ type: 'bye', reason: 'failed' }, 'media'],
  [{ type: 'error', code: 'peer-taken' }, 'peer-taken'],
  [{ type: 'error', code: 'room-full' }, 'room-full'],
  [{ type: 'error', code: 'server-full' }, 'server-full'],
  [{ type: 'error', code: 'too-many-joins' }, 'server-full'],
  [{ type: 'error', code: 'unauthorized' }, 'unauthorized'],
  [{ type: 'bye', reason: 'expired' }, 'unauthorized'],
  [{ type: 'error', code: 'bad-sdp' }, 'refused'],
])('%j_ends_as_%s', async (message, reason) => {
  await connect();
  FakeSocket.last().receive(message);
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason }));
  expect(FakePeerConnection.last().signalingState).toBe('closed');
});

test.each(['glare', 'unexpected-answer', 'bad-candidate', 'unknown-type'])('error_%s_is_survived', async (code) => {
  await connect();
  FakeSocket.last().receive({ type: 'error', code });
  expect(ended).not.toHaveBeenCalled();
});

test('connection_that_breaks_is_repaired_with_its_tracks', async () => {
  const { media } = await withDevices();
  const link = await connect({ media });
  FakeSocket.last().receive({ type: 'answer', sdp: 'a' });
  await settle();
  const events = vi.fn();
  link.on('interrupted', () => events('interrupted'));
  link.on('connected', () => events('connected'));
  const pc = FakePeerConnection.last();
  const { transceivers, offers } = pc;
  pc.become('connected');
  pc.become('disconnected');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(pc.restarts).toBe(1);
  expect(pc.offers).toBe(offers + 1);
  expect(FakeSocket.last().sent.at(-1)).toMatchObject({ type: 'offer', sources: { 0: 'microphone', 1: 'camera' } });
  pc.become('connected');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(events.mock.calls.flat()).toEqual(['connected', 'interrupted', 'connected']);
  expect(pc.restarts).toBe(1);
  expect(FakePeerConnection.all).toHaveLength(1);
  expect(pc.transceivers).toBe(transceivers);
  expect(ended).not.toHaveBeenCalled();
});

test('connection_that_cannot_be_repaired_ends', async () => {
  await connect();
  const pc = FakePeerConnection.last();
  pc.become('connected');
  pc.become('failed');
  for (let i = 0; i < 15; i += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last().receive({ type: 'pong' });
  }
  expect(pc.restarts).toBeGreaterThan(3);
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason: 'media' }));
  expect(FakeSocket.last().types()).toContain('leave');
});

test('dtls_that_fails_ends', async () => {
  await connect();
  const pc = FakePeerConnection.last();
  pc.iceConnectionState = 'connected';
  pc.connectionState = 'failed';
  pc.fire('connectionstatechange');
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason: 'media' }));
});

test('server_may_ask_for_a_restart_by_any_way', async () => {
  await connect();
  const pc = FakePeerConnection.last();
  const relay = { urls: ['turns:h:8000?transport=tcp'], username: 'u', credential: 'c' };
  pc.become('connected');
  FakeSocket.last().receive({ type: 'turn', iceServers: [relay] });
  expect(pc.configuration).toMatchObject({ iceServers: [] });
  // The browser has noticed nothing yet.
  FakeSocket.last().receive({ type: 'restart-ice' });
  expect(pc.restarts).toBe(1);
  expect(pc.configuration).toMatchObject({ iceServers: [relay] });
});

test('relays_of_the_server_are_used_when_nothing_direct_works', async () => {
  await connect();
  const pc = FakePeerConnection.last();
  const relay = { urls: ['turns:h:8000?transport=tcp'], username: 'u', credential: 'c' };
  FakeSocket.last().receive({ type: 'joined', address: '198.51.100.7' });
  FakeSocket.last().receive({ type: 'answer', sdp: 'a' });
  await vi.advanceTimersByTimeAsync(2_999);
  expect(pc.configuration).toMatchObject({ iceServers: [] });
  await vi.advanceTimersByTimeAsync(1);
  expect(FakeSocket.last().sent.at(-1)).toEqual({ type: 'turn', peerId: 'me' });
  FakeSocket.last().receive({ type: 'turn', iceServers: [relay] });
  expect(pc.configuration).toEqual({ iceServers: [relay], bundlePolicy: 'max-bundle' });
  expect(pc.restarts).toBe(1);
});

test('probe_asks_what_the_server_announced', async () => {
  const link = await connect();
  const lines = ['1 1 udp 9 203.0.113.10 8000 typ host', '2 1 tcp 8 203.0.113.10 8000 typ host tcptype passive'];
  FakeSocket.last().receive({ type: 'joined', probePort: 8001 });
  FakeSocket.last().receive({ type: 'answer', sdp: lines.map((line) => `a=candidate:${line}\r\n`).join('') });
  await settle();
  expect(link.probeServers()).toEqual([
    { address: '203.0.113.10', port: 8000 },
    { address: '203.0.113.10', port: 8001 },
  ]);
});

test('lost_socket_is_replaced_and_what_may_be_lost_is_told_again', async () => {
  const { media } = await withDevices();
  const link = await connect({ media });
  const first = FakeSocket.last();
  first.receive({ type: 'joined', resume: 'token', participants: [{ id: 'a', name: 'Ada' }] });
  first.receive({ type: 'answer', sdp: 'a' });
  await settle();
  const pc = FakePeerConnection.last();
  pc.become('connected');
  const people = vi.fn();
  link.on('participants', people);
  first.drop();
  // While there is no socket, the way breaks and the camera goes off.
  pc.become('failed');
  await vi.advanceTimersByTimeAsync(0);
  await media.setCamera(false);
  const second = FakeSocket.last();
  expect(second).not.toBe(first);
  second.open();
  expect(second.sent).toEqual([{ type: 'resume', peerId: 'me', token: 'token' }]);
  second.receive({
    type: 'resumed',
    participants: [
      { id: 'a', name: 'Ada' },
      { id: 'b', name: 'Bob' },
    ],
    audience: 1,
  });
  await settle();
  expect(second.types()).toEqual(['resume', 'turn', 'mute', 'offer']);
  expect(second.sent[2]).toMatchObject({ audio: false, video: true });
  expect(people).toHaveBeenLastCalledWith({
    participants: [expect.anything(), expect.objectContaining({ name: 'Bob' })],
    audience: 1,
  });
  expect(FakePeerConnection.all).toHaveLength(1);
  expect(ended).not.toHaveBeenCalled();
});

test('connection_that_does_not_come_up_ends', async () => {
  await connect();
  for (let i = 0; i < 5; i += 1) {
    vi.advanceTimersByTime(4_000);
    FakeSocket.last().receive({ type: 'pong' });
  }
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ reason: 'media' }));
});

/** The server's offer of Ada's camera in section 4. */
async function offerCamera() {
  const pc = FakePeerConnection.last();
  const track = fakeTrack('video');
  const section = Object.assign(new FakeTransceiver(null, { direction: 'recvonly' }), {
    mid: '4',
    receiver: { track },
  });
  pc.transceivers.push(section);
  pc.fire('track', { streams: [new FakeStream([track], 's')] });
  FakeSocket.last().receive({
    type: 'offer',
    sdp: 'o',
    streams: [{ id: 's', participant: 'ada', sources: ['camera'] }],
  });
  return { track: track as unknown as MediaStreamTrack };
}

test('server_hears_how_pictures_are_shown_and_hears_it_again_after_a_lost_socket', async () => {
  const link = await connect();
  const first = FakeSocket.last();
  first.receive({ type: 'joined', resume: 'token' });
  first.receive({ type: 'answer', sdp: 'a' });
  const { track } = await offerCamera();
  await settle();
  const view = { width: 640, height: 360, visible: true, pinned: true };
  link.show(track, view);
  await vi.advanceTimersByTimeAsync(0);
  expect(first.sent.at(-1)).toEqual({ type: 'view', peerId: 'me', tracks: { 4: view } });
  link.choosePictures('sound-only');
  await vi.advanceTimersByTimeAsync(200);
  expect(first.sent.at(-1)).toEqual({ type: 'view', peerId: 'me', tracks: { 4: { visible: false } } });
  first.drop();
  FakeSocket.last().open();
  FakeSocket.last().receive({ type: 'resumed', resume: 'token' });
  await vi.advanceTimersByTimeAsync(200);
  expect(FakeSocket.last().sent.at(-1)).toEqual({ type: 'view', peerId: 'me', tracks: { 4: { visible: false } } });
});

test('form_of_a_picture_may_be_told_before_its_offer_is_applied', async () => {
  const link = await connect();
  FakeSocket.last().receive({ type: 'answer', sdp: 'a' });
  const streams = vi.fn();
  const line = vi.fn();
  link.on('streams', streams);
  link.on('line', line);
  await offerCamera();
  const paused = { state: 'paused', reason: 'bandwidth', width: 0, height: 0, fps: 0 };
  const estimate = { bps: 90_000, acknowledged: 80_000, cause: 'delay' };
  FakeSocket.last().receive({
    type: 'viewing',
    tracks: [
      { mid: '4', ...paused },
      { mid: '9', ...paused },
    ],
    line: estimate,
  });
  expect(line).toHaveBeenCalledExactlyOnceWith(estimate);
  await settle();
  expect(streams).toHaveBeenLastCalledWith([expect.objectContaining({ participant: 'ada', viewing: paused })]);
  const calls = streams.mock.calls.length;
  FakeSocket.last().receive({ type: 'viewing', tracks: [{ mid: '9', ...paused }] });
  await settle();
  expect(streams).toHaveBeenCalledTimes(calls);
  expect(line).toHaveBeenCalledOnce();
});
