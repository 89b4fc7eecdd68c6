import { probe, type ProbeResult } from './probe';

/**
 * Checks the network before a call: whether UDP reaches the server that served `page`, and which address the server sees.
 * Where rooms require tokens, the server tells a client without one only one address and one port. Rejects when the server
 * does not answer.
 */
export async function checkNetwork(page: string, token?: string): Promise<ProbeResult> {
  const headers: HeadersInit = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(new URL('/network.json', page), { cache: 'no-store', headers });
  if (!response.ok) throw new Error(`network.json: ${response.status}`);
  return probe(serversOf(await response.json()));
}

/** The address that suits this client best, with each port that takes STUN. */
function serversOf(network: { addresses: string[]; port: number; probePort?: number }) {
  const {
    addresses: [address],
    port,
    probePort,
  } = network;
  if (address === undefined) throw new Error('network.json: no address');
  return [port, ...(probePort === undefined ? [] : [probePort])].map((number) => ({ address, port: number }));
}
