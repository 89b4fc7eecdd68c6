// The wording of results, on the terminal and in the documents.

const shortTerm = { none: 'none', endpoint: 'endpoint', address: 'address', 'address-port': 'address+port' };
const longTerm = {
  none: 'no NAT',
  endpoint: 'endpoint-independent',
  address: 'address-dependent',
  'address-port': 'address- and port-dependent',
  'no answer': 'no UDP',
};

export const term = (name) => longTerm[name];
const walls = {
  anywhere: 'no UDP',
  server: 'no UDP, one TCP port',
  tls: 'no UDP, one TLS port',
  proxy: 'only a proxy',
  'proxy-tls': 'only a proxy, only TLS',
  none: 'nothing passes',
};
const seen = ({ maps, filters, tcp }) =>
  maps === 'no answer' ? walls[tcp] : `${shortTerm[maps]} / ${shortTerm[filters]}`;
export const probeText = ({ found, wrong }) => `${seen(found)}${wrong.length ? ' WRONG' : ''}`;
export const works = (cell) => Boolean(cell?.connected && !cell.trouble);
export const cellText = (cell) =>
  works(cell)
    ? `yes  ${cell.connected_ms} ms  ${cell.firstFrame_ms} ms  ${cell.framesPerSecond.toFixed(0)} in, ${cell.framesPerSecondSent.toFixed(0)} out`
    : cell?.connected
      ? 'connected, no picture'
      : 'NOT CONNECTED';

const endText = ({ type, address, port }) =>
  `${type} ${address?.includes(':') ? `[${address}]` : (address ?? '(hidden)')}:${port}`;
export const pairText = (pair) =>
  pair ? `${endText(pair.local)} → ${endText(pair.remote)}, ${pair.local.relayProtocol ?? pair.remote.protocol}` : '';

/** The result for a path that carried nothing but checks. */
export function verdict({ survived, reconnects, sameMapping }) {
  if (!survived) return 'the call was lost';
  if (reconnects) return `came back after ${reconnects} reconnects`;
  return sameMapping ? 'the path and its mapping are the same' : 'the call went on over a new mapping';
}
