// Looks at a page's peer connections from beside the page: what the page says of itself (its summary) and what the
// browser's own statistics say are then two sources, and pages that know nothing of summaries can be measured as well.

/** To be run in the page before its own scripts. */
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

/** In the page: all inbound-rtp statistics of connections that are open. */
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

/** In the page: how many frames of video it has sent. */
export async function framesSent() {
  let sent = 0;
  for (const connection of window.witness.connections) {
    if (connection.connectionState === 'closed') continue;
    for (const { type, kind, framesSent } of (await connection.getStats()).values())
      if (type === 'outbound-rtp' && kind === 'video') sent += framesSent ?? 0;
  }
  return sent;
}

/** In the page: the iceServers of every connection that was ever made. */
export const iceServers = () => window.witness.configurations.map((configuration) => configuration?.iceServers ?? []);

/** In the page: the two ends of the selected candidate pair of the connection that is open, or null. */
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
