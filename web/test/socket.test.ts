import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Socket } from '../client/socket';
import { Timeline } from '../client/timeline';
import { FakeSocket, installBrowser } from './fakes';

let lost: ReturnType<typeof vi.fn>;
let socket: Socket;
let timeline: Timeline;

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
  timeline = new Timeline();
  socket = new Socket('ws://host/sdp', 'me', timeline);
  lost = vi.fn();
  socket.on('lost', lost);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('messages_wait_for_the_socket_and_carry_the_id', () => {
  socket.send({ type: 'join-room', room: 'r', resume: true });
  expect(FakeSocket.last().sent).toEqual([]);
  FakeSocket.last().open();
  expect(FakeSocket.last().sent).toEqual([{ type: 'join-room', peerId: 'me', room: 'r', resume: true }]);
});

test('silence_ends_the_connection', () => {
  FakeSocket.last().open();
  vi.advanceTimersByTime(24_000);
  expect(FakeSocket.last().types()).toEqual(['ping', 'ping']);
  expect(lost).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(lost).toHaveBeenCalledOnce();
});

test('pongs_keep_it', () => {
  FakeSocket.last().open();
  for (let i = 0; i < 20; i += 1) {
    vi.advanceTimersByTime(5_000);
    FakeSocket.last().receive({ type: 'pong' });
  }
  expect(lost).not.toHaveBeenCalled();
});

test('a_laptop_that_slept_asks_before_it_gives_up', () => {
  FakeSocket.last().open();
  vi.advanceTimersByTime(4_000);
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(1_000);
  expect(FakeSocket.last().types()).toEqual(['ping']);
  FakeSocket.last().receive({ type: 'pong' });
  vi.advanceTimersByTime(5_000);
  expect(lost).not.toHaveBeenCalled();
});

test('doubt_waits_only_shortly', () => {
  FakeSocket.last().open();
  socket.doubt();
  FakeSocket.last().receive({ type: 'pong' });
  vi.advanceTimersByTime(3_000);
  expect(lost).not.toHaveBeenCalled();
  socket.doubt();
  vi.advanceTimersByTime(2_500);
  expect(lost).toHaveBeenCalledOnce();
});

test('close_is_not_lost', () => {
  FakeSocket.last().open();
  socket.close();
  FakeSocket.last().drop(1000);
  vi.advanceTimersByTime(60_000);
  expect(lost).not.toHaveBeenCalled();
});

test('timeline_has_messages_but_neither_names_nor_passwords', () => {
  FakeSocket.last().open();
  socket.send({ type: 'join-room', room: 'r', name: 'Ada', resume: true });
  socket.send({
    type: 'offer',
    sdp: 'v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:hush\r\nm=audio\r\nm=video\r\n',
    sources: {},
  });
  socket.send({ type: 'ping' });
  FakeSocket.last().receive({ type: 'error', code: 'glare', message: 'm' });
  FakeSocket.last().drop();
  const entries = timeline.entries.map(({ at: _, ...entry }) => entry);
  expect(entries).toEqual([
    { event: 'socket', state: 'open' },
    { event: 'sent', type: 'join-room' },
    { event: 'sent', type: 'offer', ufrag: 'abcd', sections: 2 },
    { event: 'received', type: 'error', code: 'glare', message: 'm' },
    { event: 'socket', state: 'lost', code: 1006, reason: '' },
  ]);
});
