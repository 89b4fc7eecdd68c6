// docs/nat-matrix.md

import { browserName } from './kinds.mjs';
import { cellText, pairText, term, verdict, works } from './words.mjs';

export const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const tcpText = { anywhere: 'anywhere', server: 'to the one port', tls: 'to the one port, only TLS', proxy: 'through its proxy', 'proxy-tls': 'through its proxy, only TLS', none: 'nowhere' };
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
  return works(cell) ? cellText(cell).replace(/^yes {2}/, '').replaceAll('  ', ', ') : `**${cellText(cell)}**`;
};

const quiet = (row, name) => (row.cells[name].idle ? [`- ${row.title}, ${browserName[name]}, ${row.seconds_idle} s with nothing but checks: ${verdict(row.cells[name].idle)}.`] : []);

export function markdown({ versions, machine, rows }) {
  const names = Object.keys(versions);
  const count = rows.flatMap((row) => names.map((name) => row.cells[name])).filter(works).length;
  const silences = rows.flatMap((row) => names.flatMap((name) => quiet(row, name)));
  return `# NAT matrix

Written by \`make lab\`. ${names.map((name) => `${browserName[name]} ${versions[name]}`).join(', ')}; ${machine}.

**${count} of ${rows.length * names.length} calls work.** Each is a call of two real browsers through one Monoport on one port and no other server: the measured one in the
network named, its peer (a Chromium) on the open internet, or beside it where the row says that both are behind one NAT. The networks are namespaces on one
machine ([lab/kind](../lab/kind), their rules in [lab/nat](../lab/nat)): there is no distance in them, so the times are those of software alone.
A round trip to the server comes on top about six times: page, WebSocket, offer and answer, check, and two for the keys.
\`iceServers\` is empty, but where nothing else connects: the client library then asks for the TURN server inside Monoport, at the same port.

![The matrix](nat-matrix.svg)

## Calls

Milliseconds from the press of the button to *connected* and to the first decoded frame; frames a second that come in and that the peer decodes (the cameras make 30).

${table(['network', ...names.map((name) => browserName[name])], rows.map((row) => [row.title, ...names.map((name) => outcome(row, name))]))}
${silences.length ? `\n${silences.join('\n')}\n` : ''}
## Proof that the networks are what they are called

Before anything is measured, a probe in each network asks a STUN service with two addresses and two ports (RFC 5780) what is between them, in the terms of RFC 4787: which
outer port an inner socket gets for other destinations (mapping), and who may answer through it (filtering). Also the longest datagram that passes both ways, whether
the mapping of a UDP stream is still there after 34 s of silence, and how far TCP goes. A run in which one of them is not as its kind says ends with an error.

${table(['network', 'mapping', 'filtering', 'longest datagram', 'mapping after 34 s', 'TCP goes', 'as its kind says'], rows.map(proof))}

## Selected pairs

As the browser's own statistics name them. \`prflx\` is an address that the browser learned from the answer to its own check: the mapping, seen by the server.

${table(['network', ...names.map((name) => browserName[name])], rows.map((row) => [row.title, ...names.map((name) => pairText(row.cells[name].pair) || '–')]))}

## Again

\`make lab\` takes less than ten minutes on two cores and needs root, or a kernel that lets users make namespaces. \`lab/matrix/matrix.mjs --only symmetric --browser firefox\`
measures one cell. A new kind is a file in \`lab/kind\`, its rules in \`lab/nat\`, and its name in \`lab/matrix/kinds.mjs\`.
`;
}
