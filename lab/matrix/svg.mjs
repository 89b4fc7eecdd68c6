// docs/nat-matrix.svg: the matrix as a picture.

import { browserName } from './kinds.mjs';
import { probeText, works } from './words.mjs';

const line = 34;
const top = 74;
const left = { title: 20, probe: 320, cell: 540 };
const cellWidth = 310;
const barWidth = 130;
const colour = {
  ink: '#1c2733',
  grey: '#5b6775',
  good: '#1a7f5a',
  light: '#8cc7ad',
  bad: '#c0392b',
  stripe: '#f4f6f8',
};

const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]);
const text = (x, y, words, { size = 14, fill = colour.ink, weight = 'normal' } = {}) =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" font-weight="${weight}">${escape(words)}</text>`;
const bar = (x, y, width, fill) =>
  `<rect x="${x}" y="${y}" width="${Math.max(width, 2).toFixed(1)}" height="6" rx="2" fill="${fill}"/>`;

function drawCell(cell, x, y, scale) {
  const good = works(cell);
  const dot = `<circle cx="${x + 6}" cy="${y - 5}" r="6" fill="${good ? colour.good : colour.bad}"/>`;
  if (!good)
    return dot + text(x + 22, y, cell?.connected ? 'no picture' : 'no connection', { size: 13, fill: colour.bad });
  return [
    dot,
    bar(x + 22, y - 12, cell.connected_ms * scale, colour.good),
    bar(x + 22, y - 4, cell.firstFrame_ms * scale, colour.light),
    text(
      x + 22 + barWidth + 8,
      y,
      `${cell.connected_ms} · ${cell.firstFrame_ms} ms · ${cell.framesPerSecond.toFixed(0)}/s`,
      { size: 12, fill: colour.grey },
    ),
  ].join('');
}

export function svg({ versions, rows }) {
  const names = Object.keys(versions);
  const width = left.cell + names.length * cellWidth + 30;
  const height = top + rows.length * line + 44;
  const slowest = Math.max(
    1,
    ...rows.flatMap(({ cells }) => names.filter((name) => works(cells[name])).map((name) => cells[name].firstFrame_ms)),
  );
  const scale = barWidth / slowest;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" role="img" aria-label="Calls from each kind of network">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(left.title, 30, 'One port, no other server: a call from each kind of network', { size: 17, weight: 'bold' }),
    text(left.title, 60, 'network', { fill: colour.grey }),
    text(left.probe, 60, 'maps / filters, proved', { fill: colour.grey }),
    ...names.map((name, index) =>
      text(left.cell + index * cellWidth, 60, `${browserName[name]} ${versions[name].split('.')[0]}`, {
        fill: colour.grey,
      }),
    ),
  ];
  rows.forEach((row, index) => {
    const y = top + index * line;
    if (index % 2 === 0)
      parts.push(`<rect x="10" y="${y}" width="${width - 20}" height="${line}" fill="${colour.stripe}"/>`);
    parts.push(
      text(left.title, y + 22, row.title),
      text(left.probe, y + 22, probeText(row), { size: 13, fill: colour.grey }),
    );
    names.forEach((name, column) =>
      parts.push(drawCell(row.cells[name], left.cell + column * cellWidth, y + 22, scale)),
    );
  });
  parts.push(
    text(
      left.title,
      height - 16,
      'dark: ms from the press of the button to connected; light: to the first decoded frame; then frames a second. Written by make lab.',
      { size: 12, fill: colour.grey },
    ),
    '</svg>',
  );
  return `${parts.join('\n')}\n`;
}
