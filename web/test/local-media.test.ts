import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LocalMedia } from '../client/local-media';
import { fakeTrack } from './fakes';

type Constraints = { audio?: unknown; video?: unknown };
let getUserMedia: ReturnType<typeof vi.fn>;

beforeEach(() => {
  getUserMedia = vi.fn(async ({ audio, video }: Constraints) => {
    const tracks = [...(audio ? [fakeTrack('audio')] : []), ...(video ? [fakeTrack('video')] : [])];
    const ofKind = (kind: string) => tracks.filter((track) => track.kind === kind);
    return { getTracks: () => tracks, getAudioTracks: () => ofKind('audio'), getVideoTracks: () => ofKind('video') };
  });
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
  vi.stubGlobal('window', { isSecureContext: true });
});

afterEach(() => vi.unstubAllGlobals());

const refuse = (name: string, when: (constraints: Constraints) => boolean) => {
  const works = getUserMedia.getMockImplementation()!;
  getUserMedia.mockImplementation((constraints: Constraints) =>
    when(constraints) ? Promise.reject(new DOMException('no', name)) : works(constraints),
  );
};

test('both_devices_cost_one_question', async () => {
  const media = new LocalMedia();
  await media.open();
  expect(getUserMedia).toHaveBeenCalledOnce();
  expect([media.microphone.on, media.camera.on]).toEqual([true, true]);
});

test('microphone_works_without_camera', async () => {
  refuse('NotFoundError', ({ video }) => video !== undefined);
  const media = new LocalMedia();
  await media.open();
  expect(media.microphone).toMatchObject({ on: true, problem: null });
  expect(media.camera).toMatchObject({ on: false, track: null, problem: 'missing' });
});

test.each([
  ['NotAllowedError', 'refused'],
  ['NotFoundError', 'missing'],
  ['NotReadableError', 'busy'],
  ['TypeError', 'failed'],
])('%s_is_%s', async (name, problem) => {
  refuse(name, () => true);
  const media = new LocalMedia();
  await media.open();
  expect([media.microphone.problem, media.camera.problem]).toEqual([problem, problem]);
});

test('insecure_page_has_no_devices', async () => {
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('window', { isSecureContext: false });
  const media = new LocalMedia();
  await media.open();
  expect([media.microphone.problem, media.camera.problem]).toEqual(['insecure', 'insecure']);
});

test('a_chosen_device_that_is_not_there_is_replaced_by_any', async () => {
  const wants = (kind: unknown) => (kind as { deviceId?: unknown } | undefined)?.deviceId !== undefined;
  refuse('OverconstrainedError', ({ audio, video }) => wants(audio) || wants(video));
  const media = new LocalMedia({ microphoneId: 'headset', cameraId: 'usb' });
  await media.open();
  expect(media.microphone).toMatchObject({ on: true, problem: null });
  expect(media.camera).toMatchObject({ on: true, problem: null });
  await media.chooseCamera('other');
  expect(media.camera).toMatchObject({ on: true, deviceId: 'other', problem: null });
});

test('muted_microphone_keeps_its_track', async () => {
  const media = new LocalMedia();
  await media.open();
  const { track } = media.microphone;
  await media.setMicrophone(false);
  expect(media.microphone).toMatchObject({ on: false, track });
  expect(track!.enabled).toBe(false);
});

test('fast_clicks_leave_no_camera_running', async () => {
  const media = new LocalMedia();
  await media.open({ microphone: false, camera: true });
  const first = media.camera.track!;
  await Promise.all([media.setCamera(false), media.setCamera(true), media.setCamera(false)]);
  expect(first.stop).toHaveBeenCalledOnce();
  expect(media.camera).toMatchObject({ on: false, track: null });
});

test('other_camera_replaces_the_first', async () => {
  const media = new LocalMedia();
  await media.open();
  const first = media.camera.track!;
  await media.chooseCamera('usb');
  expect(first.stop).toHaveBeenCalled();
  expect(media.camera.track).not.toBe(first);
  expect(getUserMedia).toHaveBeenLastCalledWith({ video: expect.objectContaining({ deviceId: { exact: 'usb' } }) });
});

test('unplugged_camera_is_replaced_by_the_default_one', async () => {
  const media = new LocalMedia({ cameraId: 'usb' });
  await media.open();
  const first = media.camera.track!;
  first.onended?.(new Event('ended'));
  await vi.waitFor(() => expect(media.camera).toMatchObject({ on: true, deviceId: null, problem: null }));
  expect(media.camera.track).not.toBe(first);
});

test('device_that_opens_after_close_is_released', async () => {
  const media = new LocalMedia();
  const opening = media.open();
  media.close();
  await opening;
  expect([media.microphone.track, media.camera.track]).toEqual([null, null]);
});
