import { expect, test } from 'vitest';
import type { RemoteStream } from '../client/remote-streams';
import type { StatsEntries } from '../client/stats';
import { summarise } from '../client/summary';

const entries = (...list: Record<string, unknown>[]) =>
  new Map(list.map((entry) => [entry.id, { timestamp: 2000, ...entry }])) as unknown as StatsEntries;

const stream = {
  id: 's',
  participant: 'ada',
  kind: 'screen',
  audio: null,
  video: { id: 'v' },
} as unknown as RemoteStream;

test('received_track_is_joined_with_its_stream', () => {
  const now = entries(
    {
      id: 'i',
      type: 'inbound-rtp',
      kind: 'video',
      trackIdentifier: 'v',
      codecId: 'c',
      framesDecoded: 7,
      packetsReceived: 9,
      packetsLost: 1,
      bytesReceived: 3000,
    },
    { id: 'old', type: 'inbound-rtp', kind: 'video', trackIdentifier: 'gone', framesDecoded: 70 },
    { id: 'c', type: 'codec', mimeType: 'video/VP8' },
  );
  const base = entries({ id: 'i', type: 'inbound-rtp', timestamp: 1000, bytesReceived: 1000 });
  expect(summarise(now, base, [stream]).remote).toEqual([
    expect.objectContaining({
      participant: 'ada',
      streamId: 's',
      source: 'screen',
      codec: 'VP8',
      framesDecoded: 7,
      frameWidth: null,
      packetsLost: 1,
      bitrate_bps: 16_000,
    }),
  ]);
});

test('pair_is_found_in_both_dialects', () => {
  const pair = {
    id: 'p',
    type: 'candidate-pair',
    localCandidateId: 'l',
    remoteCandidateId: 'r',
    currentRoundTripTime: 0.0123,
    bytesSent: 1500,
  };
  const local = { id: 'l', type: 'local-candidate', candidateType: 'host', port: 5000 };
  const remote = { id: 'r', type: 'remote-candidate', address: '192.0.2.1', port: 8000, protocol: 'udp' };
  const base = entries({ ...pair, timestamp: 1000, bytesSent: 500 });
  const expected = {
    way: 'udp',
    localType: 'host',
    local: '(hidden):5000',
    remote: '192.0.2.1:8000',
    protocol: 'udp',
    rtt_ms: 12.3,
    in_bps: 0,
    out_bps: 8000,
  };
  const transport = { id: 't', type: 'transport', selectedCandidatePairId: 'p' };
  expect(summarise(entries(transport, pair, local, remote), base, []).pair).toEqual(expected);
  expect(summarise(entries({ ...pair, selected: true }, local, remote), base, []).pair).toEqual(expected);
  expect(summarise(entries(pair), base, []).pair).toBeNull();
});

test('sent_track_has_the_servers_loss', () => {
  const now = entries(
    {
      id: 'o',
      type: 'outbound-rtp',
      kind: 'video',
      remoteId: 'rr',
      bytesSent: 5,
      targetBitrate: 100,
      framesEncoded: 3,
    },
    { id: 'rr', type: 'remote-inbound-rtp', kind: 'video', fractionLost: 0.25 },
  );
  expect(summarise(now, entries(), []).outbound).toEqual([
    expect.objectContaining({
      kind: 'video',
      bytesSent: 5,
      targetBitrate: 100,
      framesEncoded: 3,
      bitrate_bps: 0,
      loss: 0.25,
    }),
  ]);
});

test.each([
  [{ candidateType: 'prflx', protocol: 'udp' }, 'udp'],
  [{ candidateType: 'host', protocol: 'tcp' }, 'tcp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'udp' }, 'turn-udp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' }, 'turn-tcp'],
  [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' }, 'turn-tls'],
])('candidate_%j_goes_by_%s', (candidate, way) => {
  const now = entries(
    { id: 't', type: 'transport', selectedCandidatePairId: 'p' },
    { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r' },
    { id: 'l', type: 'local-candidate', ...candidate },
  );
  expect(summarise(now, entries(), []).pair?.way).toBe(way);
});

test('loss_is_that_of_late_both_ways', () => {
  const now = entries(
    { id: 'i', type: 'inbound-rtp', packetsReceived: 190, packetsLost: 60 },
    { id: 'new', type: 'inbound-rtp', packetsReceived: 5, packetsLost: 5 },
    { id: 'a', type: 'remote-inbound-rtp', fractionLost: 0 },
    { id: 'v', type: 'remote-inbound-rtp', fractionLost: 0.125 },
  );
  const base = entries({ id: 'i', type: 'inbound-rtp', packetsReceived: 100, packetsLost: 50 });
  expect(summarise(now, base, []).loss).toEqual({ in: 0.1, out: 0.125 });
  expect(summarise(entries(), base, []).loss).toEqual({ in: null, out: null });
});
