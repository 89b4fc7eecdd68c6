// Counts the pictures of a VP8 stream that a decoder could show, for stacks that hand out packets: complete, in order, and
// preceded by a key frame since the last gap.

/** The fields of an RTP packet (RFC 3550 5.1) that a forwarder needs. */
export function parse(packet) {
  let offset = 12 + 4 * (packet[0] & 15);
  if (packet[0] & 0x10) offset += 4 + 4 * packet.readUInt16BE(offset + 2);
  const end = packet[0] & 0x20 ? packet.length - packet[packet.length - 1] : packet.length;
  return {
    type: packet[1] & 0x7f,
    marker: packet[1] >= 0x80,
    number: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    payload: packet.subarray(offset, Math.max(offset, end)),
  };
}

/** Reads the payload descriptor (RFC 7741 4.2). `begins`: the frame's first packet; `key`: a key frame, set only there. */
function describe(payload) {
  let offset = 1;
  if (payload[0] & 0x80) {
    const extension = payload[1];
    offset = 2;
    if (extension & 0x80) offset += payload[offset] & 0x80 ? 2 : 1;
    if (extension & 0x40) offset += 1;
    if (extension & 0x30) offset += 1;
  }
  const begins = (payload[0] & 0x10) !== 0 && (payload[0] & 7) === 0;
  return { begins, key: begins && (payload[offset] & 1) === 0 };
}

// A packet that was lost and sent again comes within a few round trips; a decoder's jitter buffer waits about as long.
const PATIENCE = 400;

export class Pictures {
  /** `first()`: there is a picture; `lost()`: none can be shown until a key frame comes. */
  constructor({ first = () => {}, lost = () => {} } = {}) {
    Object.assign(this, { first, lost, count: 0, next: undefined, waiting: new Map(), gapSince: undefined });
    this.whole = false; // a key frame came since the last gap
    this.begun = false; // in the middle of a frame of which no packet is missing so far
  }

  take(packet, now = performance.now()) {
    const parsed = parse(packet);
    if (parsed.payload.length === 0) return this.place(parsed, now); // padding has a number too
    this.place({ ...parsed, ...describe(parsed.payload) }, now);
  }

  place(packet, now) {
    this.next ??= packet.number;
    if (((packet.number - this.next) & 0xffff) >= 0x8000) return;
    this.waiting.set(packet.number, packet);
    this.drain();
    if (this.waiting.size === 0) this.gapSince = undefined;
    else if (this.gapSince === undefined) this.gapSince = now;
    else if (now - this.gapSince > PATIENCE) this.pass(now);
  }

  drain() {
    for (let packet; (packet = this.waiting.get(this.next)); this.next = (this.next + 1) & 0xffff) {
      this.waiting.delete(this.next);
      this.read(packet);
    }
  }

  /** Gives up the missing packets and goes on after the gap. */
  pass(now) {
    const ahead = (number) => (number - this.next) & 0xffff;
    this.next = [...this.waiting.keys()].reduce((best, number) => (ahead(number) < ahead(best) ? number : best));
    this.whole = this.begun = false;
    this.gapSince = now;
    this.lost();
    this.drain();
    if (this.waiting.size === 0) this.gapSince = undefined;
  }

  read({ marker, payload, begins, key }) {
    if (payload.length === 0) return;
    if (begins) this.begun = true;
    if (key) this.whole = true;
    if (!this.whole && begins) this.lost();
    if (!marker) return;
    if (this.begun && this.whole) {
      if (this.count === 0) this.first();
      this.count += 1;
    }
    this.begun = false;
  }
}
