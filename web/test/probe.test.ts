import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Candidate } from '../client/candidate';
import { judge, probe } from '../client/probe';
import { FakePeerConnection, installBrowser, settle } from './fakes';

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const host = (port: number, address = '10.0.0.2'): Candidate => ({ address, port, protocol: 'udp', type: 'host', base: null });
const seen = (port: number, base: number | null, address = '10.0.0.2'): Candidate => ({
  address: '198.51.100.7',
  port,
  protocol: 'udp',
  type: 'srflx',
  base: base === null ? null : { address, port: base },
});

test.each([
  ['no NAT', [host(5000)], 'none'],
  ['one address for both ports', [host(5000), seen(6000, 5000)], 'same'],
  ['one for each port', [host(5000), seen(6000, 5000), seen(6001, 5000)], 'different'],
  ['two interfaces with one each', [host(5000), host(5001, '10.9.0.2'), seen(6000, 5000), seen(6001, 5001, '10.9.0.2')], 'same'],
  ['two interfaces, one of them odd', [host(5000), host(5001), seen(1, 5000), seen(2, 5000), seen(3, 5001)], 'different'],
  ['hidden bases of one interface', [host(5000), seen(6000, null), seen(6001, null)], 'different'],
  ['hidden bases of two interfaces', [host(5000), host(5001), seen(6000, null), seen(6001, null)], null],
])('%s', (_, found, mapping) => {
  expect(judge(found, 2, true)).toMatchObject({ udp: true, mapping });
});

test('one_address_proves_nothing', () => {
  expect(judge([host(5000), seen(6000, 5000)], 1, true)).toMatchObject({ udp: true, mapping: null });
});

test('missing_answer_leaves_the_mapping_open', () => {
  expect(judge([host(5000), seen(6000, 5000)], 2, false)).toMatchObject({ udp: true, mapping: null });
  expect(judge([host(5000)], 2, false)).toMatchObject({ udp: false, mapping: null });
  expect(judge([], 2, true)).toMatchObject({ udp: false, mapping: null });
});

const servers = [
  { address: '203.0.113.10', port: 8000 },
  { address: '2001:db8::1', port: 8001 },
];

test('probe_asks_all_ports_and_throws_its_connection_away', async () => {
  const result = probe(servers);
  const pc = FakePeerConnection.last();
  expect(pc.configuration).toEqual({ iceServers: [{ urls: ['stun:203.0.113.10:8000', 'stun:[2001:db8::1]:8001'] }] });
  await settle();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  pc.found('candidate:2 1 udp 8 198.51.100.7 6000 typ srflx raddr 10.0.0.2 rport 5000');
  pc.found('candidate:3 1 tcp 7 10.0.0.2 9 typ host tcptype active');
  pc.iceGatheringState = 'complete';
  pc.fire('icegatheringstatechange');
  expect(await result).toMatchObject({ udp: true, mapping: 'same', locals: [{ port: 5000 }] });
  expect(pc.signalingState).toBe('closed');
});

test('answer_that_does_not_come_is_not_waited_for', async () => {
  const result = probe(servers);
  const pc = FakePeerConnection.last();
  await settle();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await result).toMatchObject({ udp: false, mapping: null });
  expect(pc.signalingState).toBe('closed');
});

test('server_that_is_unreachable_is_no_nat', async () => {
  const result = probe(servers);
  const pc = FakePeerConnection.last();
  await settle();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  pc.fire('icecandidateerror', { errorCode: 701 });
  pc.iceGatheringState = 'complete';
  pc.fire('icegatheringstatechange');
  expect(await result).toMatchObject({ udp: false, mapping: null });
});
