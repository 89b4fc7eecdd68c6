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
    cells
      .filter(({ name }) => row.cells[name].wrong)
      .map(({ name, title }) => `- ${row.title}, ${title}: ${row.cells[name].wrong.split('\n')[0].slice(0, 200)}`),
  );
  return lines.length ? `\n${lines.join('\n')}\n` : '';
}

/** Judges the stored figures anew, so that `--again` applies today's requirements. */
const judge = (row) => {
  const stack = stacks.find(({ name }) => name === row.name);
  const judged = cells.map((cell) => [
    cell.name,
    { ...row.cells[cell.name], wrong: wrong(stack, cell, row.cells[cell.name]) },
  ]);
  return { ...row, about: stack.about, cells: Object.fromEntries(judged) };
};

export function markdown({ browser, machine, rows: measured }) {
  const rows = measured.map(judge);
  const all = rows.flatMap((row) => cells.map(({ name }) => row.cells[name]));
  return `# Interop matrix

Written by \`make interop\`. Chromium ${browser}; ${machine}.

**${all.filter(({ wrong }) => !wrong).length} of ${all.length} cells work.** In each cell another WebRTC stack ([lab/interop](../lab/interop)) shares a room with a
Chromium, over a virtual cable between two hosts. The browser decodes what the stack publishes (320×180, 15 frames a second, a tone).
The stack decodes the browser's camera (15 frames a second). A stack without a decoder counts complete frames, and after a loss only
from the next key frame on.

${table(
  ['stack', ...cells.map(({ title }) => title)],
  rows.map((row) => [`${row.title} ${row.version}`, ...cells.map(({ name }) => shown(row.cells[name]))]),
)}
${failures(rows)}
The cells give the received and the sent frames a second, and the milliseconds from the request to the first decoded frame; a call has
both directions.

- *5 % lost*: the network drops 5 % of the datagrams in each direction between stack and server.
- *With refused sections*: the stack also offers a section with PCMU alone and a data channel. The answer refuses both; the rest works.
- *As DTLS server*: the stack offers \`a=setup:passive\`, so Monoport starts the handshake.
- *Closes without DELETE*: the library closes the connection and sends no DELETE. *Killed*: the process is killed. The cells give the
  seconds until the browser's page shows the publisher as stalled, and as gone. Monoport detects a stack that closes without a message
  by its silence, as it does a killed one.

${table(
  ['stack', 'remarks'],
  rows.map((row) => [row.title, row.about]),
)}

FFmpeg publishes by WHIP since version 8, which Debian 12 and 13 do not have. It insists on being the DTLS server; the column *as DTLS
server* tests that case.

## Running it

\`make interop\` takes about ten minutes on two cores and needs root, or a kernel that lets users make namespaces.
\`lab/interop/interop.mjs --only pion --cell watch\` measures one cell. \`tests/run interop\` runs a part of it.
`;
}
