// Runs a test in a network of the lab: lab/run starts the test a second time, on the lab's server host.

import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onHost } from './process.mjs';
import { skipAll } from './tap.mjs';

const labRun = fileURLToPath(new URL('../../../lab/run', import.meta.url));
const watchRules = fileURLToPath(new URL('../../../lab/watch.nft', import.meta.url));
const skipped = 77;

/**
 * Returns the lab with this topology if the test already runs in it; otherwise runs the test there and never returns.
 * Where the lab cannot run, it skips the whole test (calls `unable` with the reason), or, with `orHere`, runs the test on
 * this machine's own loopback. `kinds`: the kinds of the homes, for a topology with homes.
 */
export async function enter(topology, { orHere = false, unable = skipAll, kinds } = {}) {
  if (process.env.LAB === topology) return inside();
  if (process.env.LAB === 'here') return here();
  if (kinds) process.env.LAB_KINDS = kinds.join(' ');
  const { code, reason } = await rerun([labRun, topology, process.execPath, ...process.argv.slice(1)]);
  if (code !== skipped) process.exit(code);
  if (!orHere) unable(reason);
  console.log(`# ${reason}; on this machine's loopback instead`);
  return here();
}

function rerun([file, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['inherit', 'inherit', 'pipe'] });
    let reason = '';
    child.stderr.on('data', (data) => {
      const text = data.toString();
      const match = text.match(/^SKIP (.*)$/m);
      if (match) reason = match[1];
      else process.stderr.write(text);
    });
    // In this process's own group, so that a signal to the group ends the lab; it also ends with this process alone.
    process.on('exit', () => child.kill('SIGKILL'));
    child.on('close', (code, signal) => resolve({ code: code ?? (signal ? 1 : 0), reason }));
  });
}

function inside() {
  const clients = (process.env.LAB_CLIENTS ?? '').split(' ').map((client) => {
    const [host, nat, outer] = client.split('/');
    return { host, nat, outer };
  });
  const homes = JSON.parse(process.env.LAB_HOMES ?? '[]');
  return { name: process.env.LAB, address: process.env.LAB_SERVER, port: async () => 8000, clients, homes };
}

const here = () => ({
  name: 'here',
  address: '127.0.0.1',
  port: freePort,
  clients: [{ host: '', nat: '', outer: '127.0.0.1' }],
});

/** A port without a listener at this moment. */
export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Runs a tool on a host of the lab and returns what it printed. */
export function run(host, ...argv) {
  const [file, ...args] = onHost(host, argv);
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${argv.join(' ')} on ${host || 'this host'}: ${stderr.trim()}`);
  return stdout;
}

/** From now on, counts the packets that leave `host` by destination: lab/watch.nft. */
export function watch(host, { address, port }) {
  run(host, 'nft', '-D', `server=${address}`, '-D', `port=${port}`, '-f', watchRules);
}

/** The counters: packets to the server's one port, and a list of all other destinations. */
export function watched(host) {
  const { nftables } = JSON.parse(run(host, 'nft', '-j', 'list', 'table', 'inet', 'watch'));
  const counter = (name) => nftables.find((item) => item.counter?.name === name).counter.packets;
  const elements = nftables.find((item) => item.set?.name === 'elsewhere').set.elem ?? [];
  const elsewhere = elements.map(({ elem }) => {
    const [address, protocol, port] = elem.val.concat;
    return `${elem.counter.packets} packets to ${address} ${protocol} ${port}`;
  });
  if (counter('not_ipv4')) elsewhere.push(`${counter('not_ipv4')} packets that are not IPv4`);
  return { toServer: counter('to_server'), elsewhere };
}
