// docs/experiments.md: prose around what was measured. Every figure and every "yes" in it comes from the run.

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
    rows.map((row) => [(row.at - begun).toFixed(1), row.where, row.what ? '' : `${row.from} → ${row.to}`, row.what ?? what(row)]),
  );
}

const browserTitles = { chromium: 'Chromium', firefox: 'Firefox' };

export function document({ versions, server, stunElsewhere, homes, findings, direct }) {
  const names = Object.keys(versions);
  const by = (method, browser) => findings.filter((finding) => finding.method === method && (!browser || finding.browser === browser));
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

  return `# Two experiments, and the usual way

Written by \`make experiments\` (\`lab/experiments\`), with ${names.map((name) => `${browserTitles[name]} ${versions[name]}`).join(' and ')} in the networks of \`make lab\`. In each kind of NAT a page that
speaks only the original protocol calls a Monoport at ${server}, several times, with one thing changed or taken away each time; \`tcpdump\` records both ends of the way, on the client's
link and on the server's. The server's TCP candidates are left out of these pages: the question here is UDP.

The project began with two observations. (1) A STUN service *on the media port itself* tells a browser an address that is right even behind a symmetric NAT, since the
mapping for that destination is the very one that media will use. (2) No STUN service is needed at all: the client sends a check to the server's candidate, the server reads
the mapping from that check and hands it to the client as a candidate (\`stun-candidate\`). What is observed is true in both. Which step makes a call work is another question, and the answer is not what was expected.

## 1. STUN on the media port

\`iceServers: [{urls: "stun:${server}"}]\`. Monoport answers plain Binding requests on its media port.

${table(
  ['network', ...names.flatMap((name) => [`${browserTitles[name]}: srflx candidate, by STUN`, 'its check came from', 'the same', 'connected'])],
  homes.map(({ kind, title }) => [
    title,
    ...cells('stun-on-port', kind, (finding) => [finding.srflx[0] ?? 'none: nothing to tell', finding.mapping ?? '–', natted(finding) ? yes(isRight(finding)) : '–', yes(finding.connected)]).flat(),
  ]),
)}

The observation holds: in ${share(onPort.filter(natted), isRight)} calls through a NAT the candidate is the very mapping that the check then used.
${
  unheard.length
    ? `
But **${unheard.length} of ${blind.length} of Chromium's calls do not connect**, not even the one without a NAT. The capture shows its checks leave, and the server's answers come back to its link
(${unheard.map(({ checks, checksAnswered }) => `${checks}/${checksAnswered}`).join(', ')} checks/answers), and it goes on checking as if none had come. The cause is in libwebrtc, which Chromium is built on: a UDP port takes
everything that comes from the address of one of its STUN servers for an answer to its own STUN requests and drops the rest (\`UDPPort::OnReadPacket\` in \`p2p/base/stun_port.cc\`).
A media server that is also named as the STUN server, by the same address and port, can therefore not be heard there. By this method a call works in Chromium only if there is something else to fall back to, ICE-TCP for one, and then it seems to work.
`
    : ''
}
A STUN service anywhere else (here ${stunElsewhere}) does not have that trouble, and cannot know the mapping behind a symmetric NAT:

${table(
  ['network', ...names.flatMap((name) => [`${browserTitles[name]}: srflx candidate, by STUN elsewhere`, 'its check came from', 'the same', 'connected'])],
  homes.map(({ kind, title }) => [
    title,
    ...cells('stun-elsewhere', kind, (finding) => [finding.srflx[0] ?? 'none: nothing to tell', finding.mapping ?? '–', natted(finding) ? yes(isRight(finding)) : '–', yes(finding.connected)]).flat(),
  ]),
)}

${wrong.length} of these calls had a wrong candidate, and of them ${share(wrong, ({ connected }) => connected)} connected all the same. So a right candidate is not why a call connects.

## 2. Local candidates only

\`iceServers: []\`. The client knows nothing but its inner addresses. The server answers its check, and tells the WebSocket where that came from.

${table(
  ['network', 'browser', 'the check came from', 'handed back', 'after the answer to the check', 'connected', 'selected pair'],
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

The candidate that is handed back is right, and it arrives when it is no longer needed: in ${share(localOnly.filter(({ handedBack_at }) => handedBack_at), late)} calls after the server's answer to the check
had left, which had told the browser the same address already (XOR-MAPPED-ADDRESS; the browser makes a \`prflx\` candidate of it, by RFC 8445, section 7.2.5.3.1).

## Which step makes it work

The same call, with steps taken away or added:

${table(
  ['network', 'browser', ...methods.map(({ title }) => title)],
  homes.flatMap(({ kind, title }) => names.map((name) => [title, browserTitles[name], ...methods.map((method) => yes(of(method.name, kind, name).connected))])),
)}

- *Kept to itself*: none of the client's candidates reaches the server, and what the server hands back never reaches the page. ${share(silent, ({ connected }) => connected)} calls connect. The server is ICE lite: it needs to know no candidate of the client.
- *Without the server's candidates*, though a STUN service (${stunElsewhere}) has opened a mapping and told it: ${share(deaf, ({ connected }) => connected)} connect, with or without a NAT.
- In ${share(findings.filter(({ connected }) => connected), ({ serverBegan }) => !serverBegan)} calls that connected, the server sent nothing to any address before that address had sent to it.

So what makes it work is this alone: **the client knows one address and port of the server that it can send to, sends its check there, and the server answers to wherever the check came from, from the
address and port that it was sent to.** The check opens the mapping, the answer passes the filter of every kind of NAT, and DTLS and media stay on that same path. Neither a STUN
answer nor the \`stun-candidate\` adds to that. They are what the user is shown about the network; the second costs nothing, since the check has to be sent anyway, and the first can cost the call.

## Packet by packet, behind a symmetric NAT

The first packet of each sort and direction, and what the page noted.
${['local-only', 'stun-on-port']
  .flatMap((method) => names.map((name) => `\n### ${methods.find((each) => each.name === method).title}, ${browserTitles[name]}\n\n${packetTable(of(method, 'symmetric', name), server)}\n`))
  .join('')}
## The usual way: peer to peer with a STUN server

Two Chromiums, a data channel, all candidates exchanged, a STUN server at ${stunElsewhere}, nothing between them. Each is in a network of its own.

${table(
  ['', ...homes.map(({ title }) => title)],
  homes.map(({ kind, title }, row) => [title, ...homes.map((other, column) => (column < row ? '' : yes(pairs.get(`${kind} ${other.kind}`))))]),
)}

${failed.length} of ${direct.length} pairs do not connect${failed.length ? `: ${failed.map(({ one, other }) => `${one} with ${other}`).join(', ')}` : ''}. That is what RFC 4787's terms predict: where one side's mapping depends on the destination, the other
side's check goes to a port that is not the one in use, and where that other side also filters by port, the check that comes from the true port is not let in. The same networks, all of them, call each other
through Monoport ([nat-matrix.md](nat-matrix.md)).

${table(['network', 'mapping', 'filtering'], homes.map(({ title, maps, filters }) => [title, term(maps), maps === 'none' ? 'nothing' : term(filters)]))}
`;
}
