import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Views, type Picture, type View } from '../client/views';
import { fakeTrack } from './fakes';

const track = (id: string) => fakeTrack('video', id) as unknown as MediaStreamTrack;
const ada: Picture = { mid: '3', track: track('ada'), kind: 'camera' };
const bob: Picture = { mid: '5', track: track('bob'), kind: 'camera' };
const screen: Picture = { mid: '7', track: track('screen'), kind: 'screen' };
const view = (change: Partial<View> = {}): View => ({
  width: 640,
  height: 360,
  visible: true,
  pinned: false,
  ...change,
});

let send: ReturnType<typeof vi.fn>;
let views: Views;

beforeEach(() => {
  vi.useFakeTimers();
  send = vi.fn();
  views = new Views('automatic', send);
});

afterEach(() => vi.useRealTimers());

const tell = (ms = 0) => vi.advanceTimersByTime(ms);

test('pictures_of_which_the_page_says_nothing_are_not_told', () => {
  views.receive([ada, bob]);
  tell(10_000);
  expect(send).not.toHaveBeenCalled();
});

test('all_tiles_of_a_page_make_one_message', () => {
  views.receive([ada, bob]);
  views.show(ada.track, view());
  views.show(bob.track, view({ height: 180, width: 320 }));
  tell();
  expect(send).toHaveBeenCalledExactlyOnceWith({ 3: view(), 5: view({ height: 180, width: 320 }) });
});

test('view_that_came_before_its_picture_is_told_with_it', () => {
  views.show(ada.track, view());
  tell(1_000);
  expect(send).not.toHaveBeenCalled();
  views.receive([ada]);
  tell();
  expect(send).toHaveBeenCalledExactlyOnceWith({ 3: view() });
});

test('growing_is_told_at_once_and_shrinking_when_it_lasts', () => {
  views.receive([ada]);
  views.show(ada.track, view());
  tell(1_000);
  views.show(ada.track, view({ width: 1280, height: 720 }));
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: view({ width: 1280, height: 720 }) });
  tell(1_000);
  views.show(ada.track, view());
  tell(499);
  expect(send).toHaveBeenCalledTimes(2);
  tell(1);
  expect(send).toHaveBeenLastCalledWith({ 3: view() });
});

test('tile_that_is_only_moved_keeps_its_picture', () => {
  views.receive([ada]);
  views.show(ada.track, view());
  tell(1_000);
  views.show(ada.track, view({ visible: false }));
  tell(400);
  views.show(ada.track, view());
  tell(5_000);
  expect(send).toHaveBeenCalledOnce();
  // The time begins anew.
  views.show(ada.track, view({ visible: false }));
  tell(499);
  expect(send).toHaveBeenCalledOnce();
  tell(1);
  expect(send).toHaveBeenLastCalledWith({ 3: { visible: false } });
});

test('one_that_grows_does_not_hurry_those_that_shrink', () => {
  views.receive([ada, bob]);
  views.show(ada.track, view());
  views.show(bob.track, view());
  tell(1_000);
  views.show(bob.track, view({ height: 180, width: 320 }));
  views.show(ada.track, view({ pinned: true }));
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: view({ pinned: true }) });
  tell(500);
  expect(send).toHaveBeenLastCalledWith({ 5: view({ height: 180, width: 320 }) });
});

test('window_that_is_dragged_makes_five_messages_a_second', () => {
  views.receive([ada]);
  for (let i = 0; i < 60; i += 1) {
    views.show(ada.track, view({ width: 640 + 32 * i, height: 360 + 18 * i }));
    tell(1_000 / 60);
  }
  tell(1_000);
  expect(send.mock.calls.length).toBeLessThanOrEqual(6);
  expect(send).toHaveBeenLastCalledWith({ 3: view({ width: 640 + 32 * 59, height: 360 + 18 * 59 }) });
});

test('a_pixel_more_is_no_change', () => {
  views.receive([ada]);
  views.show(ada.track, view());
  tell(1_000);
  views.show(ada.track, view({ width: 643, height: 362 }));
  tell(1_000);
  expect(send).toHaveBeenCalledOnce();
});

test('hidden_picture_may_change_its_size_unsaid', () => {
  views.receive([ada]);
  views.show(ada.track, view({ visible: false }));
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: { visible: false } });
  views.show(ada.track, view({ visible: false, width: 1280, height: 720 }));
  tell(1_000);
  expect(send).toHaveBeenCalledOnce();
  views.show(ada.track, view({ width: 1280, height: 720 }));
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: view({ width: 1280, height: 720 }) });
});

test('data_saver_bounds_size_and_frames_but_keeps_screens_legible', () => {
  views.receive([ada, bob, screen]);
  views.show(ada.track, view({ width: 1280, height: 720, pinned: true }));
  views.show(screen.track, view({ width: 1920, height: 1080 }));
  tell(1_000);
  views.choose('saver');
  tell();
  expect(send).toHaveBeenLastCalledWith({
    3: { width: 320, height: 180, visible: true, pinned: true, fps: 15 },
    5: { width: 320, height: 180, visible: true, pinned: false, fps: 15 },
    7: { width: 1920, height: 1080, visible: true, pinned: false, fps: 5 },
  });
  tell(1_000);
  views.show(ada.track, view({ width: 160, height: 90 }));
  tell(1_000);
  expect(send).toHaveBeenLastCalledWith({ 3: { width: 160, height: 90, visible: true, pinned: false, fps: 15 } });
});

test('sound_only_hides_everything_at_once_and_automatic_shows_it_again', () => {
  views.receive([ada, bob]);
  views.show(ada.track, view());
  tell(1_000);
  views.choose('sound-only');
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: { visible: false }, 5: { visible: false } });
  tell(1_000);
  views.choose('automatic');
  tell();
  expect(send).toHaveBeenLastCalledWith({ 3: view(), 5: { width: 0, height: 0, visible: true, pinned: false } });
});

test('choice_of_an_earlier_visit_holds_for_the_first_picture', () => {
  views = new Views('sound-only', send);
  views.receive([ada]);
  tell();
  expect(send).toHaveBeenCalledExactlyOnceWith({ 3: { visible: false } });
});

test('section_that_is_used_again_is_told_again', () => {
  views.receive([ada]);
  views.show(ada.track, view());
  tell(1_000);
  views.receive([]);
  tell(1_000);
  views.receive([ada]);
  tell();
  expect(send.mock.calls).toEqual([[{ 3: view() }], [{ 3: view() }]]);
});

test('after_lost_messages_all_is_told_again', () => {
  views.receive([ada, bob]);
  views.show(ada.track, view());
  tell(1_000);
  views.resend();
  tell();
  expect(send.mock.calls).toEqual([[{ 3: view() }], [{ 3: view() }]]);
});

test('closed_views_are_silent', () => {
  views.receive([ada]);
  views.show(ada.track, view());
  views.close();
  tell(1_000);
  expect(send).not.toHaveBeenCalled();
});
