import { afterEach, expect, test, vi } from 'vitest';
import { makePeerId, uuidFromBytes } from '../client/peer-id';

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

afterEach(() => vi.unstubAllGlobals());

test('uuid_has_version_and_variant', () => {
  expect(uuidFromBytes(new Uint8Array(16))).toBe('00000000-0000-4000-8000-000000000000');
  expect(uuidFromBytes(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
});

test('peer_id_is_made_without_secure_context', () => {
  const getRandomValues = (bytes: Uint8Array) => bytes.map((_, i) => i * 17);
  vi.stubGlobal('crypto', { getRandomValues });
  expect(makePeerId()).toMatch(UUID4);
});
