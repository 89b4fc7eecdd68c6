// docs/quality/LETTER.svg: a row over time, a panel for each server.

import { rateAt } from './rows.mjs';

const width = 760;
const plot = { left: 60, width: 640 };
const panel = { rate: 90, frames: 60, queue: 40, gap: 14, title: 26 };
const height = panel.title + panel.rate + panel.frames + panel.queue + 3 * panel.gap + 16;
const colour = {
  ink: '#1c2733',
  grey: '#8a94a0',
  line: '#c9d0d8',
  rate: '#2f6db3',
  frames: '#1a7f5a',
  queue: '#e0a458',
};

const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]);
const text = (x, y, words, { size = 11, fill = colour.ink, anchor = 'start' } = {}) =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="${anchor}">${escape(words)}</text>`;

/** A curve through one value a second; seconds without a value are left out. */
function path(values, seconds, top, tall, most, { stroke = 'none', fill = 'none', thick = 1.5 }) {
  const points = values.flatMap((value, second) =>
    value === null || value === undefined
      ? []
      : [[plot.left + ((second + 0.5) / seconds) * plot.width, top + tall - (Math.min(value, most) / most) * tall]],
  );
  if (!points.length) return '';
  const through = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' L');
  const closed =
    fill === 'none' ? '' : ` L${points.at(-1)[0].toFixed(1)},${top + tall} L${points[0][0].toFixed(1)},${top + tall} Z`;
  return `<path d="M${through}${closed}" stroke="${stroke}" stroke-width="${thick}" fill="${fill}"/>`;
}

const frame = (top, tall, label, most) =>
  [
    `<rect x="${plot.left}" y="${top}" width="${plot.width}" height="${tall}" fill="none" stroke="${colour.line}"/>`,
    text(plot.left - 6, top + 10, most, { anchor: 'end', fill: colour.grey }),
    text(plot.left - 6, top + tall, '0', { anchor: 'end', fill: colour.grey }),
    text(plot.left + plot.width + 6, top + 10, label, { fill: colour.grey }),
  ].join('');

function draw(row, { server, figures }, offset) {
  const times = figures.over_time;
  const seconds = times.length;
  const of = (field) => times.map((second) => second[field]);
  const rates = times.map(({ second }) => rateAt(row, second));
  const mostRate = Math.max(500, ...of('offered_kbps'), ...rates.filter(Boolean));
  const mostQueue = Math.max(120, ...of('queue_ms'));
  let top = offset + panel.title;
  const parts = [text(plot.left, offset + 16, `${row.letter}: ${row.title}. ${server}`, { size: 13 })];
  parts.push(frame(top, panel.rate, 'kbit/s', mostRate.toFixed(0)));
  parts.push(path(rates, seconds, top, panel.rate, mostRate, { stroke: colour.grey, thick: 3 }));
  parts.push(path(of('offered_kbps'), seconds, top, panel.rate, mostRate, { stroke: colour.rate, thick: 1 }));
  top += panel.rate + panel.gap;
  parts.push(frame(top, panel.frames, 'frames/s', '30'));
  parts.push(path(of('frames_per_s'), seconds, top, panel.frames, 30, { stroke: colour.frames, thick: 2 }));
  let height;
  for (const { second, height: now } of times) {
    if (now && now !== height)
      parts.push(text(plot.left + (second / seconds) * plot.width + 2, top + panel.frames - 4, `${now}p`));
    height = now || height;
  }
  top += panel.frames + panel.gap;
  parts.push(frame(top, panel.queue, 'queue ms', mostQueue.toFixed(0)));
  parts.push(path(of('queue_ms'), seconds, top, panel.queue, mostQueue, { fill: colour.queue }));
  top += panel.queue;
  parts.push(text(plot.left, top + 13, '0 s', { fill: colour.grey }));
  parts.push(text(plot.left + plot.width, top + 13, `${seconds} s`, { fill: colour.grey, anchor: 'end' }));
  return parts.join('\n');
}

export function svg(row, results) {
  const all = height * results.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${all}" font-family="sans-serif" role="img" aria-label="${escape(row.title)}">
<rect width="${width}" height="${all}" fill="white"/>
${results.map((result, index) => draw(row, result, index * height)).join('\n')}
</svg>
`;
}
