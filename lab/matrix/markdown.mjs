// docs/nat-matrix.md

import { browserName } from './kinds.mjs';
import { cellText, pairText, term, verdict, works } from './words.mjs';

export const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const tcpText = {
  anywhere: 'anywhere',
  server: 'to the one port',
  tls: 'to the one port, only TLS',
  proxy: 'through its proxy',
  'proxy-tls': 'through its proxy, only TLS',
  none: 'nowhere',
};
const filterText = ({ maps, filters }) => (maps === 'none' && filters === 'endpoint' ? 'nothing' : term(filters));

const proof = ({ title, found, wrong }) => [
  title,
  term(found.maps),
  filterText(found),
  found.mtu || '–',
  typeof found.remembers !== 'boolean' ? '–' : found.remembers ? 'there' : 'gone',
  tcpText[found.tcp],
  wrong.length ? `**no**: ${wrong.join('; ')}` : 'yes',
];

const outcome = (row, name) => {
  const cell = row.cells[name];
  return works(cell)
    ? cellText(cell)
        .replace(/^yes {2}/, '')
        .replaceAll('  ', ', ')
    : `**${cellText(cell)}**`;
};

const quiet = (row, name) =>
  row.cells[name].idle
    ? [
        `- ${row.title}, ${browserName[name]}, ${row.seconds_idle} s with connectivity checks only: ${verdict(row.cells[name].idle)}.`,
      ]
    : [];

export function markdown({ versions, machine, rows }) {
  const names = Object.keys(versions);
  const count = rows.flatMap((row) => names.map((name) => row.cells[name])).filter(works).length;
  const silences = rows.flatMap((row) => names.flatMap((name) => quiet(row, name)));
  return `# NAT matrix

Written by \`make lab\`. ${names.map((name) => `${browserName[name]} ${versions[name]}`).join(', ')}; ${machine}.

**${count} of ${rows.length * names.length} calls work.** Each is a call between two real browsers through one Monoport on one port, without any other server. The
measured browser is in the named network; its peer, a Chromium, is on the open internet, or behind the same NAT where the row says so.
The networks are namespaces on one machine ([lab/kind](../lab/kind), their rules in [lab/nat](../lab/nat)). They add no delay, so the
times are those of the software alone. In a real network about six round trips to the server come on top: page, WebSocket, offer and
answer, check, and two for the keys. \`iceServers\` is empty, except where nothing else connects: there the client library requests the
TURN server inside Monoport, at the same port.

![The matrix](nat-matrix.svg)

## Calls

Milliseconds from the click on the button to *connected* and to the first decoded frame; then the frames a second that this browser
decodes (in) and that its peer decodes (out). The cameras send 30.

${table(
  ['network', ...names.map((name) => browserName[name])],
  rows.map((row) => [row.title, ...names.map((name) => outcome(row, name))]),
)}
${silences.length ? `\n${silences.join('\n')}\n` : ''}
## Proof of the network kinds

Before the calls, a probe in each network determines the kind of NAT with a STUN service that has two addresses and two ports (RFC
5780). The terms are those of RFC 4787: *mapping* is which outer port the NAT gives an inner socket for different destinations;
*filtering* is from which addresses it lets answers in. The probe also measures the longest datagram that passes in both directions,
whether a UDP mapping survives 34 s of silence, and which destinations TCP reaches. If a network is not of its kind, the run ends with
an error.

${table(['network', 'mapping', 'filtering', 'longest datagram', 'mapping after 34 s', 'TCP reaches', 'as expected'], rows.map(proof))}

## Selected pairs

From the browser's own statistics. \`prflx\` is an address that the browser learned from the answer to its own check: the mapping, as the
server saw it.

${table(
  ['network', ...names.map((name) => browserName[name])],
  rows.map((row) => [row.title, ...names.map((name) => pairText(row.cells[name].pair) || '–')]),
)}

## Running it

\`make lab\` takes less than ten minutes on two cores and needs root, or a kernel that lets users make namespaces.
\`lab/matrix/matrix.mjs --only symmetric --browser firefox\` measures one cell. To add a kind of network, add a file to \`lab/kind\`, its
rules to \`lab/nat\`, and its name to \`lab/matrix/kinds.mjs\`.
`;
}
