// A browser tab of any browser. A subclass provides `run`: evaluates an expression in the page, awaits it, and returns its
// string. It takes expressions, because a page's content security policy forbids functions made from strings in the page.

export class Tab {
  /** Calls `fn(arg)` in the page; its result must survive JSON. */
  async evaluate(fn, arg) {
    const json = await this.run(`(async () => JSON.stringify({ value: await (${fn})(${literal(arg)}) }))()`);
    return JSON.parse(json).value;
  }

  /**
   * Waits until `fn(arg)` returns something true in the page and returns that. After `seconds` it throws an error with the
   * expectation and the page's state (`explain`, optional).
   */
  async until(what, fn, arg, seconds, explain) {
    const value = await this.evaluate(
      `async (arg) => {
        let isLate = false;
        const late = new Promise((pass) => setTimeout(pass, ${seconds * 1000})).then(() => { isLate = true; });
        let value;
        while (!value && !isLate) {
          // A race with a timeout: fn may never resolve, for example with the statistics of a closed connection.
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

// `fn` with a limit of 3 s, after which it returns a text instead.
const inTime = (fn) =>
  `(arg) => Promise.race([(${fn})(arg), new Promise((pass) => setTimeout(pass, 3000, 'nothing for 3 s'))])`;

// JSON has no `undefined`, JavaScript has.
const literal = (value) => (value === undefined ? 'undefined' : JSON.stringify(value));
