// Runs in a page before its own scripts: keeps what the page sends over its WebSockets, and lets a test speak as the server.
export const keepSignals = `{
  const signals = { sent: [], received: [], sockets: [] };
  window.signals = signals;
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      signals.sockets.push(this);
      this.addEventListener('message', ({ data }) => signals.received.push(JSON.parse(data)));
    }

    send(text) {
      signals.sent.push(JSON.parse(text));
      super.send(text);
    }
  };
  signals.say = (message) =>
    signals.sockets.at(-1).dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
  /** By mid: how the page shows each picture, as its messages add up. */
  signals.views = () => Object.assign({}, ...signals.sent.filter(({ type }) => type === 'view').map(({ tracks }) => tracks));
  /** By participant's name: the mid of its camera. */
  signals.mids = () => {
    const { participants, streams } = window.monoport.call.snapshot;
    const transceivers = window.witness.connections.at(-1).getTransceivers();
    return Object.fromEntries(
      participants.map(({ id, name }) => {
        const video = streams.find(({ participant, kind }) => participant === id && kind === 'camera')?.video;
        return [name, video && transceivers.find(({ receiver }) => receiver.track === video)?.mid];
      }),
    );
  };
}`;
