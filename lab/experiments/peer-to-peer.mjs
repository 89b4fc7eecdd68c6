// The usual peer-to-peer call, for comparison: two browsers and a STUN server. This driver exchanges their descriptions.

const patience = 25;

/** Runs in the page: makes a connection with a data channel; returns its offer once all candidates are in it. */
async function offer(stun) {
  const connection = (window.peer = new RTCPeerConnection({ iceServers: [{ urls: stun }] }));
  connection.createDataChannel('probe');
  await connection.setLocalDescription(await connection.createOffer());
  while (connection.iceGatheringState !== 'complete')
    await new Promise((done) => connection.addEventListener('icegatheringstatechange', done, { once: true }));
  return connection.localDescription.sdp;
}

async function answer({ stun, sdp }) {
  const connection = (window.peer = new RTCPeerConnection({ iceServers: [{ urls: stun }] }));
  await connection.setRemoteDescription({ type: 'offer', sdp });
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete')
    await new Promise((done) => connection.addEventListener('icegatheringstatechange', done, { once: true }));
  return connection.localDescription.sdp;
}

const accept = (sdp) => window.peer.setRemoteDescription({ type: 'answer', sdp });
const isOver = () => ['connected', 'failed'].includes(window.peer.connectionState);
const state = () => window.peer.connectionState;

/** Whether the two connect, as both browsers report it. */
export async function callDirectly(one, other, stunHost, url) {
  const stun = `stun:${stunHost}:3478`;
  const tabs = await Promise.all([one, other].map((browser) => browser.tab()));
  try {
    await Promise.all(tabs.map((tab) => tab.open(url)));
    const sdp = await tabs[1].evaluate(answer, { stun, sdp: await tabs[0].evaluate(offer, stun) });
    await tabs[0].evaluate(accept, sdp);
    const begun = performance.now();
    // Browsers take long to report "failed", so a timeout counts as failed too.
    await Promise.all(tabs.map((tab) => tab.until('an end', isOver, undefined, patience).catch(() => {})));
    const states = await Promise.all(tabs.map((tab) => tab.evaluate(state)));
    return {
      connected: states.every((each) => each === 'connected'),
      states,
      ms: Math.round(performance.now() - begun),
    };
  } finally {
    await Promise.all(tabs.map((tab) => tab.close()));
  }
}
