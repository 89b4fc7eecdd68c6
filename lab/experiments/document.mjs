// Writes docs/experiments.md: prose around the measurements. Every figure and every "yes" in it comes from the run.

import { pairText, term } from '../matrix/words.mjs';
import { table } from '../matrix/markdown.mjs';
import { methods } from './methods.mjs';

const yes = (is) => (is ? 'yes' : '**no**');
const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;

/** All of these findings, or how many of them. */
const share = (list, holds) => {
  const count = list.filter(holds).length;
  return count === list.length ? `all ${count}` : `${count} of ${list.length}`;
};

const words = {
  'stun-request': 'STUN request',
  'stun-answer': 'STUN answer',
  'check-request': 'connectivity check',
  'check-answer': 'answer to a check',
  dtls: 'DTLS',
  srtp: 'SRTP',
  srtcp: 'SRTCP',
};

function packetTable({ steps }, server) {
  const begun = Math.min(...[...steps.client, ...steps.server].map(({ at }) => at));
  const rows = [
    ...steps.client.map((step) => ({ ...step, where: step.what ? '' : "client's link" })),
    ...steps.server.map((step) => ({ ...step, where: "server's link" })),
  ].sort((a, b) => a.at - b.at);
  const what = ({ kind, nominates, mapped, from }) =>
    `${kind === 'check-request' && from === server ? "the server's own check of the path" : (words[kind] ?? kind)}${nominates ? ', nominates' : ''}${mapped ? `: "you are ${mapped}"` : ''}`;
  return table(
    ['ms', 'seen on', 'from → to', 'what'],
    rows.map((row) => [
      (row.at - begun).toFixed(1),
      row.where,
      row.what ? '' : `${row.from} → ${row.to}`,
      row.what ?? what(row),
    ]),
  );
}

const browserTitles = { chromium: 'Chromium', firefox: 'Firefox' };

export function document({ versions, server, stunElsewhere, homes, findings, direct }) {
  const names = Object.keys(versions);
  const by = (method, browser) =>
    findings.filter((finding) => finding.method === method && (!browser || finding.browser === browser));
  const of = (method, kind, browser) => by(method, browser).find((finding) => finding.kind === kind);
  const cells = (method, kind, cell) => names.map((name) => cell(of(method, kind, name)));
  const [onPort, localOnly, silent, elsewhere, deaf] = methods.map(({ name }) => by(name));
  const natted = ({ srflx }) => srflx.length > 0;
  const isRight = ({ srflx, mapping }) => srflx.includes(mapping);
  const wrong = elsewhere.filter((finding) => natted(finding) && !isRight(finding));
  const late = ({ handedBack_at, answered_at }) => handedBack_at > answered_at;
  const pairs = new Map(direct.map(({ one, other, connected }) => [`${one} ${other}`, connected]));
  const failed = direct.filter(({ connected }) => !connected);
  const blind = by('stun-on-port', 'chromium');
  const unheard = blind.filter(({ connected, checksAnswered }) => !connected && checksAnswered > 0);

  return `# Two experiments, and the usual method

Written by \`make experiments\` (\`lab/experiments\`), with ${names.map((name) => `${browserTitles[name]} ${versions[name]}`).join(' and ')} in the networks of \`make lab\`. Behind
each kind of NAT a page that speaks only the original protocol calls a Monoport at ${server}. Each call changes or removes
one step. \`tcpdump\` records the client's link and the server's link. These pages omit the server's TCP candidates: the experiments are
about UDP.

The project began with two observations. (1) A STUN service *on the media port itself* tells a browser the right address even
behind a symmetric NAT, because media use the same mapping. (2) No STUN service is necessary: the client sends a check to the server's
candidate; the server reads the mapping from that check and sends it to the client as a candidate (\`stun-candidate\`). Both observations
are true. But neither is the step that makes a call work.

## 1. STUN on the media port

\`iceServers: [{urls: "stun:${server}"}]\`. Monoport answers plain Binding requests on its media port.

${table(
  [
    'network',
    ...names.flatMap((name) => [
      `${browserTitles[name]}: srflx candidate, by STUN`,
      'its check came from',
      'the same',
      'connected',
    ]),
  ],
  homes.map(({ kind, title }) => [
    title,
    ...cells('stun-on-port', kind, (finding) => [
      finding.srflx[0] ?? 'none (no NAT)',
      finding.mapping ?? '–',
      natted(finding) ? yes(isRight(finding)) : '–',
      yes(finding.connected),
    ]).flat(),
  ]),
)}

The observation holds: in ${share(onPort.filter(natted), isRight)} calls through a NAT the candidate is the mapping that the check then used.
${
  unheard.length
    ? `
But **${unheard.length} of ${blind.length} of Chromium's calls do not connect**, not even the one without a NAT. The capture shows that its checks leave and that the
server's answers reach its link (${unheard.map(({ checks, checksAnswered }) => `${checks}/${checksAnswered}`).join(', ')} checks/answers); Chromium goes on checking as if no
answer had come. The cause is in libwebrtc, Chromium's WebRTC library: a UDP port treats every packet from the address of one of its
STUN servers as an answer to its own STUN requests and drops all others (\`UDPPort::OnReadPacket\` in \`p2p/base/stun_port.cc\`). So
Chromium cannot hear a media server that is also its STUN server, with the same address and port. With this method a call works in
Chromium only by a fallback such as ICE-TCP, which hides the fault.
`
    : ''
}
A STUN service anywhere else (here ${stunElsewhere}) does not have that problem, but cannot know the mapping behind a
symmetric NAT:

${table(
  [
    'network',
    ...names.flatMap((name) => [
      `${browserTitles[name]}: srflx candidate, by STUN elsewhere`,
      'its check came from',
      'the same',
      'connected',
    ]),
  ],
  homes.map(({ kind, title }) => [
    title,
    ...cells('stun-elsewhere', kind, (finding) => [
      finding.srflx[0] ?? 'none (no NAT)',
      finding.mapping ?? '–',
      natted(finding) ? yes(isRight(finding)) : '–',
      yes(finding.connected),
    ]).flat(),
  ]),
)}

${wrong.length} of these calls had a wrong candidate; ${share(wrong, ({ connected }) => connected)} of them connected. So a call does not need a right
candidate to connect.

## 2. Local candidates only

\`iceServers: []\`. The client knows only its inner addresses. The server answers its check and sends the check's source address by
WebSocket.

${table(
  [
    'network',
    'browser',
    'the check came from',
    'sent to the client',
    'after the answer to the check',
    'connected',
    'selected pair',
  ],
  homes.flatMap(({ kind, title }) =>
    cells('local-only', kind, ({ browser, mapping, handedBack, handedBack_at, answered_at, connected, pair }) => [
      title,
      browserTitles[browser],
      mapping ?? '–',
      handedBack ? (handedBack === mapping ? 'the same' : handedBack) : '–',
      handedBack_at && answered_at ? ms(handedBack_at - answered_at) : '–',
      yes(connected),
      pairText(pair),
    ]),
  ),
)}

The candidate that the server sends is right, but it arrives too late to matter: in ${share(
    localOnly.filter(({ handedBack_at }) => handedBack_at),
    late,
  )} calls after the server's answer to the check.
That answer had told the browser the same address already (XOR-MAPPED-ADDRESS; the browser makes a \`prflx\` candidate of it, RFC 8445,
section 7.2.5.3.1).

## Which step makes a call work

The same call, with steps removed or added:

${table(
  ['network', 'browser', ...methods.map(({ title }) => title)],
  homes.flatMap(({ kind, title }) =>
    names.map((name) => [
      title,
      browserTitles[name],
      ...methods.map((method) => yes(of(method.name, kind, name).connected)),
    ]),
  ),
)}

- *Kept to itself*: the client's candidates do not reach the server, and the server's \`stun-candidate\` does not reach the page.
  ${share(silent, ({ connected }) => connected)} calls connect. The server is ICE lite: it does not need the client's candidates.
- *Without the server's candidates*: a STUN service (${stunElsewhere}) opened a mapping and told the client, but ${share(deaf, ({ connected }) => connected)} calls connect, with or
  without a NAT.
- In ${share(
    findings.filter(({ connected }) => connected),
    ({ serverBegan }) => !serverBegan,
  )} calls that connected, the server sent nothing to an address before it had received something from there.

One step is enough: **the client sends its check to an address and port of the server that it can reach, and the server answers from
that address and port to the source of the check.** The check opens the mapping, the answer passes the filter of every kind of NAT, and
DTLS and media stay on the same path. Neither a STUN answer nor the \`stun-candidate\` adds to that; they only serve to show the user the
network. The \`stun-candidate\` costs nothing, because the client sends the check anyway. STUN on the media port can cost the call.

## Packet by packet, behind a symmetric NAT

The first packet of each kind and direction, and the events on the page.
${['local-only', 'stun-on-port']
  .flatMap((method) =>
    names.map(
      (name) =>
        `\n### ${methods.find((each) => each.name === method).title}, ${browserTitles[name]}\n\n${packetTable(of(method, 'symmetric', name), server)}\n`,
    ),
  )
  .join('')}
## The usual method: peer to peer with a STUN server

Two Chromiums, each in a network of its own, with a data channel, all candidates exchanged, a STUN server at ${stunElsewhere},
and no other server.

${table(
  ['', ...homes.map(({ title }) => title)],
  homes.map(({ kind, title }, row) => [
    title,
    ...homes.map((other, column) => (column < row ? '' : yes(pairs.get(`${kind} ${other.kind}`)))),
  ]),
)}

${failed.length} of ${direct.length} pairs do not connect${failed.length ? `: ${failed.map(({ one, other }) => `${one} with ${other}`).join(', ')}` : ''}.
RFC 4787's terms predict this: where one side's mapping depends on the destination, the other side's check goes to a wrong port; and
where that other side also filters by port, its NAT drops the check that comes from the right port. All these networks call each other
through Monoport ([nat-matrix.md](nat-matrix.md)).

${table(
  ['network', 'mapping', 'filtering'],
  homes.map(({ title, maps, filters }) => [title, term(maps), maps === 'none' ? 'nothing' : term(filters)]),
)}
`;
}
