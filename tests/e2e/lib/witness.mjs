// Observes a page's peer connections independently of the page: the browser's own statistics are a second source beside the
// page's summary, and also work for pages that have no summary.

/** Runs in the page before its own scripts. */
export function keepConnections() {
  const Real = window.RTCPeerConnection;
  window.witness = { connections: [], configurations: [] };
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super(configuration);
      window.witness.connections.push(this);
      window.witness.configurations.push(configuration ?? null);
    }
  };
}

/** Runs in the page: all inbound-rtp statistics of open connections. */
export async function inbound() {
  const found = [];
  for (const connection of window.witness.connections) {
    if (connection.connectionState === 'closed') continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp') continue;
      const { kind, mid, trackIdentifier, framesDecoded, frameWidth, frameHeight, packetsReceived, packetsLost } =
        report;
      const { totalSamplesReceived, concealedSamples, totalAudioEnergy, keyFramesDecoded, pliCount, nackCount } =
        report;
      found.push({
        kind,
        mid,
        trackIdentifier,
        framesDecoded,
        frameWidth,
        frameHeight,
        packetsReceived,
        packetsLost,
        totalSamplesReceived,
        concealedSamples,
        totalAudioEnergy,
        keyFramesDecoded,
        pliCount,
        nackCount,
      });
    }
  }
  return found;
}

/** Runs in the page: the number of video frames sent. */
export async function framesSent() {
  let sent = 0;
  for (const connection of window.witness.connections) {
    if (connection.connectionState === 'closed') continue;
    for (const { type, kind, framesSent } of (await connection.getStats()).values())
      if (type === 'outbound-rtp' && kind === 'video') sent += framesSent ?? 0;
  }
  return sent;
}

/** Runs in the page: the iceServers of every connection so far. */
export const iceServers = () => window.witness.configurations.map((configuration) => configuration?.iceServers ?? []);

/** Runs in the page: the two candidates of the open connection's selected pair, or null. */
export async function selectedPair() {
  const connection = window.witness.connections.find(({ connectionState }) => connectionState !== 'closed');
  const stats = connection ? [...(await connection.getStats()).values()] : [];
  const byId = (id) => stats.find((entry) => entry.id === id);
  const transport = stats.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  // Firefox has no transport entry, it marks the pair.
  const pair = transport
    ? byId(transport.selectedCandidatePairId)
    : stats.find(({ type, selected }) => type === 'candidate-pair' && selected);
  if (!pair) return null;
  const end = ({ candidateType, address, port, protocol, relayProtocol }) => ({
    type: candidateType,
    address,
    port,
    protocol,
    relayProtocol,
  });
  return { local: end(byId(pair.localCandidateId)), remote: end(byId(pair.remoteCandidateId)) };
}
