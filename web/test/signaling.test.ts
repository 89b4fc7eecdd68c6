import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Signaling, signalingUrl } from '../client/signaling';
import { Timeline } from '../client/timeline';
import { FakeSocket, installBrowser } from './fakes';

const lost = vi.fn();
const message = vi.fn();
let signaling: Signaling;
let first: FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  installBrowser();
  signaling = new Signaling('ws://host/sdp', 'me', new Timeline());
  signaling.on('lost', lost);
  signaling.on('message', message);
  first = FakeSocket.last();
  first.open();
});

afterEach(() => {
  signaling.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const joined = (resume?: string) => first.receive({ type: 'joined', ...(resume ? { resume } : {}) });
const resumed = () => FakeSocket.last().receive({ type: 'resumed', participants: [], audience: 0 });

test('url_follows_the_page', () => {
  expect(signalingUrl('http://host:8000/watch?room=r#x')).toBe('ws://host:8000/sdp');
  expect(signalingUrl('https://host/')).toBe('wss://host/sdp');
});

test('lost_socket_is_the_end_where_the_server_gave_no_token', () => {
  joined();
  first.drop();
  expect(lost).toHaveBeenCalledOnce();
  expect(FakeSocket.all).toHaveLength(1);
});

test('next_socket_takes_over', () => {
  joined('t');
  first.drop();
  const second = FakeSocket.last();
  second.open();
  expect(second.sent).toEqual([{ type: 'resume', peerId: 'me', token: 't' }]);
  signaling.send({ type: 'ping' });
  expect(second.types()).toEqual(['resume']);
  resumed();
  expect(message).toHaveBeenLastCalledWith(expect.objectContaining({ type: 'resumed' }));
  signaling.send({ type: 'ping' });
  expect(second.types()).toEqual(['resume', 'ping']);
  second.receive({ type: 'bye', reason: 'left' });
  expect(message).toHaveBeenLastCalledWith(expect.objectContaining({ type: 'bye' }));
  expect(lost).not.toHaveBeenCalled();
});

test('it_may_take_several_sockets_but_not_for_ever', () => {
  joined('t');
  first.drop();
  FakeSocket.last().drop();
  vi.advanceTimersByTime(500);
  expect(FakeSocket.all).toHaveLength(3);
  // One that does not even open is not waited for long.
  vi.advanceTimersByTime(2_500);
  expect(FakeSocket.all).toHaveLength(4);
  expect(FakeSocket.all[2]!.readyState).toBe(FakeSocket.CLOSED);
  vi.advanceTimersByTime(11_999);
  expect(lost).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(lost).toHaveBeenCalledOnce();
  const { length } = FakeSocket.all;
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all).toHaveLength(length);
});

test('server_that_has_forgotten_us_is_the_end', () => {
  joined('t');
  first.drop();
  FakeSocket.last().open();
  FakeSocket.last().receive({ type: 'error', code: 'not-resumable' });
  expect(lost).toHaveBeenCalledExactlyOnceWith({ reason: 'not-resumable' });
});

test('another_network_does_not_wait_for_the_old_socket_to_die', () => {
  joined('t');
  signaling.renew();
  FakeSocket.last().open();
  // Both are heard until the new one has taken over.
  first.receive({ type: 'audience', count: 3 });
  expect(message).toHaveBeenLastCalledWith({ type: 'audience', count: 3 });
  resumed();
  expect(first.readyState).toBe(FakeSocket.CLOSED);
  first.receive({ type: 'audience', count: 4 });
  expect(message).not.toHaveBeenCalledWith({ type: 'audience', count: 4 });
});

test('old_socket_that_still_lives_goes_on_when_the_new_one_fails', () => {
  joined('t');
  signaling.renew();
  FakeSocket.last().open();
  FakeSocket.last().receive({ type: 'error', code: 'not-resumable' });
  expect(lost).not.toHaveBeenCalled();
  signaling.send({ type: 'ping' });
  expect(first.types()).toEqual(['ping']);
});

test('without_a_token_another_network_asks_for_a_sign_of_life', () => {
  joined();
  signaling.renew();
  expect(FakeSocket.all).toHaveLength(1);
  expect(first.types()).toEqual(['ping']);
  vi.advanceTimersByTime(2_500);
  expect(lost).toHaveBeenCalledOnce();
});

test('close_is_not_lost', () => {
  joined('t');
  signaling.renew();
  signaling.close();
  first.drop();
  FakeSocket.last().drop();
  vi.advanceTimersByTime(60_000);
  expect(lost).not.toHaveBeenCalled();
  expect(FakeSocket.all).toHaveLength(2);
});
