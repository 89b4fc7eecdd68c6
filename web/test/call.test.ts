import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Call } from '../client/call';
import { Emitter } from '../client/emitter';
import type { Link, LinkEnd, LinkOptions } from '../client/link';
import { LocalMedia } from '../client/local-media';
import { installBrowser } from './fakes';

/** A Link that does what the test says. */
class FakeLink extends Emitter<Record<string, unknown>> {
  networkChanged = vi.fn();
  close = vi.fn();
  show = vi.fn();
  choosePictures = vi.fn();

  constructor(readonly options: LinkOptions) {
    super();
  }

  tell(name: string, event?: unknown): void {
    this.emit(name, event);
  }

  end(reason: LinkEnd): void {
    this.emit('ended', { reason, detail: '' });
  }
}

let links: FakeLink[];
let call: Call;
const link = () => links.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
  links = [];
  call = new Call({ url: 'ws://h/sdp', room: 'r', name: 'Ada', role: 'call', media: new LocalMedia() }, (options) => {
    links.push(new FakeLink(options));
    return link() as unknown as Link;
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('call_reconnects_with_a_new_id_and_knows_its_former_ones', () => {
  link().tell('connected');
  expect(call.snapshot.state).toBe('connected');
  const first = link().options.peerId;
  link().end('signaling');
  expect(call.snapshot).toMatchObject({ state: 'reconnecting', trouble: 'signaling', failures: 1 });
  vi.advanceTimersByTime(500);
  expect(links).toHaveLength(2);
  expect(link().options.peerId).not.toBe(first);
  expect(link().options.formerIds).toContain(first);
  expect(link().options.media).toBe(call.media);
  link().tell('connected');
  expect(call.snapshot).toMatchObject({ state: 'connected', trouble: null });
  expect(call.timings.reconnects).toBe(1);
});

test('pauses_grow_and_a_good_connection_resets_them', () => {
  for (let i = 0; i < 6; i += 1) {
    link().end('signaling');
    vi.advanceTimersByTime(8_000);
  }
  expect(links).toHaveLength(7);
  link().end('signaling');
  vi.advanceTimersByTime(3_900);
  expect(links).toHaveLength(7);
  vi.advanceTimersByTime(4_100);
  link().tell('connected');
  vi.advanceTimersByTime(5_000);
  expect(call.snapshot.failures).toBe(0);
  link().end('media');
  vi.advanceTimersByTime(500);
  expect(links).toHaveLength(9);
});

test('people_stay_on_the_screen_while_their_streams_are_gone', () => {
  const ada = { id: 'a', name: 'Ada', role: 'call', audioMuted: false, videoMuted: false };
  link().tell('connected');
  link().tell('participants', { participants: [ada], audience: 0 });
  link().tell('streams', [{ id: 's' }]);
  link().end('media');
  expect(call.snapshot.participants).toEqual([ada]);
  expect(call.snapshot.streams).toEqual([]);
});

test('connection_that_is_repaired_keeps_its_streams_and_is_no_new_one', () => {
  link().tell('connected');
  link().tell('streams', [{ id: 's' }]);
  link().tell('interrupted');
  expect(call.snapshot).toMatchObject({ state: 'reconnecting', trouble: null, streams: [{ id: 's' }] });
  link().tell('connected');
  expect(call.snapshot.state).toBe('connected');
  expect(call.timings.reconnects).toBe(0);
  expect(links).toHaveLength(1);
});

test('full_room_is_asked_slowly', () => {
  link().end('room-full');
  expect(call.snapshot).toMatchObject({ state: 'connecting', trouble: 'room-full' });
  vi.advanceTimersByTime(7_000);
  expect(links).toHaveLength(1);
  vi.advanceTimersByTime(6_000);
  expect(links).toHaveLength(2);
});

test('left_is_final', () => {
  link().end('left');
  vi.advanceTimersByTime(60_000);
  expect(call.snapshot.state).toBe('left');
  expect(links).toHaveLength(1);
});

test('leave_says_goodbye_and_stops_retrying', () => {
  const current = link();
  call.leave();
  expect(current.close).toHaveBeenCalledOnce();
  expect(call.snapshot.state).toBe('left');
  window.dispatchEvent(new Event('online'));
  vi.advanceTimersByTime(60_000);
  expect(links).toHaveLength(1);
});

test('network_that_comes_back_ends_the_pause', () => {
  link().tell('connected');
  link().end('signaling');
  window.dispatchEvent(new Event('online'));
  expect(links).toHaveLength(2);
  window.dispatchEvent(new Event('online'));
  expect(link().networkChanged).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10_000);
  expect(links).toHaveLength(2);
});

test('page_that_goes_leaves', () => {
  window.dispatchEvent(new Event('pagehide'));
  expect(link().close).toHaveBeenCalledOnce();
  window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  expect(links).toHaveLength(2);
});

test('choice_of_pictures_stays_over_a_reconnect_and_the_estimate_does_not', () => {
  const line = { bps: 1, acknowledged: 1, cause: 'loss' };
  link().tell('connected');
  link().tell('line', line);
  expect(call.snapshot).toMatchObject({ pictures: 'automatic', line });
  call.choosePictures('saver');
  expect(link().choosePictures).toHaveBeenCalledExactlyOnceWith('saver');
  const view = { width: 1, height: 1, visible: true, pinned: false };
  const track = {} as MediaStreamTrack;
  call.show(track, view);
  expect(link().show).toHaveBeenCalledExactlyOnceWith(track, view);
  link().end('media');
  call.show(track, view);
  expect(call.snapshot).toMatchObject({ pictures: 'saver', line: null });
  vi.advanceTimersByTime(500);
  expect(link().options.pictures).toBe('saver');
});
