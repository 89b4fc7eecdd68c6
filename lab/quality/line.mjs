// The emulated line between the hosts `internet` and `viewer` of the topology `line`, and its counters.

import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { kill, start } from '../../tests/e2e/lib/process.mjs';
import { binary } from '../../tests/e2e/lib/server.mjs';

export class Line {
  /** `down` (towards the viewer) and `up` as lab-line reads them. Returns once it carries packets. */
  static async start({ seed = 1, down = '', up = '' } = {}) {
    const line = new Line();
    const program = join(dirname(binary), 'lab-line');
    line.child = start([program, String(seed), 'internet:line', 'viewer:line', down, up], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    /** One object a second; `at_ms` is the second's end, from begin() on, null before. */
    line.seconds = [];
    const lines = createInterface({ input: line.child.stdout });
    const ready = once(lines, 'line');
    const ended = once(line.child, 'exit').then(([code]) => {
      throw new Error(`lab-line ended (${code})`);
    });
    ended.catch(() => {});
    await Promise.race([ready, ended]);
    lines.on('line', (text) => line.seconds.push(JSON.parse(text)));
    return line;
  }

  /** Starts the schedule's clock. */
  begin() {
    this.begunAt = Date.now();
    this.child.stdin.write('begin\n');
  }

  /** Ends the line; returns the seconds since begin(), the last one incomplete. */
  async end() {
    const closed = once(this.child, 'close');
    this.child.stdin.end();
    await closed;
    return this.seconds.filter(({ at_ms }) => at_ms !== null);
  }

  kill() {
    return kill(this.child);
  }
}

/** Sums, shares and the mean wait of a packet in one direction, over seconds that end in (from_ms, to_ms]. */
export function total(seconds, direction, from_ms = 0, to_ms = Infinity) {
  const all = seconds.filter(({ at_ms }) => at_ms > from_ms && at_ms <= to_ms).map((second) => second[direction]);
  const sum = (field) => all.reduce((so_far, second) => so_far + second[field], 0);
  const most = (field) => Math.max(0, ...all.map((second) => second[field]));
  const left = sum('left');
  const waits = all.reduce((so_far, { left, queue_mean_ms }) => so_far + left * queue_mean_ms, 0);
  return {
    seconds: all.length,
    came: sum('came'),
    left,
    lost: sum('lost'),
    full: sum('full'),
    unwritten: sum('unwritten'),
    came_kbps: (sum('came_bytes') * 8) / 1000 / Math.max(1, all.length),
    left_kbps: (sum('left_bytes') * 8) / 1000 / Math.max(1, all.length),
    queue_mean_ms: left ? waits / left : 0,
    queue_max_ms: most('queue_max_ms'),
    late_max_ms: most('late_max_ms'),
  };
}
