// One row, once: publishers on a clean cable, the line, a viewer behind it.

import { run } from '../../tests/e2e/lib/lab.mjs';
import { samples } from './pages.mjs';
import { Line, total } from './line.mjs';
import { figures } from './figures.mjs';

const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

/** Without UDP the viewer connects by ICE-TCP. */
function allowUdp(allowed) {
  run('viewer', 'nft', 'add table inet quality; delete table inet quality');
  const chain = (name, hook) => `add chain inet quality ${name} { type filter hook ${hook} priority 0; }`;
  const rule = (name) => `add rule inet quality ${name} meta l4proto udp oifname != "lo" drop`;
  if (!allowed) run('viewer', 'nft', `add table inet quality; ${chain('out', 'output')}; ${rule('out')}`);
}

/** `publishing` is a browser on the clean cable, `viewing` one behind the line. Returns the row's figures. */
export async function measure({ row, server, publishing, viewing, seed }) {
  const room = `row-${row.letter}-${seed}-${viewing.name}`;
  const tabs = [];
  let line;
  try {
    line = await Line.start({ seed, down: row.down, up: row.up });
    allowUdp(!row.tcp);
    const publishers = [];
    for (let number = 1; number <= row.publishers; number += 1)
      publishers.push(await server.publish(publishing, row, room, number));
    tabs.push(...publishers);
    const other = row.others ? await server.watch(publishing, row, room, 'other') : null;
    if (other) tabs.push(other);
    await seconds(4); // until encoders are at their rate: nothing says so
    const crowd = row.others > 1 ? server.crowd?.(row.others - 1, room, row.seconds) : null;
    const viewer = await server.watch(viewing, row, room, 'viewer');
    tabs.push(viewer);
    line.begin();
    const { begunAt } = line;
    await seconds(row.seconds + 0.3);
    const seen = await viewer.evaluate(samples);
    const sent = await Promise.all(publishers.map((tab) => tab.evaluate(samples)));
    const counted = await line.end();
    const result = figures({ row, begunAt, viewer: seen, publishers: sent });
    result.line = {
      down: total(counted, 'down', row.settle * 1000 + 50, row.seconds * 1000 + 50),
      up: total(counted, 'up', row.settle * 1000 + 50, row.seconds * 1000 + 50),
    };
    for (const [index, second] of result.over_time.entries()) {
      const { down } = counted[index] ?? {};
      second.offered_kbps = down ? (down.came_bytes * 8) / 1000 : null;
      second.passed_kbps = down ? (down.left_bytes * 8) / 1000 : null;
      second.queue_ms = down?.queue_mean_ms ?? null;
    }
    if (other) result.other = figures({ row, begunAt, viewer: await other.evaluate(samples), publishers: sent });
    if (crowd) result.crowd = await crowd;
    return result;
  } finally {
    await Promise.all(tabs.map((tab) => tab.close().catch(() => {})));
    await line?.kill();
    allowUdp(true);
  }
}
