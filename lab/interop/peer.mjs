// The parts that several Node programs share: the commands that a connection with the W3C's API obeys, and the count of what
// a stack without decoders receives.

import { seldom, tell } from './lines.mjs';
import { Pictures } from './vp8.mjs';

async function gathered(connection) {
  if (connection.iceGatheringState === 'complete') return;
  await new Promise(
    (done) => (connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && done()),
  );
}

/** Makes the connection's offer, passes its SDP through `edit`, and returns the result of the command `offer`. */
export async function offer(connection, edit = (sdp) => sdp) {
  const { sdp } = await connection.createOffer();
  await connection.setLocalDescription({ type: 'offer', sdp: edit(sdp) });
  await gathered(connection);
  return { sdp: connection.localDescription.sdp };
}

/** The other commands for the connection that `current()` returns. */
export const commands = (current) => ({
  async accept({ sdp }) {
    await current().setRemoteDescription({ type: 'answer', sdp });
  },
  async answer({ sdp }) {
    const connection = current();
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    return { sdp: connection.localDescription.sdp };
  },
  close: () => current().close(),
});

/** Counts the packets that a stack hands out. */
export class Received {
  sounds = 0;

  /** Begins to count pictures; `ask` requests a key frame. Returns a function that takes the packets of the VP8 track. */
  video(ask) {
    this.pictures = new Pictures({ first: () => tell('picture'), lost: seldom(ask) });
    return (packet) => this.pictures.take(packet);
  }

  audio() {
    this.sounds += 1;
  }

  /** The result of the command `count`. */
  count() {
    return { pictures: this.pictures?.count ?? 0, sounds: this.sounds };
  }
}
