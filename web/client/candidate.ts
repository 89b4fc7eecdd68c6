/** Reads the JSON text of `candidate` and `stun-candidate` messages; null if it is not valid. */
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

export interface Candidate extends TransportAddress {
  /** `host`, `srflx`, `prflx` or `relay`. */
  type: string;
  /** The local address behind a reflexive one; null if the browser does not tell. */
  base: { address: string; port: number } | null;
}

/**
 * Parses a candidate line (RFC 8839, 5.1); null if it is not valid:
 * `candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> [raddr <address> rport <port>] …`
 */
export function parseCandidate(line: string): Candidate | null {
  const fields = line
    .replace(/^a=/, '')
    .replace(/^candidate:/, '')
    .trim()
    .split(/\s+/);
  const [, , transport, , address, port, typ, type] = fields;
  const protocol = transport?.toLowerCase();
  if (typ !== 'typ' || !address || !type || (protocol !== 'udp' && protocol !== 'tcp') || !isPort(port)) return null;
  const extension = (name: string) => fields[fields.indexOf(name, 8) + 1];
  const isHidden = fields.indexOf('raddr', 8) < 0 || !isPort(extension('rport')) || extension('rport') === '0';
  return {
    address,
    port: Number(port),
    protocol,
    type,
    base: isHidden ? null : { address: extension('raddr')!, port: Number(extension('rport')) },
  };
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= 65535;
}

/** `address:port`, with IPv6 in brackets. */
export function formatAddress({ address, port }: { address: string; port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Browsers hide the address of a host candidate behind such a name while the page has no camera or microphone. */
export function isHiddenAddress(address: string): boolean {
  return address.endsWith('.local');
}
