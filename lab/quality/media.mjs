// Picture and voice of publishers: files for Chromium's fake devices, the same in every run.

import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

function numbers(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// A texture of several scales, which repeats in both directions: camera pictures have detail of every size.
function texture(width, height, next) {
  const light = new Float32Array(width * height);
  for (const [cell, weight] of [
    [80, 60],
    [20, 35],
    [5, 18],
  ]) {
    const columns = width / cell;
    const grid = Float32Array.from({ length: columns * (height / cell) }, () => (next() - 0.5) * weight);
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1)
        light[y * width + x] += grid[Math.floor(y / cell) * columns + Math.floor(x / cell)];
  }
  return light;
}

/** A steadily moving picture with grain, for which VP8 uses its full bitrate. It repeats without a jump. */
async function writePicture(path, { width, height, fps }) {
  const frames = 2 * fps;
  const next = numbers(1);
  const light = texture(width, height, next);
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < frames; frame += 1) {
    const turn = (2 * Math.PI * frame) / frames;
    const shiftX = Math.round(40 * Math.sin(turn)) + width;
    const shiftY = Math.round(20 * Math.cos(turn)) + height;
    const picture = Buffer.alloc((width * height * 3) / 2, 128);
    for (let y = 0; y < height; y += 1) {
      const row = ((y + shiftY) % height) * width;
      for (let x = 0; x < width; x += 1)
        picture[y * width + x] = 120 + light[row + ((x + shiftX) % width)] + (next() - 0.5) * 14;
    }
    parts.push(Buffer.from('FRAME\n'), picture);
  }
  await writeFile(path, Buffer.concat(parts));
}

// A voice without words: pulses of a throat at 110 to 150 Hz through three resonances that change with each syllable,
// five syllables in 1.25 s, then a breath.
async function writeVoice(path) {
  const rate = 48_000;
  const count = 10 * rate;
  const next = numbers(2);
  const samples = new Int16Array(count);
  const vowels = [
    [700, 1200, 2600],
    [300, 2300, 3000],
    [450, 1900, 2500],
    [350, 800, 2300],
  ];
  const memory = [0, 1, 2].map(() => [0, 0]);
  let phase = 0;
  for (let i = 0; i < count; i += 1) {
    const second = i / rate;
    const syllable = Math.floor(second / 0.25);
    const within = (second % 0.25) / 0.25;
    const speaks = syllable % 6 < 5;
    const pitch = 130 + 20 * Math.sin(2 * Math.PI * 0.4 * second);
    phase += pitch / rate;
    const pulse = phase >= 1 ? 1 : 0;
    phase %= 1;
    const source = pulse * 30 + (next() - 0.5) * 0.4;
    let sum = 0;
    vowels[syllable % vowels.length].forEach((frequency, which) => {
      const radius = Math.exp((-Math.PI * (60 + 40 * which)) / rate);
      const [last, before] = memory[which];
      const value =
        source * (1 - radius) + 2 * radius * Math.cos((2 * Math.PI * frequency) / rate) * last - radius ** 2 * before;
      memory[which] = [value, last];
      sum += value / (1 + which);
    });
    const envelope = speaks ? Math.sin(Math.PI * within) ** 0.5 : 0;
    samples[i] = Math.max(-30_000, Math.min(30_000, sum * envelope * 6000));
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  [16, 1 | (1 << 16), rate, rate * 2, 2 | (16 << 16)].forEach((value, at) => header.writeUInt32LE(value, 16 + 4 * at));
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  await writeFile(path, Buffer.concat([header, Buffer.from(samples.buffer)]));
}

/** The options of a Chromium that publishes this picture and this voice; `folder` keeps the files. */
export async function publisherArgs(folder, { width = 640, height = 360, fps = 25 } = {}) {
  await mkdir(folder, { recursive: true });
  const files = [
    [join(folder, `picture-${width}x${height}-${fps}.y4m`), (path) => writePicture(path, { width, height, fps })],
    [join(folder, 'voice.wav'), writeVoice],
  ];
  for (const [path, write] of files) {
    if (existsSync(path)) continue;
    await write(`${path}.part`);
    await rename(`${path}.part`, path);
  }
  return [`--use-file-for-fake-video-capture=${files[0][0]}`, `--use-file-for-fake-audio-capture=${files[1][0]}`];
}
