// docs/interop.md

import { table } from '../matrix/markdown.mjs';
import { cells, wrong } from './cells.mjs';
import { stacks } from './stack.mjs';

const parts = ({ rate, of, first, back, end, stalled }) => [
  rate !== undefined && `${rate.toFixed(1)} of ${of.toFixed(1)}/s`,
  back && `in ${back.rate.toFixed(1)} of ${back.of.toFixed(1)}/s`,
  first !== undefined && `${first} ms`,
  stalled !== undefined && `stalled ${stalled.toFixed(1)} s`,
  end !== undefined && `gone ${end.toFixed(1)} s`,
];

export const cellText = (cell) => parts(cell).filter(Boolean).join(', ');
const shown = (cell) => (cell.wrong ? `**no** ${cellText(cell)}` : cellText(cell)).trim();

function failures(rows) {
  const lines = rows.flatMap((row) =>
    cells.filter(({ name }) => row.cells[name].wrong).map(({ name, title }) => `- ${row.title}, ${title}: ${row.cells[name].wrong.split('\n')[0].slice(0, 200)}`));
  return lines.length ? `\n${lines.join('\n')}\n` : '';
}

/** Judged anew, so that `--again` has what is asked for today. */
const judge = (row) => {
  const stack = stacks.find(({ name }) => name === row.name);
  const judged = cells.map((cell) => [cell.name, { ...row.cells[cell.name], wrong: wrong(stack, cell, row.cells[cell.name]) }]);
  return { ...row, about: stack.about, cells: Object.fromEntries(judged) };
};

export function markdown({ browser, machine, rows: measured }) {
  const rows = measured.map(judge);
  const all = rows.flatMap((row) => cells.map(({ name }) => row.cells[name]));
  return `# Interop matrix

Written by \`make interop\`. Chromium ${browser}; ${machine}.

**${all.filter(({ wrong }) => !wrong).length} of ${all.length} cells work.** In each a stack that others made ([lab/interop](../lab/interop)) is in a room with a Chromium, over a cable between two hosts of a lab.
What it publishes (320×180, 15 frames a second, a tone) the browser decodes; what the browser's camera makes (15 a second) it decodes itself, or, having no
decoder, counts where complete and since the last loss begun with a key frame.

${table(['stack', ...cells.map(({ title }) => title)], rows.map((row) => [`${row.title} ${row.version}`, ...cells.map(({ name }) => shown(row.cells[name]))]))}
${failures(rows)}
Frames a second, of those that were sent; milliseconds from the request until the first frame is decoded; for a call both ways. 5 % of the datagrams get lost each way between stack and server.
*With refused sections*: its offer also has PCMU alone and a data channel, which the answer refuses, and the rest goes on. *As DTLS server*: its offer says \`a=setup:passive\`, so the
server begins the handshake. *Closes*: its library ends the connection, and no DELETE is sent; *killed*: its process is. Seconds until the browser's page knows that it stands still, and that it is gone;
who says nothing when it closes is missed as the killed are.

${table(['stack', 'what it does by itself'], rows.map((row) => [row.title, row.about]))}

FFmpeg publishes by WHIP from its version 8 on, which Debian 12 and 13 have not: it insists on being the DTLS server, as each stack does in that column.

## Again

\`make interop\` takes about ten minutes on two cores and needs root, or a kernel that lets users make namespaces. \`lab/interop/interop.mjs --only pion --cell watch\` measures
one cell. A part of it is \`tests/run interop\`.
`;
}
