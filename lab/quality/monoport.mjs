// The row's call through Monoport: the real page publishes and watches.

import { load } from '../../tests/e2e/lib/load.mjs';
import { Participant } from '../../tests/e2e/lib/participant.mjs';
import { slowness, startServer } from '../../tests/e2e/lib/server.mjs';
import { keepConnections } from '../../tests/e2e/lib/witness.mjs';
import { limitCamera, publishByWhip, sampler } from './pages.mjs';

export class Monoport {
  name = 'Monoport';

  static async start(lab) {
    const server = new Monoport();
    server.server = await startServer(lab);
    server.origin = server.server.origin;
    return server;
  }

  /** Returns the tab of a connected publisher. */
  async publish(browser, row, room, number) {
    const name = `publisher ${number}`;
    if (row.whip) return this.publishByWhip(browser, row, room, name);
    const before = limitCamera({ ...row.camera, video: !row.sound }) + sampler(500);
    const who = await Participant.join(browser, { origin: this.origin, room, name, path: '/stream', before });
    await who.connected();
    return who.tab;
  }

  async publishByWhip(browser, row, room, name) {
    const tab = await browser.tab();
    await tab.before(keepConnections);
    await tab.before(sampler(500));
    await tab.open(`${this.origin}/healthz`);
    const url = `${this.origin}/whip/${room}?name=${encodeURIComponent(name)}`;
    await tab.evaluate(publishByWhip, { url, ...row.camera });
    return tab;
  }

  /** Returns the tab of a viewer that has just connected: the page's own summary takes a second more. */
  async watch(browser, row, room, name) {
    const who = await Participant.join(browser, {
      origin: this.origin,
      room,
      name,
      path: '/watch',
      before: sampler(100),
    });
    await who.tab.until(
      'the viewer is connected',
      () => window.witness.connections.some(({ connectionState }) => connectionState === 'connected'),
      undefined,
      30 * slowness,
    );
    return who.tab;
  }

  /** Further viewers on a clean cable, without display: returns their loss after `seconds`. */
  async crowd(count, room, seconds) {
    const args = ['--room', room, '--publishers', '0', '--viewers', String(count), '--seconds', String(seconds)];
    const { code, stdout, stderr } = await load([this.server.signaling, ...args, '--json', '-'], { host: 'publisher' });
    if (code !== 0) throw new Error(`monoport-load: ${code}\n${stderr}`);
    const { packets } = JSON.parse(stdout);
    return { viewers: count, expected: packets.expected, lost: packets.lost };
  }

  stop() {
    return this.server.stop();
  }
}
