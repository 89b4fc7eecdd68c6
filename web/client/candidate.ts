/** Reads the JSON text that `candidate` and `stun-candidate` messages carry; null if it is none. */
export function parseCandidateText(text: string): RTCIceCandidateInit | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { candidate, sdpMid, sdpMLineIndex } = value as Record<string, unknown>;
  if (typeof candidate !== 'string') return null;
  return {
    candidate,
    sdpMid: typeof sdpMid === 'string' ? sdpMid : null,
    sdpMLineIndex: typeof sdpMLineIndex === 'number' ? sdpMLineIndex : null,
  };
}

export interface TransportAddress {
  address: string;
  port: number;
  protocol: 'udp' | 'tcp';
}

/**
 * Transport address of a candidate line (RFC 8839, 5.1):
 * `candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> …`; null if it is none.
 */
export function candidateAddress(line: string): TransportAddress | null {
  const fields = line.replace(/^a=/, '').replace(/^candidate:/, '').trim().split(/\s+/);
  const transport = fields[2]?.toLowerCase();
  const address = fields[4];
  const port = Number(fields[5]);
  if (fields[6] !== 'typ' || !address || (transport !== 'udp' && transport !== 'tcp')) return null;
  if (!Number.isInteger(port) || port < 0 || port > 65535) return null;
  return { address, port, protocol: transport };
}

/** `address:port`, with IPv6 in brackets. */
export function formatAddress({ address, port }: { address: string; port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
