import { beforeEach, expect, test, vi } from 'vitest';
import { Negotiator } from '../client/negotiator';
import { FakePeerConnection, settle } from './fakes';

let pc: FakePeerConnection;
let negotiator: Negotiator;
const output = { offer: vi.fn(), answer: vi.fn(), failed: vi.fn() };

beforeEach(() => {
  vi.clearAllMocks();
  pc = new FakePeerConnection();
  negotiator = new Negotiator(pc as unknown as RTCPeerConnection, output);
});

test('offer_is_answered', async () => {
  const applied = vi.fn(() => expect(output.answer).not.toHaveBeenCalled());
  negotiator.remoteOffer('s1', applied);
  await settle();
  expect(applied).toHaveBeenCalledOnce();
  expect(output.answer).toHaveBeenCalledWith('local-answer-0');
});

test('stereo_is_wished_for_in_answers_and_in_later_offers', async () => {
  const opus = 'm=audio 9 X 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 ';
  pc.made = `${opus}minptime=10\r\n`;
  negotiator.remoteOffer(`${opus}sprop-stereo=1\r\n`, () => undefined);
  await settle();
  expect(output.answer).toHaveBeenCalledWith(`${opus}minptime=10;stereo=1\r\n`);
  pc.onnegotiationneeded?.();
  await settle();
  expect(output.offer).toHaveBeenCalledWith(`${opus}minptime=10;stereo=1\r\n`);
});

test('glare_lets_the_servers_offer_win_and_offers_again', async () => {
  pc.onnegotiationneeded?.();
  await settle();
  expect(output.offer).toHaveBeenCalledTimes(1);
  negotiator.remoteOffer('s1', () => undefined);
  await settle();
  expect(output.answer).toHaveBeenCalledOnce();
  expect(pc.signalingState).toBe('stable');
  // The browser sees that its own change is still not negotiated.
  pc.onnegotiationneeded?.();
  await settle();
  expect(output.offer).toHaveBeenCalledTimes(2);
  negotiator.remoteAnswer('a2');
  await settle();
  expect(pc.signalingState).toBe('stable');
});

test('offer_waits_while_the_servers_offer_is_being_answered', async () => {
  negotiator.remoteOffer('s1', () => undefined);
  pc.onnegotiationneeded?.();
  await settle();
  expect(output.answer).toHaveBeenCalledOnce();
  expect(output.offer).toHaveBeenCalledOnce();
  expect(output.answer.mock.invocationCallOrder[0]!).toBeLessThan(output.offer.mock.invocationCallOrder[0]!);
});

test('answer_without_open_offer_is_dropped', async () => {
  negotiator.remoteAnswer('late');
  await settle();
  expect(pc.remoteDescription).toBeNull();
  expect(output.failed).not.toHaveBeenCalled();
});

test('candidates_wait_for_the_first_description', async () => {
  negotiator.remoteCandidate({ candidate: 'one' });
  negotiator.remoteCandidate({ candidate: 'two' });
  await settle();
  expect(pc.candidates).toEqual([]);
  negotiator.remoteOffer('s1', () => undefined);
  negotiator.remoteCandidate({ candidate: 'three' });
  await settle();
  expect(pc.candidates).toEqual(['one', 'two', 'three']);
});

test('bad_candidate_is_no_failure', async () => {
  negotiator.remoteOffer('s1', () => undefined);
  negotiator.remoteCandidate({ candidate: 'bad' });
  negotiator.remoteCandidate({ candidate: 'good' });
  await settle();
  expect(pc.candidates).toEqual(['good']);
  expect(output.failed).not.toHaveBeenCalled();
});

test('bad_description_is_reported', async () => {
  negotiator.remoteOffer('bad', () => undefined);
  await settle();
  expect(output.failed).toHaveBeenCalledOnce();
});

test('closed_connection_says_nothing_more', async () => {
  pc.close();
  negotiator.remoteOffer('bad', () => undefined);
  await settle();
  expect(output.failed).not.toHaveBeenCalled();
  expect(output.answer).not.toHaveBeenCalled();
});
