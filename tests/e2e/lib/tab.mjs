// One browser tab, whichever browser it is in. A subclass gives `run`: evaluate an expression in the page, await it,
// return the string that it yields. Expressions, not functions made from strings inside the page: a page's content
// security policy forbids the latter and not the former.

export class Tab {
  /** Calls `fn(arg)` in the page; what it returns must survive JSON. */
  async evaluate(fn, arg) {
    const json = await this.run(`(async () => JSON.stringify({ value: await (${fn})(${literal(arg)}) }))()`);
    return JSON.parse(json).value;
  }

  /**
   * Waits until `fn(arg)` yields something true in the page and returns that.
   * After `seconds` it throws, saying what was waited for and what the page showed instead (`explain`, optional).
   */
  async until(what, fn, arg, seconds, explain) {
    const value = await this.evaluate(
      `async (arg) => {
        let isLate = false;
        const late = new Promise((pass) => setTimeout(pass, ${seconds * 1000})).then(() => { isLate = true; });
        let value;
        while (!value && !isLate) {
          // Raced: what fn waits for may never come, the statistics of a closed connection for one.
          value = await Promise.race([(${fn})(arg), late]);
          if (!value) await new Promise((tick) => setTimeout(tick, 50));
        }
        return value;
      }`,
      arg,
    );
    if (value) return value;
    const shown = explain ? `; the page shows ${JSON.stringify(await this.evaluate(inTime(explain), arg))}` : '';
    throw new Error(`${what}: not within ${seconds} s${shown}`);
  }
}

// `fn`, or a word about it if it does not come to an end.
const inTime = (fn) =>
  `(arg) => Promise.race([(${fn})(arg), new Promise((pass) => setTimeout(pass, 3000, 'nothing for 3 s'))])`;

// JSON is JavaScript but for `undefined`.
const literal = (value) => (value === undefined ? 'undefined' : JSON.stringify(value));
