// The table on the terminal: a line for each finished kind, and, on an interactive terminal, the current step.

import { browserName } from './kinds.mjs';
import { cellText, probeText, verdict } from './words.mjs';

const widths = { kind: 42, probe: 26, cell: 40 };

export class Terminal {
  constructor(browsers) {
    this.browsers = browsers;
    this.watched = process.stdout.isTTY;
    const heads = browsers.map((name) => `${browserName[name]}: connected, 1st frame, frames/s`);
    this.say(['network', 'maps / filters', ...heads].map(this.padded).join('  '));
  }

  padded = (text, index) => text.padEnd(Object.values(widths)[Math.min(index, 2)]);

  /** The next output overwrites it. */
  doing(text) {
    if (this.watched) process.stdout.write(`\r\x1b[K… ${text}`);
  }

  say(text) {
    process.stdout.write(`${this.watched ? '\r\x1b[K' : ''}${text}\n`);
  }

  row(row) {
    const cells = this.browsers.map((name) => cellText(row.cells[name]));
    this.say([row.title, probeText(row), ...cells].map(this.padded).join('  '));
    for (const name of this.browsers) {
      const { trouble, idle } = row.cells[name];
      if (trouble) this.say(`    ${browserName[name]}: ${trouble.split('\n')[0].slice(0, 240)}`);
      if (idle)
        this.say(
          `    ${browserName[name]}, ${row.seconds_idle} s of silence: ${verdict(idle)}${idle.trouble ? `: ${idle.trouble}` : ''}`,
        );
    }
  }
}
