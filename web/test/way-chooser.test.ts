import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WayChooser } from '../client/way-chooser';
import { WayMemory } from '../client/way-memory';
import { installBrowser } from './fakes';

const HERE = '198.51.100.7';
const relays: RTCIceServer[] = [{ urls: ['turns:h:8000?transport=tcp'], username: 'u', credential: 'c' }];
const output = { ask: vi.fn(), allow: vi.fn(), restart: vi.fn(), canUdp: vi.fn<() => Promise<boolean>>() };
let ways: WayChooser;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  installBrowser();
  output.canUdp.mockResolvedValue(false);
  ways = new WayChooser(output, new WayMemory());
});

afterEach(() => {
  ways.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('direct_way_that_works_needs_no_turn', async () => {
  ways.joined(HERE);
  ways.began();
  ways.connected('udp');
  ways.offered(relays);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(ways.reason).toBe('direct');
  // Asks once in advance.
  expect(output.ask).toHaveBeenCalledOnce();
  expect(output.allow).not.toHaveBeenCalled();
  expect(output.canUdp).not.toHaveBeenCalled();
});

test('question_that_a_lost_socket_swallowed_is_asked_again', () => {
  ways.joined(HERE);
  ways.connected('udp');
  expect(output.ask).toHaveBeenCalledTimes(1);
  ways.joined(HERE);
  expect(output.ask).toHaveBeenCalledTimes(2);
  ways.offered(relays);
  ways.joined(HERE);
  expect(output.ask).toHaveBeenCalledTimes(2);
  ways.repairing();
  ways.joined(HERE);
  expect(output.ask).toHaveBeenCalledTimes(4);
});

test('turn_is_added_when_nothing_direct_came_up_in_time', () => {
  ways.joined(HERE);
  ways.began();
  vi.advanceTimersByTime(2_999);
  expect(output.ask).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(output.ask).toHaveBeenCalledOnce();
  ways.offered(relays);
  expect(output.allow).toHaveBeenCalledExactlyOnceWith(relays);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('relay');
  ways.connected('turn-tls');
  expect(ways.reason).toBe('blocked');
  expect(output.ask).toHaveBeenCalledOnce();
});

test('failure_does_not_wait_and_is_final_when_turn_failed_too', () => {
  ways.began();
  expect(ways.failed()).toBe(true);
  expect(output.ask).toHaveBeenCalledOnce();
  expect(ways.failed()).toBe(true);
  ways.offered(relays);
  expect(ways.failed()).toBe(false);
  expect(output.ask).toHaveBeenCalledOnce();
});

test('network_that_needed_turn_is_remembered_until_udp_works_there', () => {
  ways.joined(HERE);
  ways.failed();
  ways.connected('turn-tcp');

  output.restart.mockClear();
  const next = new WayChooser(output, new WayMemory());
  next.joined(HERE);
  next.offered(relays);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('relay');
  next.connected('turn-tcp');
  expect(next.reason).toBe('remembered');
  next.connected('udp');
  expect(next.reason).toBe('returned');

  output.ask.mockClear();
  new WayChooser(output, new WayMemory()).joined(HERE);
  expect(output.ask).not.toHaveBeenCalled();
  next.close();
});

test('ice_tcp_is_a_direct_way_and_asks_for_udp_now_and_then', async () => {
  ways.began();
  ways.connected('tcp');
  expect(ways.reason).toBe('blocked');
  await vi.advanceTimersByTimeAsync(9_999);
  expect(output.canUdp).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(output.canUdp).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(output.canUdp).toHaveBeenCalledTimes(2);
  expect(output.restart).not.toHaveBeenCalled();
  output.canUdp.mockResolvedValue(true);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('udp-again');
  ways.connected('udp');
  expect(ways.reason).toBe('returned');
  await vi.advanceTimersByTimeAsync(600_000);
  expect(output.canUdp).toHaveBeenCalledTimes(3);
});

test('checks_for_udp_grow_rare', async () => {
  ways.connected('turn-tls');
  await vi.advanceTimersByTimeAsync(3_600_000);
  // 10, 20, 40, 80, 160 s, then one in five minutes.
  expect(output.canUdp).toHaveBeenCalledTimes(15);
  output.canUdp.mockRejectedValue(new Error('no more connections'));
  await vi.advanceTimersByTimeAsync(300_000);
  expect(output.restart).not.toHaveBeenCalled();
});

test('another_network_is_looked_at_soon', async () => {
  ways.connected('turn-tls');
  await vi.advanceTimersByTimeAsync(600_000);
  output.canUdp.mockClear();
  ways.networkChanged();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(output.canUdp).toHaveBeenCalledTimes(1);
});

test('repair_may_use_every_way', () => {
  ways.connected('udp');
  ways.offered(relays);
  output.ask.mockClear();
  ways.repairing();
  expect(output.allow).toHaveBeenCalledExactlyOnceWith(relays);
  expect(output.restart).not.toHaveBeenCalled();
  // The TURN credentials may be too old by now.
  expect(output.ask).toHaveBeenCalledOnce();
  ways.connected('turn-tls');
  expect(ways.reason).toBe('lost');
});

test('new_credentials_replace_those_in_use', () => {
  ways.failed();
  ways.offered(relays);
  const fresh = [{ ...relays[0]!, credential: 'd' }];
  ways.offered(fresh);
  expect(output.allow).toHaveBeenLastCalledWith(fresh);
  expect(output.restart).toHaveBeenCalledOnce();
});

test('network_without_address_is_not_remembered', () => {
  const memory = new WayMemory();
  memory.remember('');
  expect(memory.needsRelay('')).toBe(false);
});

test('memory_fades_and_stays_small', () => {
  vi.setSystemTime(1_000_000);
  const memory = new WayMemory();
  for (let i = 0; i < 20; i += 1) memory.remember(`network ${i}`);
  expect(memory.needsRelay('network 3')).toBe(false);
  expect(memory.needsRelay('network 4')).toBe(true);
  vi.setSystemTime(1_000_000 + 24 * 3_600_000);
  expect(memory.needsRelay('network 4')).toBe(false);
});

test('memory_survives_what_is_not_its_own', () => {
  const memory = new WayMemory();
  for (const text of ['', 'null', '[]', '{"a":"b"}', '{']) {
    localStorage.setItem('monoport.relay', text);
    expect(memory.needsRelay('a')).toBe(false);
    memory.remember('a');
    expect(memory.needsRelay('a')).toBe(true);
  }
  vi.stubGlobal('localStorage', undefined);
  memory.remember('b');
  expect(memory.needsRelay('b')).toBe(false);
});
