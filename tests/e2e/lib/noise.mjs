// A camera's picture that is hard to encode. Chromium's own fake camera shows a picture so simple that its encoder never
// needs a megabit, however much the network allows.

import { writeFile } from 'node:fs/promises';

/**
 * Writes a YUV4MPEG2 file for --use-file-for-fake-video-capture: blocks of grey that change with each frame.
 * The size matters: Chromium gives a picture of 640x360 no more than 800 kbit/s.
 */
export async function writeNoise(path, { width = 960, height = 540, block = 12, frames = 10, fps = 15 } = {}) {
  // Not random: the same picture in every run.
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < frames; frame += 1) {
    const picture = Buffer.alloc((width * height * 3) / 2, 128);
    for (let y = 0; y < height; y += block) {
      for (let x = 0; x < width; x += block) {
        const light = next();
        for (let line = y; line < y + block; line += 1) picture.fill(light, line * width + x, line * width + x + block);
      }
    }
    parts.push(Buffer.from('FRAME\n'), picture);
  }
  await writeFile(path, Buffer.concat(parts));
}
