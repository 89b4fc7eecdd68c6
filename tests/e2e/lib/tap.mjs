// Test Anything Protocol, version 12: the format that tests/run reads.

const indent = (text) => String(text).replace(/^/gm, '# ');

/** Skips the whole file, for one reason. */
export function skipAll(reason) {
  console.log(`1..0 # SKIP ${reason}`);
  process.exit(0);
}

export function diagnostic(text) {
  console.log(indent(text));
}

export function assert(condition, text) {
  if (!condition) throw new Error(text);
}

export function equal(actual, expected, text) {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${text}: ${left}, expected ${right}`);
}

/**
 * Calls `holds` until it returns something true, and resolves with that. After `seconds` it fails with `left`, a text or a
 * function that returns one: it describes the unfinished state.
 */
export async function until(left, holds, seconds) {
  for (const end = performance.now() + seconds * 1000; ; await new Promise((tick) => setTimeout(tick, 20))) {
    const value = await holds();
    if (value) return value;
    assert(performance.now() < end, `${left instanceof Function ? await left() : left}, still after ${seconds} s`);
  }
}

/**
 * A test file. Its tests run one after the other; after a failure the next test runs. `limit`: the seconds for all tests
 * together, after which the file fails.
 */
export function suite({ limit }) {
  let count = 0;
  let failed = 0;
  let current = 'before the first test';
  const undo = [];
  const explanations = [];

  const report = (ok, name, error) => {
    count += 1;
    if (!ok) failed += 1;
    console.log(`${ok ? 'ok' : 'not ok'} ${count} - ${name}`);
    if (!error) return;
    diagnostic(error.stack ?? error);
    for (const explanation of explanations) diagnostic(explanation());
  };

  setTimeout(() => {
    report(false, current, `the file's limit of ${limit} s has passed`);
    console.log(`1..${count}`);
    process.exit(1);
  }, limit * 1000).unref();

  return {
    /** Runs `undoing` at the end, the last one first, also after failures. */
    after(undoing) {
      undo.push(undoing);
    },

    /** Prints the result of `explanation` with each failure, for example the end of a log. */
    explain(explanation) {
      explanations.push(explanation);
    },

    /** Runs one test; returns its value, or undefined when it failed. */
    async test(name, body) {
      current = name;
      try {
        const value = await body();
        report(true, name);
        return value;
      } catch (error) {
        report(false, name, error);
        return undefined;
      }
    },

    skip(name, reason) {
      count += 1;
      console.log(`ok ${count} - ${name} # SKIP ${reason}`);
    },

    /** Runs all `undoing`, prints the plan, ends the process. */
    async end() {
      current = 'the end';
      for (const undoing of undo.reverse()) {
        try {
          await undoing();
        } catch (error) {
          report(false, 'the end', error);
        }
      }
      console.log(`1..${count}`);
      process.exit(failed ? 1 : 0);
    },
  };
}
