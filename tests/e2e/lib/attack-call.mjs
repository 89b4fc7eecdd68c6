// The call under attack: a publisher and a viewer of our own, and checks that both are undisturbed.

import { Puppet } from './puppet.mjs';
import { slowness } from './server.mjs';
import { equal, until } from './tap.mjs';

export class AttackedCall {
  static async begin(server, { after, room, ssrc = 0x1234 }) {
    const call = Object.assign(new AttackedCall(), { server, after, room, ssrc, seq: 0, tag: 100 });
    call.publisher = await call.joins({ ssrc });
    call.viewer = await call.joins();
    await call.reaches(call.viewer, 99);
    return call;
  }

  async joins(options) {
    const puppet = await Puppet.call(this.server, { room: this.room, ...options });
    this.after(() => puppet.leave());
    return puppet;
  }

  async sends(count, tag, options = {}) {
    await this.publisher.send({ ssrc: this.ssrc, seq: this.seq, count, tag, ...options });
    this.seq += count;
  }

  /** Sends until `puppet` receives a packet: the first packets may precede its subscription. */
  async reaches(puppet, tag) {
    const heard = async () => (await puppet.count()).streams.some(({ tags }) => tags[tag]);
    await until(`nothing of ${tag} arrives`, async () => (await heard()) || this.sends(10, tag), 20 * slowness);
  }

  /** Checks that all of `count` packets arrive, once, and none with a tag in `bad`. */
  async undisturbed({ bad = [], count = 50, ...options } = {}) {
    this.tag += 1;
    await this.sends(count, this.tag, options);
    await this.viewer.heard(this.tag, count);
    const { streams } = await this.viewer.count();
    for (const { tags, twice } of streams) {
      equal(twice, 0, 'packets that came twice');
      for (const other of bad) equal(tags[other] ?? 0, 0, `packets of tag ${other}`);
    }
    equal(
      streams.reduce((sum, { tags }) => sum + (tags[this.tag] ?? 0), 0),
      count,
      'packets that came',
    );
  }
}
