// The row's call through Debian's Janus (videoroom), for comparison: its defaults, publishers with two layers by simulcast.

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasEnded, kill, start } from '../../tests/e2e/lib/process.mjs';
import { until } from '../../tests/e2e/lib/tap.mjs';
import { keepConnections } from '../../tests/e2e/lib/witness.mjs';
import { janusPublish, janusWatch, sampler } from './pages.mjs';

const program = '/usr/bin/janus';
const pagePort = 8000;
const apiPort = 8088;

const disabled = (names) => `disable = "${names.map((name) => `libjanus_${name}.so`).join(',')}"`;
const plugins = ['audiobridge', 'duktape', 'echotest', 'lua', 'nosip', 'recordplay', 'sip', 'streaming', 'textroom'];
const files = {
  'janus.jcfg': `
    general: { debug_level = 2 }
    media: { rtp_port_range = "20000-20400" }
    nat: { nice_debug = false }
    plugins: { ${disabled([...plugins, 'videocall', 'voicemail'])} }
    transports: { ${disabled(['mqtt', 'nanomsg', 'pfunix', 'rabbitmq', 'websockets'])} }`,
  'janus.transport.http.jcfg': `general: { http = true, port = ${apiPort}, https = false }`,
  'janus.plugin.videoroom.jcfg': 'general: { }',
};

export class Janus {
  name = 'Janus';
  rooms = new Map();

  static isInstalled() {
    return existsSync(program);
  }

  static async start(lab) {
    const server = new Janus();
    server.origin = `http://${lab.address}:${pagePort}`;
    server.api = `http://${lab.address}:${apiPort}/janus`;
    server.folder = await mkdtemp(join(tmpdir(), 'monoport-janus-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(server.folder, name), `${text}\n`);
    server.child = start([program, '--configs-folder', server.folder], { stdio: ['ignore', 'ignore', 'ignore'] });
    server.pages = createServer((_, response) => response.end('<!doctype html><title>janus</title>'));
    server.pages.listen(pagePort, lab.address);
    await once(server.pages, 'listening');
    const answers = () =>
      fetch(`${server.api}/info`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until('Janus does not answer', answers, 20);
    return server;
  }

  /** The reason why this row cannot be measured with Janus, if there is one. */
  unable(row) {
    if (row.tcp) return 'ICE-TCP is off by default';
    return row.whip ? 'it has no WHIP' : null;
  }

  /** Janus' rooms have numbers. */
  room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, 1000 + this.rooms.size);
    return this.rooms.get(name);
  }

  async tab(browser, every) {
    const tab = await browser.tab();
    await tab.before(keepConnections);
    await tab.before(sampler(every));
    await tab.open(this.origin);
    return tab;
  }

  async publish(browser, row, room) {
    const tab = await this.tab(browser, 500);
    const { camera, sound = false } = row;
    await tab.evaluate(janusPublish, { api: this.api, room: this.room(room), sound, ...camera });
    return tab;
  }

  async watch(browser, row, room) {
    const tab = await this.tab(browser, 100);
    await tab.evaluate(janusWatch, { api: this.api, room: this.room(room) });
    return tab;
  }

  async stop() {
    this.pages.close();
    if (!hasEnded(this.child)) await kill(this.child);
    await rm(this.folder, { recursive: true });
  }
}
