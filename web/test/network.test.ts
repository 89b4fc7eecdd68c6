import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Candidate } from '../client/candidate';
import { Connectivity } from '../client/connectivity';
import { isOwnAddress, isPortKept } from '../client/network';
import { onNetworkChange } from '../client/network-events';
import { makeReport } from '../client/report';
import type { CallSummary } from '../client/summary';
import { Timeline } from '../client/timeline';
import { FakePeerConnection, installBrowser, settle } from './fakes';

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const host = (address: string, port: number): Candidate => ({
  address,
  port,
  protocol: 'udp',
  type: 'host',
  base: null,
});
const nat = { address: '198.51.100.7', port: 5000, protocol: 'udp' } as const;

test('nat_is_seen_by_addresses_and_ports', () => {
  expect(isOwnAddress(nat, [host('10.0.0.2', 5000)])).toBe(false);
  expect(isOwnAddress(nat, [host('10.0.0.2', 5000), host('198.51.100.7', 5001)])).toBe(true);
  expect(isOwnAddress(nat, [host('af2c.local', 5000)])).toBeNull();
  expect(isOwnAddress(nat, [])).toBeNull();
  expect(isPortKept(nat, [host('10.0.0.2', 5000)])).toBe(true);
  expect(isPortKept(nat, [host('10.0.0.2', 5001)])).toBe(false);
  expect(isPortKept({ ...nat, protocol: 'tcp' }, [host('10.0.0.2', 5000)])).toBeNull();
});

function watched(): { pc: FakePeerConnection; connectivity: Connectivity; timeline: Timeline } {
  const pc = new FakePeerConnection({ iceServers: [] });
  const timeline = new Timeline();
  return { pc, timeline, connectivity: new Connectivity(pc as unknown as RTCPeerConnection, timeline) };
}

test('addresses_of_this_device_are_those_of_the_latest_restart', () => {
  const { pc, connectivity } = watched();
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host', 'one');
  pc.found('candidate:1 1 udp 9 10.0.0.2 5000 typ host', 'one');
  pc.found('candidate:2 1 tcp 9 10.0.0.2 9 typ host tcptype active', 'one');
  expect(connectivity.facts.locals.map(({ port }) => port)).toEqual([5000, 9]);
  pc.found('candidate:1 1 udp 9 10.0.0.2 5001 typ host', 'two');
  expect(connectivity.facts.locals.map(({ port }) => port)).toEqual([5001]);
  connectivity.close();
});

test('address_is_the_one_that_the_server_sends_to', () => {
  const { pc, connectivity } = watched();
  connectivity.seen(nat);
  expect(connectivity.facts).toMatchObject({ seen: nat, changes: 0, roamed: 0 });
  connectivity.moved({ ...nat, port: 5001 }, 'nominated', 0);
  pc.become('connected');
  // The server saw this address but does not send there: a second interface, or an attacker.
  connectivity.seen({ ...nat, port: 5002 });
  expect(connectivity.facts).toMatchObject({ seen: { port: 5001 }, changes: 0 });
  connectivity.moved({ ...nat, port: 5003 }, 'roamed', 1);
  connectivity.moved({ ...nat, port: 5003 }, 'roamed', 1); // once more, by a new socket
  connectivity.moved({ ...nat, port: 5004 }, 'restarted', 2);
  expect(connectivity.facts).toMatchObject({ seen: { port: 5004 }, changes: 2, roamed: 1 });
  connectivity.close();
});

test('way_follows_the_selected_pair', async () => {
  const { pc, connectivity, timeline } = watched();
  pc.select({ candidateType: 'host', protocol: 'tcp' });
  pc.become('connected');
  await settle();
  expect(connectivity.facts).toMatchObject({ way: 'tcp', reason: 'blocked' });
  pc.select({ candidateType: 'prflx', protocol: 'udp' });
  connectivity.seen(nat);
  await settle();
  expect(connectivity.facts).toMatchObject({ way: 'udp', reason: 'returned' });
  const ways = timeline.entries.filter(({ event }) => event === 'way').map(({ way }) => way);
  expect(ways).toEqual(['tcp', 'udp']);
  connectivity.close();
});

test('way_is_seen_though_the_statistics_are_a_little_old', async () => {
  const { pc, connectivity } = watched();
  pc.select({ candidateType: 'prflx', protocol: 'udp' });
  pc.become('connected');
  await settle();
  connectivity.seen(nat);
  await settle();
  expect(connectivity.facts.way).toBe('udp');
  pc.select({ candidateType: 'prflx', protocol: 'tcp' });
  await vi.advanceTimersByTimeAsync(100);
  expect(connectivity.facts.way).toBe('tcp');
  connectivity.close();
});

test('timeline_is_bounded', () => {
  const timeline = new Timeline();
  for (let i = 0; i < 2_010; i += 1) timeline.note('e', { i });
  expect(timeline.entries).toHaveLength(2_000);
  expect(timeline.entries[0]).toMatchObject({ i: 10 });
  expect(timeline.lost).toBe(10);
});

test('report_has_both_sides_in_one_order_and_nobodys_name', () => {
  vi.stubGlobal('location', { origin: 'https://h' });
  vi.stubGlobal('navigator', { userAgent: 'b' });
  const timeline = new Timeline();
  timeline.note('first');
  const { at } = timeline.entries[0]!;
  const summary = { state: 'connected', participants: [{ id: 'a', name: 'Ada' }] } as unknown as CallSummary;
  expect(makeReport(timeline, summary, null).timeline).toEqual([{ at, event: 'first', side: 'client' }]);
  const server = {
    startedAt: at - 5,
    events: [
      { at: 0, event: 'claimed' },
      { at: 10, event: 'nominated' },
    ],
  };
  const report = makeReport(timeline, summary, server);
  expect(report.timeline).toEqual([
    { at: at - 5, event: 'claimed', side: 'server' },
    { at, event: 'first', side: 'client' },
    { at: at + 5, event: 'nominated', side: 'server' },
  ]);
  expect(report.summary.participants).toBe(1);
  expect(JSON.stringify(report)).not.toContain('Ada');
});

test('clocks_that_differ_are_brought_together_by_the_first_offer', () => {
  vi.stubGlobal('location', { origin: 'https://h' });
  vi.stubGlobal('navigator', { userAgent: 'b' });
  const timeline = new Timeline();
  const begin = performance.timeOrigin + performance.now();
  const note = (after: number, event: string, fields: Record<string, unknown>) => {
    vi.spyOn(performance, 'now').mockReturnValue(begin + after - performance.timeOrigin);
    timeline.note(event, fields);
  };
  note(0, 'attempt', {});
  note(1, 'sent', { type: 'offer' });
  note(20, 'socket', { state: 'open' });
  note(80, 'received', { type: 'answer' });
  const zero = timeline.entries[0]!.at;
  // Its clock is an hour ahead; it got the offer half-way between the socket and the answer.
  const server = {
    startedAt: zero + 3_600_000,
    events: [
      { at: 50, event: 'offered' },
      { at: 70, event: 'claimed' },
    ],
  };
  const { timeline: both } = makeReport(timeline, { participants: [] } as unknown as CallSummary, server);
  expect(both.filter(({ side }) => side === 'server').map(({ at }) => at - zero)).toEqual([50, 70]);
});

test('network_change_is_another_kind_of_network_not_another_speed', () => {
  const connection = Object.assign(new EventTarget(), { type: 'wifi' });
  vi.stubGlobal('navigator', { connection });
  const changed = vi.fn();
  const stop = onNetworkChange(changed);
  connection.dispatchEvent(new Event('change'));
  expect(changed).not.toHaveBeenCalled();
  connection.type = 'cellular';
  connection.dispatchEvent(new Event('change'));
  expect(changed).toHaveBeenCalledExactlyOnceWith('now cellular');
  window.dispatchEvent(new Event('online'));
  expect(changed).toHaveBeenLastCalledWith('online');
  stop();
  window.dispatchEvent(new Event('online'));
  expect(changed).toHaveBeenCalledTimes(2);
});
