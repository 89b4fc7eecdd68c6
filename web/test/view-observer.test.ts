import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { observeView } from '../client/view-observer';

class FakeObserver {
  static all: FakeObserver[] = [];
  isStopped = false;

  constructor(readonly changed: (entries: { isIntersecting: boolean }[]) => void) {
    FakeObserver.all.push(this);
  }

  observe = vi.fn();
  disconnect = () => void (this.isStopped = true);
}
class FakeSight extends FakeObserver {}
class FakeSize extends FakeObserver {}

class FakeDocument extends EventTarget {
  hidden = false;
  fullscreenElement: unknown = null;
  pictureInPictureElement: unknown = null;
}

let page: FakeDocument;
let density: EventTarget;
let video: EventTarget & { clientWidth: number; clientHeight: number; videoWidth: number; videoHeight: number };
let objectFit: string;
let changed: ReturnType<typeof vi.fn>;
let stop: () => void;

const observer = (kind: typeof FakeObserver) => FakeObserver.all.find((one) => one instanceof kind)!;
const scroll = (isIntersecting: boolean) => observer(FakeSight).changed([{ isIntersecting }]);
const resize = (change: Partial<typeof video>) => {
  Object.assign(video, change);
  observer(FakeSize).changed([]);
};
const hide = (hidden: boolean) => {
  page.hidden = hidden;
  page.dispatchEvent(new Event('visibilitychange'));
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeObserver.all = [];
  page = new FakeDocument();
  density = new EventTarget();
  video = Object.assign(new EventTarget(), { clientWidth: 400, clientHeight: 300, videoWidth: 0, videoHeight: 0 });
  objectFit = 'cover';
  vi.stubGlobal('document', page);
  vi.stubGlobal('window', { devicePixelRatio: 2 });
  vi.stubGlobal('matchMedia', () => density);
  vi.stubGlobal('getComputedStyle', () => ({ objectFit }));
  vi.stubGlobal('IntersectionObserver', FakeSight);
  vi.stubGlobal('ResizeObserver', FakeSize);
  changed = vi.fn();
  stop = observeView(video as unknown as HTMLVideoElement, changed);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('nothing_is_said_before_it_is_known_whether_it_is_in_sight', () => {
  resize({});
  expect(changed).not.toHaveBeenCalled();
  scroll(true);
  expect(changed).toHaveBeenCalledExactlyOnceWith({ width: 800, height: 600, visible: true });
});

test('size_is_that_of_the_whole_picture', () => {
  scroll(true);
  resize({ videoWidth: 1280, videoHeight: 720 });
  expect(changed).toHaveBeenLastCalledWith({ width: 1067, height: 600, visible: true });
  resize({ videoWidth: 720, videoHeight: 1280 });
  expect(changed).toHaveBeenLastCalledWith({ width: 800, height: 1422, visible: true });
  objectFit = 'contain';
  resize({ videoWidth: 1280, videoHeight: 720 });
  expect(changed).toHaveBeenLastCalledWith({ width: 800, height: 450, visible: true });
});

test('another_shape_and_another_monitor_are_noticed', () => {
  scroll(true);
  Object.assign(video, { videoWidth: 720, videoHeight: 1280 });
  video.dispatchEvent(new Event('resize'));
  expect(changed).toHaveBeenLastCalledWith({ width: 800, height: 1422, visible: true });
  for (const devicePixelRatio of [1, 3]) {
    window.devicePixelRatio = devicePixelRatio;
    density.dispatchEvent(new Event('change'));
    expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ width: 400 * devicePixelRatio }));
  }
});

test('picture_that_is_scrolled_away_is_not_visible', () => {
  scroll(false);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: false }));
  scroll(true);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: true }));
});

test('page_that_is_hidden_for_long_shows_nothing_and_at_once_again', () => {
  scroll(true);
  hide(true);
  vi.advanceTimersByTime(4_999);
  expect(changed).toHaveBeenCalledOnce();
  hide(false);
  vi.advanceTimersByTime(10_000);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: true }));
  hide(true);
  vi.advanceTimersByTime(5_000);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: false }));
  hide(false);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: true }));
});

test('page_that_begins_hidden_is_hidden', () => {
  stop();
  FakeObserver.all = [];
  page.hidden = true;
  stop = observeView(video as unknown as HTMLVideoElement, changed);
  scroll(true);
  vi.advanceTimersByTime(5_000);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: false }));
});

test('picture_above_other_windows_is_visible_on_a_hidden_page', () => {
  scroll(true);
  page.pictureInPictureElement = video;
  video.dispatchEvent(new Event('enterpictureinpicture'));
  hide(true);
  vi.advanceTimersByTime(5_000);
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: true }));
  page.pictureInPictureElement = null;
  video.dispatchEvent(new Event('leavepictureinpicture'));
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: false }));
});

test('full_screen_of_another_tile_covers_it', () => {
  scroll(true);
  page.fullscreenElement = { contains: (element: unknown) => element !== video };
  page.dispatchEvent(new Event('fullscreenchange'));
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: false }));
  page.fullscreenElement = { contains: (element: unknown) => element === video };
  page.dispatchEvent(new Event('fullscreenchange'));
  expect(changed).toHaveBeenLastCalledWith(expect.objectContaining({ visible: true }));
});

test('stopped_observer_says_nothing_more', () => {
  scroll(true);
  hide(true);
  stop();
  vi.advanceTimersByTime(10_000);
  hide(false);
  page.dispatchEvent(new Event('fullscreenchange'));
  video.dispatchEvent(new Event('resize'));
  density.dispatchEvent(new Event('change'));
  expect(FakeObserver.all.map(({ isStopped }) => isStopped)).toEqual([true, true]);
  expect(changed).toHaveBeenCalledOnce();
});
