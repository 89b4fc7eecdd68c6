import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Recovery } from '../client/recovery';

const output = { restart: vi.fn(), lost: vi.fn() };
let recovery: Recovery;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  recovery = new Recovery(output);
});

afterEach(() => {
  recovery.close();
  vi.useRealTimers();
});

test('short_disconnection_heals_by_itself', () => {
  recovery.changed('connected');
  recovery.changed('disconnected');
  vi.advanceTimersByTime(900);
  recovery.changed('connected');
  vi.advanceTimersByTime(60_000);
  expect(output.restart).not.toHaveBeenCalled();
  expect(output.lost).not.toHaveBeenCalled();
});

test('disconnection_restarts_after_a_second', () => {
  recovery.changed('completed');
  recovery.changed('disconnected');
  vi.advanceTimersByTime(1_000);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('disconnected');
  recovery.changed('checking');
  recovery.changed('connected');
  vi.advanceTimersByTime(60_000);
  expect(output.restart).toHaveBeenCalledOnce();
});

test('failure_restarts_at_once_and_once', () => {
  recovery.changed('connected');
  recovery.changed('failed');
  recovery.changed('failed');
  vi.advanceTimersByTime(0);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('failed');
});

test('restart_that_brings_nothing_is_tried_again_until_the_time_is_up', () => {
  recovery.changed('connected');
  recovery.changed('disconnected');
  vi.advanceTimersByTime(14_999);
  expect(output.restart.mock.calls.flat()).toEqual(['disconnected', 'retry', 'retry', 'retry', 'retry']);
  expect(output.lost).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(output.lost).toHaveBeenCalledOnce();
});

test('restart_of_a_connection_that_works_is_not_repeated', () => {
  recovery.changed('connected');
  recovery.restart('server');
  vi.advanceTimersByTime(60_000);
  expect(output.restart).toHaveBeenCalledExactlyOnceWith('server');
  expect(output.lost).not.toHaveBeenCalled();
});

test('network_change_does_not_wait_for_the_browser_to_notice', () => {
  recovery.changed('connected');
  recovery.changed('disconnected');
  recovery.restart('network-changed');
  vi.advanceTimersByTime(2_999);
  expect(output.restart.mock.calls.flat()).toEqual(['network-changed']);
  vi.advanceTimersByTime(1);
  expect(output.restart.mock.calls.flat()).toEqual(['network-changed', 'retry']);
});

test('first_connection_has_its_own_limit', () => {
  recovery.changed('failed');
  vi.advanceTimersByTime(19_999);
  expect(output.restart).not.toHaveBeenCalled();
  expect(output.lost).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(output.lost).toHaveBeenCalledOnce();
});
