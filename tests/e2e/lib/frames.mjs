// The times at which a viewer's browser received frames: they show the length of an interruption.

/** Runs in the page: records when the last packet of each frame arrived. */
export const watchFrames = async () => {
  window.arrivals = [];
  const pc = window.witness.connections.at(-1);
  const { track } = pc
    .getReceivers()
    .map((receiver) => receiver)
    .find(({ track }) => track.kind === 'video' && !track.muted);
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = new MediaStream([track]);
  document.body.append(video);
  await video.play();
  const note = (now, { receiveTime }) => {
    window.arrivals.push(receiveTime ?? now);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
};

/** Runs in the page: the longest time without a frame since `from`. */
export const longestGap = (from) => {
  const times = window.arrivals.filter((time) => time >= from).sort((a, b) => a - b);
  let longest = 0;
  for (let i = 1; i < times.length; i += 1) longest = Math.max(longest, times[i] - times[i - 1]);
  return { longest, count: times.length, silent: performance.now() - (times.at(-1) ?? from) };
};
