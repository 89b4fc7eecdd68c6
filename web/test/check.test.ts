import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkNetwork } from '../client/check';
import { FakePeerConnection, installBrowser, settle } from './fakes';

beforeEach(() => {
  vi.useFakeTimers();
  installBrowser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test.each([
  [
    { port: 8000, probePort: 8001, addresses: ['203.0.113.10', '10.0.0.1'] },
    ['stun:203.0.113.10:8000', 'stun:203.0.113.10:8001'],
  ],
  [{ port: 8000, addresses: ['2001:db8::1'] }, ['stun:[2001:db8::1]:8000']],
])('server_%j_is_asked_at_%j', async (network, urls) => {
  const fetched = vi.fn(async () => ({ ok: true, json: async () => network }));
  vi.stubGlobal('fetch', fetched);
  const result = checkNetwork('https://h/?room=r');
  await settle();
  expect(fetched).toHaveBeenCalledWith(new URL('https://h/network.json'), { cache: 'no-store', headers: {} });
  expect(FakePeerConnection.all[0]!.configuration).toEqual({ iceServers: [{ urls }] });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await result).toMatchObject({ udp: false });
});

test('token_is_shown', async () => {
  const fetched = vi.fn(async () => ({ ok: false, status: 404 }));
  vi.stubGlobal('fetch', fetched);
  await expect(checkNetwork('https://h/', 'a.b.c')).rejects.toThrow('404');
  expect(fetched).toHaveBeenCalledWith(expect.anything(), {
    cache: 'no-store',
    headers: { Authorization: 'Bearer a.b.c' },
  });
});

test('server_that_does_not_answer_rejects', async () => {
  vi.stubGlobal('fetch', async () => ({ ok: false, status: 404 }));
  await expect(checkNetwork('https://h/')).rejects.toThrow('404');
  expect(FakePeerConnection.all).toHaveLength(0);
});
