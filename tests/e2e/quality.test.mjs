#!/usr/bin/env node
// A minute of the quality lab (make quality runs all): a Chromium behind an emulated line. On a clean line nothing freezes; at
// 10 % loss the line loses that much, and the viewer requests retransmissions.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from '../../lab/quality/measure.mjs';
import { publisherArgs } from '../../lab/quality/media.mjs';
import { Monoport } from '../../lab/quality/monoport.mjs';
import { rows } from '../../lab/quality/rows.mjs';
import { grown, madeUp, medians, smoothAfter, stalls } from '../../lab/quality/figures.mjs';
import { launchChromium } from './lib/chromium.mjs';
import { enter } from './lib/lab.mjs';
import { slowness } from './lib/server.mjs';
import { assert, diagnostic, equal, suite } from './lib/tap.mjs';

const lab = await enter('line');
const { test, after, explain, end } = suite({ limit: 120 * slowness });

// Ten samples a second; `frames(s)` is the number of frames so far.
const points = (seconds, frames) =>
  Array.from({ length: seconds * 10 + 1 }, (_, index) => ({ at: index * 100, framesDecoded: frames(index / 10) }));

await test('a gap of more than 400 ms is a stall, the open one at the end too', () => {
  const steady = points(10, (second) => Math.floor(second * 25));
  equal(stalls(steady, 0, 10_000), [], 'of a steady picture');
  const stopped = points(10, (second) => Math.floor(Math.min(second, 4) * 25));
  equal(stalls(stopped, 0, 10_000), [6000], 'of a picture that stops after 4 s');
  const away = points(10, (second) => Math.floor((second < 4 ? second : Math.max(4, second - 2)) * 25));
  equal(stalls(away, 0, 10_000), [2100], 'of a picture that is away for 2 s'); // by the distance of the samples more
  equal(stalls([], 0, 10_000), [10_000], 'of none');
});

await test('smooth is the beginning of three seconds with frames and without a gap', () => {
  const away = points(10, (second) => Math.floor(Math.max(0, second - 2) * 25));
  const after = smoothAfter(away, 0, 10_000, 15);
  assert(after > 1.5 && after < 2.6, `${after} s`);
  equal(
    smoothAfter(
      points(10, () => 0),
      0,
      10_000,
      15,
    ),
    null,
    'of a picture that stands still',
  );
});

await test('silence that is made up does not count as made up', () => {
  const sound = [
    { at: 0, totalSamplesReceived: 0, concealedSamples: 0, silentConcealedSamples: 0 },
    { at: 1000, totalSamplesReceived: 48_000, concealedSamples: 4800, silentConcealedSamples: 2400 },
  ];
  equal(madeUp(sound, 0, 1000), 5, '%');
  equal(grown(sound, 'concealedSamples', 0, 1000), 4800, 'samples');
});

await test('medians are those of each figure, also in what belongs to it', () => {
  const turn = (value) => ({
    value,
    line: { down: { lost: value } },
    steps: [{ what: 'fall', after: value }],
    over_time: [],
  });
  const { value, line, steps } = medians([turn(3), turn(1), turn(2)]);
  equal([value, line.down.lost, steps[0]], [2, 2, { what: 'fall', after: 2 }], 'medians');
});

const server = await Monoport.start(lab);
after(() => server.stop());
explain(() => server.server.tail());
const folder = await mkdtemp(join(tmpdir(), 'monoport-quality-'));
after(() => rm(folder, { recursive: true }));
const publishing = await launchChromium({
  host: 'publisher',
  origin: server.origin,
  args: await publisherArgs(folder),
});
after(() => publishing.close());
const viewing = await launchChromium({ host: 'viewer', origin: server.origin });
after(() => viewing.close());

async function short(letter) {
  const row = { ...rows.find((one) => one.letter === letter), seconds: 12 };
  const figures = await measure({ row, server, publishing, viewing, seed: 1 });
  const { down } = figures.line;
  diagnostic(
    `${letter}: ${figures.frames_per_s.toFixed(1)} of ${figures.sent_frames_per_s.toFixed(1)} frames/s, ${figures.freezes_per_min.toFixed(1)} freezes a minute, ` +
      `${figures.made_up_percent.toFixed(1)} % of the sound made up, ${figures.video_kbps.toFixed(0)} kbit/s, ${down.lost} of ${down.came} packets lost, ${figures.nacks_per_s.toFixed(1)} NACK/s`,
  );
  return figures;
}

await test('a clean line: no freeze, all frames, all of the sound', async () => {
  const { frames_per_s, sent_frames_per_s, freezes_per_min, made_up_percent, video_kbps, line, over_time } =
    await short('Z');
  equal([line.down.lost, line.down.full, line.up.lost], [0, 0, 0], 'packets that the line lost');
  equal(over_time.length, 12, 'seconds');
  assert(line.down.came_kbps > video_kbps, `${line.down.came_kbps} kbit/s came to the line, ${video_kbps} of video`);
  if (slowness > 1) return; // a sanitized server is slow by itself
  equal(freezes_per_min, 0, 'freezes');
  assert(video_kbps > 500 && video_kbps < 1800, `${video_kbps} kbit/s of video`);
  // a busy machine's encoder makes fewer than 25 a second
  assert(frames_per_s > sent_frames_per_s * 0.85, `${frames_per_s} of ${sent_frames_per_s} frames/s`);
  assert(made_up_percent < 2, `${made_up_percent} % of the sound made up`);
});

await test('10 % random loss: the line loses that, the picture goes on', async () => {
  const { frames_per_s, sent_frames_per_s, made_up_percent, nacks_per_s, line } = await short('B');
  const share = line.down.lost / line.down.came;
  assert(share > 0.06 && share < 0.14, `${line.down.lost} of ${line.down.came} packets lost`);
  assert(nacks_per_s > 1, `${nacks_per_s} NACK/s`);
  if (slowness > 1) return;
  assert(frames_per_s > sent_frames_per_s * 0.7, `${frames_per_s} of ${sent_frames_per_s} frames/s`);
  assert(made_up_percent < 15, `${made_up_percent} % of the sound made up`);
});

await end();
