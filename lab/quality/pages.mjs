// Functions that run in the pages: before their own scripts, and to read measurements. Each is self-contained, because the
// driver sends it as text.

/** Limits cameras to this size and rate, and layers to `maxBitrate`; `video: false`: no camera. */
export const limitCamera = ({ width, height, fps, maxBitrate, video = true }) => `
  const devices = navigator.mediaDevices;
  const real = devices?.getUserMedia.bind(devices);
  if (devices) devices.getUserMedia = (wanted) => {
    if (wanted.video && !${video}) return Promise.reject(new DOMException('none', 'NotFoundError'));
    const video = { width: ${width}, height: ${height}, frameRate: ${fps} };
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return real({ ...(wanted.video ? { video } : {}), ...(wanted.audio ? { audio } : {}) });
  };
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (what, options = {}) {
    const cap = (encoding) => ({ ...encoding, maxBitrate: Math.min(encoding.maxBitrate ?? Infinity, ${maxBitrate}) });
    const video = what === 'video' || what?.kind === 'video';
    const sendEncodings = video && options.sendEncodings ? options.sendEncodings.map(cap) : undefined;
    return add.call(this, what, sendEncodings ? { ...options, sendEncodings } : options);
  };`;

/** Records every `every` ms the browser's counters of the connections that witness.mjs keeps. */
export const sampler = (every) => `
  const fields = {
    'inbound-rtp': ['kind', 'framesDecoded', 'frameWidth', 'frameHeight', 'bytesReceived', 'packetsReceived', 'packetsLost',
      'nackCount', 'pliCount', 'keyFramesDecoded', 'freezeCount', 'totalFreezesDuration', 'framesDropped', 'framesReceived',
      'jitterBufferDelay', 'jitterBufferEmittedCount', 'totalSamplesReceived', 'concealedSamples', 'silentConcealedSamples',
      'estimatedPlayoutTimestamp', 'trackIdentifier'],
    'outbound-rtp': ['kind', 'rid', 'framesEncoded', 'keyFramesEncoded', 'bytesSent', 'frameWidth', 'frameHeight', 'pliCount',
      'qualityLimitationReason', 'targetBitrate'],
  };
  window.samples = [];
  let busy = false;
  setInterval(async () => {
    if (busy) return;
    busy = true;
    const at = Date.now();
    const streams = {};
    for (const [number, connection] of (window.witness?.connections ?? []).entries()) {
      if (connection.connectionState === 'closed') continue;
      for (const report of (await connection.getStats()).values()) {
        const wanted = fields[report.type];
        if (!wanted) continue;
        const stream = { type: report.type };
        for (const field of wanted) if (report[field] !== undefined) stream[field] = report[field];
        streams[number + ' ' + report.id] = stream;
      }
    }
    const viewing = window.monoport?.call?.snapshot?.viewing ?? null;
    window.samples.push({ at, streams, viewing });
    busy = false;
  }, ${every});`;

/** Returns all records. */
export const samples = () => window.samples;

/** Publishes by WHIP, one layer: `url` is the endpoint. */
export async function publishByWhip({ url, width, height, fps, maxBitrate }) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height, frameRate: fps } });
  const connection = new RTCPeerConnection();
  for (const track of stream.getTracks())
    connection.addTransceiver(track, {
      direction: 'sendonly',
      ...(track.kind === 'video' ? { sendEncodings: [{ maxBitrate }] } : {}),
    });
  await connection.setLocalDescription();
  await new Promise((done) => {
    const look = () => connection.iceGatheringState === 'complete' && done();
    connection.addEventListener('icegatheringstatechange', look);
    look();
  });
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: connection.localDescription.sdp,
  });
  if (!response.ok) throw new Error(`WHIP: ${response.status} ${await response.text()}`);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return true;
}

// A handle of Janus's videoroom by its HTTP API; `send` returns the event that answers.
const janusHandle = `async (api) => {
  const post = async (path, message) => {
    const body = JSON.stringify({ transaction: Math.random().toString(36).slice(2), ...message });
    const answer = await (await fetch(api + path, { method: 'POST', body })).json();
    if (answer.janus === 'error') throw new Error(JSON.stringify(answer.error));
    return answer;
  };
  const session = (await post('', { janus: 'create' })).data.id;
  const handle = (await post('/' + session, { janus: 'attach', plugin: 'janus.plugin.videoroom' })).data.id;
  const waiting = [];
  (async () => {
    for (;;) {
      const events = await (await fetch(api + '/' + session + '?maxev=5')).json();
      for (const event of [events].flat()) if (event.janus === 'event') waiting.shift()?.(event);
    }
  })();
  return async (body, jsep) => {
    const event = new Promise((pass) => waiting.push(pass));
    const answer = await post('/' + session + '/' + handle, { janus: 'message', body, ...(jsep ? { jsep } : {}) });
    if (answer.janus === 'success') waiting.pop();
    const got = answer.janus === 'success' ? answer : await event;
    if (got.plugindata.data.error) throw new Error(got.plugindata.data.error);
    return got;
  };
}`;

const gathered = `(connection) => new Promise((done) => {
  const look = () => connection.iceGatheringState === 'complete' && done();
  connection.addEventListener('icegatheringstatechange', look);
  look();
})`;

const connected = `(connection) => new Promise((done, failed) => {
  const look = () => {
    if (connection.connectionState === 'connected') done();
    if (connection.connectionState === 'failed') failed(new Error('the connection failed'));
  };
  connection.addEventListener('connectionstatechange', look);
  look();
})`;

/**
 * Publishes to a room of Janus in two layers, the higher first, because Janus ranks them by order. The first publisher makes
 * the room.
 */
export const janusPublish = `async ({ api, room, width, height, fps, maxBitrate, sound }) => {
  const send = await (${janusHandle})(api);
  await send({ request: 'create', room, publishers: 20, videocodec: 'vp8' }).catch(() => {});
  await send({ request: 'join', ptype: 'publisher', room });
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const video = sound ? false : { width, height, frameRate: fps };
  const stream = await navigator.mediaDevices.getUserMedia({ audio, video });
  const connection = new RTCPeerConnection();
  const low = { rid: 'l', scaleResolutionDownBy: 2, maxBitrate: Math.min(200000, maxBitrate) };
  for (const track of stream.getTracks())
    connection.addTransceiver(track, {
      direction: 'sendonly',
      ...(track.kind === 'video' ? { sendEncodings: [{ rid: 'h', maxBitrate }, low] } : {}),
    });
  await connection.setLocalDescription();
  await (${gathered})(connection);
  const { type, sdp } = connection.localDescription;
  const { jsep } = await send({ request: 'publish' }, { type, sdp });
  await connection.setRemoteDescription(jsep);
  await (${connected})(connection);
  return true;
}`;

/** Watches all publishers of a room of Janus. */
export const janusWatch = `async ({ api, room }) => {
  const send = await (${janusHandle})(api);
  const { participants } = (await send({ request: 'listparticipants', room })).plugindata.data;
  const streams = participants.filter(({ publisher }) => publisher).map(({ id }) => ({ feed: id }));
  const { jsep } = await send({ request: 'join', ptype: 'subscriber', room, streams });
  const connection = new RTCPeerConnection();
  connection.addEventListener('track', ({ track }) => {
    const element = document.createElement(track.kind);
    element.autoplay = true;
    element.muted = track.kind === 'video';
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
  });
  await connection.setRemoteDescription(jsep);
  await connection.setLocalDescription();
  await (${gathered})(connection);
  const { type, sdp } = connection.localDescription;
  await send({ request: 'start', room }, { type, sdp });
  await (${connected})(connection);
  return true;
}`;
