// The server under test: starts the real binary on one port, keeps its log, and checks its end.

import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { hasEnded, kill, start } from './process.mjs';
import { assert, equal, until } from './tap.mjs';

export const binary = process.env.MONOPORT_BIN ?? fileURLToPath(new URL('../../../build/monoport', import.meta.url));

// A sanitized server is several times slower, and looks for leaks before it ends.
export const slowness = process.env.SANITIZE ? 5 : 1;

const report = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed/;

// Without TLS, since most pages of the tests come from other namespaces; tests of TLS set --plain=no.
const environment = {
  ...process.env,
  MONOPORT_PLAIN: 'yes',
  MONOPORT_STATE: join(tmpdir(), 'monoport-tests'),
  MONOPORT_REFUSED_CALLS: 'kill', // so that a system call outside the list makes the test fail
  ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

class Server {
  constructor(address, port, child) {
    this.address = address;
    this.port = port;
    this.origin = `http://${address}:${port}`;
    this.signaling = `ws://${address}:${port}/sdp`;
    this.child = child;
    this.log = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.log.push(line));
    }
    this.ended = once(child, 'close');
  }

  /** The end of the log, for the report of a failure. */
  tail(lines = 25) {
    return this.log.slice(-lines).join('\n');
  }

  /** Waits for a line of its log that matches. */
  async says(text, seconds = 10 * slowness) {
    await until(`the log does not say ${text}`, () => this.log.some((line) => line.includes(text)), seconds);
  }

  // Waits until it answers on its port or ends; to learn that a port is open, the test has to try it.
  async ready(seconds) {
    const answers = () => {
      assert(
        !hasEnded(this.child),
        `the server ended (${this.child.exitCode ?? this.child.signalCode}) at its start:\n${this.tail()}`,
      );
      return this.healthy();
    };
    await until(() => `no answer from ${this.origin}/healthz:\n${this.tail()}\n`, answers, seconds);
  }

  async healthy() {
    try {
      const response = await fetch(`${this.origin}/healthz`, { signal: AbortSignal.timeout(2000), redirect: 'manual' });
      await response.arrayBuffer();
      return response.ok || response.status === 308; // to https, without --plain
    } catch {
      return false;
    }
  }

  /** Stops it as an operator does and checks its exit code and its log. */
  async stop(signal = 'SIGTERM') {
    if (hasEnded(this.child)) {
      this.checkReports();
      throw new Error(
        `the server had ended by itself (${this.child.exitCode ?? this.child.signalCode}):\n${this.tail()}`,
      );
    }
    const asked = performance.now();
    this.child.kill(signal);
    const overdue = setTimeout(() => kill(this.child), 20_000);
    const [code, by] = await this.ended;
    clearTimeout(overdue);
    const seconds = (performance.now() - asked) / 1000;
    this.checkReports();
    equal([code, by], [0, null], `exit code after ${signal}\n${this.tail()}\n`);
    assert(seconds < 2 * slowness, `the server took ${seconds.toFixed(1)} s to end after ${signal}`);
    return seconds;
  }

  /** Kills it. */
  async crash() {
    await kill(this.child);
    await this.ended;
    this.checkReports();
  }

  checkReports() {
    const first = this.log.findIndex((line) => report.test(line));
    assert(first < 0, `a sanitizer reports:\n${this.log.slice(first, first + 40).join('\n')}`);
  }
}

/** Starts the server for `lab`, through the command `under` if given, and waits until it serves. */
export async function startServer(lab, { port, args = [], env = {}, under = [] } = {}) {
  const number = port ?? (await lab.port());
  const child = start([...under, binary, '--port', String(number), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, ...env },
  });
  const spawned = once(child, 'spawn');
  const server = new Server(lab.address, number, child);
  await spawned;
  await server.ready(10 * slowness);
  return server;
}

/** Runs the binary to its end, for options that make it exit. */
export async function runServer(args, env = {}) {
  const child = start([binary, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment, ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (output.stdout += data));
  child.stderr.on('data', (data) => (output.stderr += data));
  const overdue = setTimeout(() => kill(child), 5000 * slowness);
  const [code, signal] = await once(child, 'close');
  clearTimeout(overdue);
  return { code: signal ?? code, ...output };
}
