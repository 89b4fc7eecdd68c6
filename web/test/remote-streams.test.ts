import { expect, test } from 'vitest';
import { RemoteStreams, sourceOf } from '../client/remote-streams';
import { FakeStream, fakeTrack } from './fakes';

const media = (stream: FakeStream) => stream as unknown as MediaStream;

test('streams_get_owner_and_kind_from_the_offer', () => {
  const streams = new RemoteStreams();
  const camera = new FakeStream([fakeTrack('audio', 'a'), fakeTrack('video', 'v')], 'c');
  const screen = new FakeStream([fakeTrack('video', 's')], 's');
  streams.added([media(camera), media(screen)]);
  streams.describe([
    { id: 'c', participant: 'ada', sources: ['microphone', 'camera'] },
    { id: 's', participant: 'ada', sources: ['screen'] },
  ]);
  expect(streams.refresh()).toBe(true);
  expect(streams.streams.map(({ id, participant, kind }) => [id, participant, kind])).toEqual([
    ['c', 'ada', 'camera'],
    ['s', 'ada', 'screen'],
  ]);
  expect(sourceOf(streams.streams[0]!, 'audio')).toBe('microphone');
  expect(sourceOf(streams.streams[1]!, 'video')).toBe('screen');
  expect(streams.refresh()).toBe(false);
});

test('track_that_left_its_stream_is_gone', () => {
  const streams = new RemoteStreams();
  const camera = new FakeStream([fakeTrack('audio'), fakeTrack('video')], 'c');
  streams.added([media(camera)]);
  streams.refresh();
  camera.tracks = camera.getAudioTracks();
  expect(streams.refresh()).toBe(true);
  expect(streams.streams[0]!.video).toBeNull();
  camera.tracks = [];
  expect(streams.refresh()).toBe(true);
  expect(streams.streams).toEqual([]);
});

test('section_used_again_shows_its_track_under_the_new_owner', () => {
  const streams = new RemoteStreams();
  const track = fakeTrack('video');
  const first = new FakeStream([track], 'first');
  streams.added([media(first)]);
  streams.describe([{ id: 'first', participant: 'ada', sources: ['camera'] }]);
  streams.refresh();
  first.tracks = [];
  streams.added([media(new FakeStream([track], 'second'))]);
  streams.describe([{ id: 'second', participant: 'bob', sources: ['camera'] }]);
  streams.refresh();
  expect(streams.streams.map(({ id, participant }) => [id, participant])).toEqual([['second', 'bob']]);
});

test('unchanged_streams_keep_their_identity', () => {
  const streams = new RemoteStreams();
  streams.added([media(new FakeStream([fakeTrack('video')], 'a'))]);
  streams.refresh();
  const [before] = streams.streams;
  streams.added([media(new FakeStream([fakeTrack('video')], 'b'))]);
  streams.refresh();
  expect(streams.streams[0]).toBe(before);
});

test('picture_keeps_its_form_until_another_begins_in_its_section', () => {
  const streams = new RemoteStreams();
  const track = fakeTrack('video');
  const picture = track as unknown as MediaStreamTrack;
  const first = new FakeStream([track], 'first');
  streams.added([media(first)]);
  streams.refresh();
  expect(streams.streams[0]!.viewing.state).toBe('whole');
  const paused = { state: 'paused', reason: 'bandwidth', width: 0, height: 0, fps: 0 } as const;
  expect(streams.view(fakeTrack('video') as unknown as MediaStreamTrack, paused)).toBe(false);
  expect(streams.view(picture, paused)).toBe(true);
  expect(streams.refresh()).toBe(false);
  expect(streams.streams[0]!.viewing).toBe(paused);
  first.tracks = [];
  streams.added([media(new FakeStream([track], 'second'))]);
  streams.refresh();
  expect(streams.streams.map(({ id, viewing }) => [id, viewing.state])).toEqual([['second', 'whole']]);
});
