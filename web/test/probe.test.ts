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

const host = (port: number, address = '10.0.0.2'): Candidate => ({
  address,
  port,
  protocol: 'udp',
  type: 'host',
  base: null,
});
const seen = (port: number, base: number | null, address = '10.0.0.2'): Candidate => ({
  address: '198.51.100.7',
  port,
  protocol: 'udp',
  type: 'srflx',
  base: base === null ? null : { address, port: base },
});

const all = (...found: Candidate[]) => ({ found, complete: true });
const some = (...found: Candidate[]) => ({ found, complete: false });

test.each([
  ['no NAT', all(host(5000)), all(host(5001)), 'none'],
  ['one address for both ports', some(host(5000), seen(6000, 5000)), some(seen(6001, 5001)), 'same'],
  ['one for each port', some(host(5000), seen(6000, 5000), seen(6001, 5000)), some(seen(6002, 5001)), 'different'],
  ['second port does not answer', some(host(5000), seen(6000, 5000)), some(host(5001)), null],
  ['second port answers another interface only', some(seen(6000, 5000)), some(seen(6001, 5001, '10.9.0.2')), null],
  [
    'two interfaces with one each',
    some(host(5000), host(5001, '10.9.0.2'), seen(6000, 5000), seen(6001, 5001, '10.9.0.2')),
    some(seen(6002, 5002)),
    'same',
  ],
  [
    'two interfaces, one of them odd',
    some(host(5000), host(5001), seen(1, 5000), seen(2, 5000), seen(3, 5001)),
    some(),
    'different',
  ],
  ['hidden bases of one interface', some(host(5000), seen(6000, null), seen(6001, null)), some(), 'different'],
  ['hidden bases of two interfaces', some(host(5000), host(5001), seen(6000, null), seen(6001, null)), some(), null],
  ['hidden bases, one address', some(host(5000), seen(6000, null)), some(seen(6001, null)), 'same'],
  ['an interface that leads nowhere, and no NAT', some(host(5000)), some(host(5001)), null],
])('%s', (_, both, second, mapping) => {
  expect(judge(both, second).mapping).toBe(mapping);
});

test('udp_is_proved_by_an_answer', () => {
  expect(judge(some(host(5000), seen(6000, 5000)), null)).toMatchObject({ udp: true, mapping: null });
  expect(judge(all(host(5000)), null)).toMatchObject({ udp: true, mapping: null });
  expect(judge(some(host(5000)), null).udp).toBe(false);
  expect(judge(all(), null).udp).toBe(false);
});

const servers = [
  { address: '203.0.113.10', port: 8000 },
  { address: '2001:db8::1', port: 8001 },
];

test('probe_asks_both_ports_from_one_and_throws_its_connections_away', async () => {
  const result = probe(servers);
  const [both, alone] = FakePeerConnection.all as [FakePeerConnection, FakePeerConnection];
  expect(both.configuration).toEqual({ iceServers: [{ urls: ['stun:203.0.113.10:8000', 'stun:[2001:db8::1]:8001'] }] });
  expect(alone.configuration).toEqual({ iceServers: [{ urls: ['stun:[2001:db8::1]:8001'] }] });
  await settle();
  both.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  both.found('candidate:2 1 udp 8 198.51.100.7 6000 typ srflx raddr 10.0.0.2 rport 5000');
  both.found('candidate:3 1 tcp 7 10.0.0.2 9 typ host tcptype active');
  alone.found('candidate:2 1 udp 8 198.51.100.7 6001 typ srflx raddr 10.0.0.2 rport 5001');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await result).toMatchObject({ udp: true, mapping: 'same', locals: [{ port: 5000 }], seen: [{ port: 6000 }] });
  expect(FakePeerConnection.all.map(({ signalingState }) => signalingState)).toEqual(['closed', 'closed']);
});

test('answer_that_does_not_come_is_not_waited_for', async () => {
  const result = probe(servers.slice(0, 1));
  const pc = FakePeerConnection.last();
  await settle();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await result).toMatchObject({ udp: false, mapping: null });
  expect(pc.signalingState).toBe('closed');
});

test('server_that_is_unreachable_is_no_nat', async () => {
  const result = probe(servers.slice(0, 1));
  const pc = FakePeerConnection.last();
  await settle();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host');
  pc.fire('icecandidateerror', { errorCode: 701 });
  pc.iceGatheringState = 'complete';
  pc.fire('icegatheringstatechange');
  expect(await result).toMatchObject({ udp: false, mapping: null });
});
