// Writes docs/quality.md, and the line that the program prints for each row.

import { rows } from './rows.mjs';

const number = (value, digits = 1) =>
  typeof value === 'number' && Number.isFinite(value) ? value.toFixed(digits) : '–';
const browserName = { chromium: 'Chromium', firefox: 'Firefox' };

export function short(row, server, browser, f) {
  const parts = [
    `${number(f.frames_per_s)} frames/s`,
    `${number(f.freezes_per_min)} freezes, frozen ${number(f.frozen_s_per_min)} s, stalled ${number(f.stalled_s_per_min)} s a minute`,
    `sound ${number(f.made_up_percent)} % made up`,
    `video ${number(f.video_kbps, 0)}, offered ${number(f.line.down.came_kbps, 0)} kbit/s`,
    `queue ${number(f.line.down.queue_mean_ms, 0)} ms`,
    `${number(f.nacks_per_s)} NACK/s`,
    `${number(f.keyframes_per_min)} key frames a minute`,
  ];
  for (const step of f.steps)
    parts.push(`${step.what}: ${number(step.frames_per_s)} frames/s, smooth after ${number(step.smooth_after_s)} s`);
  if (f.crowd) parts.push(`crowd lost ${f.crowd.lost} of ${f.crowd.expected}`);
  return `${row.letter.padEnd(2)} ${server}, ${browser}: ${parts.join('; ')}`;
}

const table = (heads, lines) =>
  [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const titleOf = (letter) => rows.find((row) => row.letter === letter).title;

function mainTable(results) {
  const heads = [
    'case',
    'server, viewer',
    'frames/s',
    'height',
    'freezes/min',
    'frozen s/min',
    'stalled s/min',
    'sound made up %',
    'video kbit/s (offered)',
    'queue ms',
    'NACK/s',
    "publisher's key frames/min",
    'first frame s',
  ];
  const order = rows.map(({ letter }) => letter);
  const lines = [...results]
    .sort((a, b) => order.indexOf(a.letter) - order.indexOf(b.letter))
    .map(({ letter, server, browser, figures: f }) => [
      `**${letter}** ${titleOf(letter)}`,
      `${server}, ${browserName[browser]}`,
      number(f.frames_per_s),
      f.height ? `${number(f.height, 0)}p` : '–',
      number(f.freezes_per_min),
      number(f.frozen_s_per_min),
      number(f.stalled_s_per_min),
      number(f.made_up_percent),
      `${number(f.video_kbps, 0)} (${number(f.line.down.came_kbps, 0)})`,
      number(f.line.down.queue_mean_ms, 0),
      number(f.nacks_per_s),
      number(f.keyframes_per_min),
      number(f.first_frame_s),
    ]);
  return table(heads, lines);
}

function stepTable(results) {
  const lines = results.flatMap(({ letter, server, browser, figures }) =>
    figures.steps.map((step) => [
      letter,
      `${server}, ${browserName[browser]}`,
      step.what,
      number(step.frames_per_s),
      number(step.stalled_s),
      number(step.made_up_percent),
      step.smooth_after_s === null ? 'never' : number(step.smooth_after_s),
      step.what === 'rise' ? (step.full_size_after_s === null ? 'never' : number(step.full_size_after_s)) : '',
    ]),
  );
  const heads = [
    'case',
    'server, viewer',
    'step',
    'frames/s',
    'stalled s',
    'sound made up %',
    'smooth after s',
    'full size after s',
  ];
  return lines.length ? `## After a change of the line\n\n${table(heads, lines)}\n` : '';
}

function remarks(results) {
  const lines = [];
  for (const { letter, server, browser, figures: f } of results) {
    const who = `${letter}, ${server}, ${browserName[browser]}`;
    if (f.other)
      lines.push(
        `${who}: another viewer on the clean cable meanwhile: ${number(f.other.frames_per_s)} frames/s, ${number(f.other.frozen_s_per_min)} s frozen a minute, ${number(f.other.made_up_percent)} % of the sound made up.`,
      );
    if (f.crowd)
      lines.push(
        `${who}: ${f.crowd.viewers} viewers of monoport-load beside it lost ${f.crowd.lost} of ${f.crowd.expected} packets.`,
      );
    if (f.pictures > 1)
      lines.push(
        `${who}: ${number(f.shown, 0)} of ${number(f.pictures, 0)} pictures moved, the slowest at ${number(f.frames_per_s_least)} frames/s; of the worst sound ${number(f.made_up_percent_most)} % was made up.`,
      );
    if (f.shown < f.pictures)
      lines.push(
        `${who}: ${number(f.pictures - f.shown, 0)} of ${number(f.pictures, 0)} pictures stood still all the time; the page says ${f.paused_said ? 'that they are paused' : 'nothing of it'}.`,
      );
    if (letter === 'H') lines.push(`${who}: playout ${number(f.delay_ms, 0)} ms behind the publisher's clock.`);
  }
  return lines.length ? `## Beside the table\n\n${lines.map((line) => `- ${line}`).join('\n')}\n` : '';
}

export function markdown({ date, command, commit, machine, load, versions, results }) {
  const browsers = Object.entries(versions).map(([name, version]) => `${browserName[name]} ${version}`);
  const pictures = rows.filter(({ letter }) =>
    results.some((result) => result.letter === letter && result.browser === 'chromium'),
  );
  const [least, most] = [Math.min, Math.max].map((of) => of(...results.map(({ turns }) => turns)));
  const turns = most > 1 ? `Medians of ${least === most ? most : `${least} to ${most}`} turns.` : 'One turn a row.';
  return `# Quality on bad lines

Written by \`${command}\` on ${date}, commit ${commit}. ${browsers.join(', ')}; ${machine}; load average up to ${number(load)}. ${turns}${load > 2 ? ' **Provisional: other work ran on the machine meanwhile.**' : ''}

Real Chromiums publish 640×360 at 25 frames/s, at most 1.6 Mbit/s, and a voice, from a clean cable. The viewer is behind an emulated line
(\`lab/quality/line.h\`): a user-space program between two TUN devices, with 20 ms of delay each way. Loss, jitter and rate are those of
the direction to the viewer; a queue holds 100 ms and drops what does not fit. Figures are of the time from 3 s after the viewer
connected (F and H: 5 s), 40 s in all, D 60 s, Z 30 s.

- *frames/s*: decoded; where there are several pictures, their mean. A picture that never came counts as 0.
- *freezes*, *frozen*: the browser's own (freezeCount, totalFreezesDuration), which do not count a freeze that has not ended.
- *stalled*: gaps of more than 400 ms between decoded frames, the open one at the end included; sampled every 100 ms.
- *sound made up*: (concealedSamples − silentConcealedSamples) / totalSamplesReceived.
- *offered*: all that came to the line in the direction of the viewer, IP headers included. *queue*: mean time of a packet from its
  coming to its last bit.
- *key frames*: of the publisher (the middle one of several), of the layer that has most.
- *smooth*: when three seconds begin, each with 60 % of the frames or more, without a gap of 400 ms.

${mainTable(results)}

${stepTable(results)}
${remarks(results)}
## Over time

Chromium, the turn in the middle. Grey: rate of the line; thin: the bitrate offered to it; thick: frames/s; filled: queue.

${pictures.map(({ letter, title }) => `### ${letter}: ${title}\n\n![${letter}](quality/${letter}.svg)`).join('\n\n')}
`;
}
