import { expect, test } from 'vitest';
import { formatAddress, parseCandidate, parseCandidateText } from '../client/candidate';

const LINE = 'candidate:1 1 udp 1694498815 203.0.113.7 51234 typ srflx raddr 192.168.1.2 rport 40000 generation 0';

test('candidate_text_is_read', () => {
  const text = JSON.stringify({ candidate: LINE, sdpMid: '0', sdpMLineIndex: 0 });
  expect(parseCandidateText(text)).toEqual({ candidate: LINE, sdpMid: '0', sdpMLineIndex: 0 });
});

test.each(['', 'null', '[]', '{}', '{"candidate":5}', '{'])('candidate_text_%j_is_none', (text) => {
  expect(parseCandidateText(text)).toBeNull();
});

test('candidate_line_is_read', () => {
  const base = { address: '192.168.1.2', port: 40000 };
  const expected = { address: '203.0.113.7', port: 51234, protocol: 'udp', type: 'srflx', base };
  expect(parseCandidate(LINE)).toEqual(expected);
  expect(parseCandidate(`a=${LINE}`)).toEqual(expected);
  expect(parseCandidate('candidate:2 1 TCP 9 2001:db8::1 9 typ host tcptype active')).toEqual({
    address: '2001:db8::1',
    port: 9,
    protocol: 'tcp',
    type: 'host',
    base: null,
  });
});

test('base_that_the_browser_hides_is_none', () => {
  expect(parseCandidate('candidate:1 1 udp 5 203.0.113.7 51234 typ srflx raddr 0.0.0.0 rport 0')?.base).toBeNull();
});

test.each([
  '',
  'candidate:',
  'candidate:1 1 udp 5 1.2.3.4 70000 typ host',
  'candidate:1 1 sctp 5 1.2.3.4 7 typ host',
  'candidate:1 1 udp 5 1.2.3.4 7 host',
  'candidate:1 1 udp 5 1.2.3.4 -7 typ host',
])('candidate_line_%j_is_none', (line) => {
  expect(parseCandidate(line)).toBeNull();
});

test('ipv6_address_is_bracketed', () => {
  expect(formatAddress({ address: '2001:db8::1', port: 8000 })).toBe('[2001:db8::1]:8000');
  expect(formatAddress({ address: '192.0.2.1', port: 8000 })).toBe('192.0.2.1:8000');
});
