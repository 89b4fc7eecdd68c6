import { expect, test } from 'vitest';
import { wishStereo } from '../client/stereo';

const section = (mid: string, fmtp: string) =>
  `m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:${mid}\r\na=rtpmap:111 opus/48000/2\r\n${fmtp}a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n`;
const head = 'v=0\r\ns=-\r\n';
const offer =
  head + section('0', 'a=fmtp:111 useinbandfec=1;sprop-stereo=1\r\n') + section('1', 'a=fmtp:111 useinbandfec=1\r\n');

test('stereo_that_is_sent_is_wished_for', () => {
  const answer =
    head + section('0', 'a=fmtp:111 minptime=10;useinbandfec=1\r\n') + section('1', 'a=fmtp:111 minptime=10\r\n');
  expect(wishStereo(answer, offer)).toBe(
    head +
      section('0', 'a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n') +
      section('1', 'a=fmtp:111 minptime=10\r\n'),
  );
});

test('stereo_is_wished_for_where_there_are_no_parameters', () => {
  expect(wishStereo(head + section('0', ''), offer)).toBe(head + section('0', 'a=fmtp:111 stereo=1\r\n'));
});

test('a_browsers_own_word_on_stereo_stays', () => {
  const answer = head + section('0', 'a=fmtp:111 maxplaybackrate=48000;stereo=1\r\n');
  expect(wishStereo(answer, offer)).toBe(answer);
});

test('descriptions_without_opus_or_mids_stay', () => {
  const strange = `${head}m=audio 9 X 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 9 X 96\r\na=mid:0\r\n`;
  expect(wishStereo(strange, offer)).toBe(strange);
  expect(wishStereo(strange, '')).toBe(strange);
});
