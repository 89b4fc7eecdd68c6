// Test Anything Protocol, version 12: what tests/run reads and a person can, too.

const indent = (text) => String(text).replace(/^/gm, '# ');

/** The whole file is skipped, for one reason. */
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

/** Asks until `holds` yields something true, and resolves with that. After `seconds` it fails and says what is still so: `left`, or what that yields. */
export async function until(left, holds, seconds) {
  for (const end = performance.now() + seconds * 1000; ; await new Promise((tick) => setTimeout(tick, 20))) {
    const value = await holds();
    if (value) return value;
    assert(performance.now() < end, `${left instanceof Function ? await left() : left}, still after ${seconds} s`);
  }
}

/**
 * A test file. Its tests run one after the other; each failure is reported and the next test runs. After `limit`
 * seconds for all of them the file fails where it stands.
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
    /** `undoing` runs at the end, the last one first, whatever happened. */
    after(undoing) {
      undo.push(undoing);
    },

    /** What `explanation` yields is printed with each failure: the end of a log, say. */
    explain(explanation) {
      explanations.push(explanation);
    },

    /** Runs one test; yields what it returns, or undefined when it failed. */
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

    /** Undoes, prints the plan, ends the process. */
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
