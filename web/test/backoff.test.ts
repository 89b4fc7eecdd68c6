import { expect, test } from 'vitest';
import { backoffDelay, fullDelay } from '../client/backoff';

test('backoff_doubles_up_to_its_cap', () => {
  const longest = [0, 1, 2, 3, 4, 5, 50].map((failures) => backoffDelay(failures, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test('backoff_spreads_over_half_of_its_value', () => {
  expect(backoffDelay(0, () => 0)).toBe(250);
  expect(backoffDelay(9, () => 0)).toBe(4000);
});

test('full_rooms_are_asked_slowly', () => {
  expect(fullDelay(() => 0)).toBeGreaterThan(7000);
  expect(fullDelay(() => 1)).toBeLessThan(13000);
});
