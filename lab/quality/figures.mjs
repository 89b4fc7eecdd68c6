// Computes the figures of a row from the records of pages and line. Pure functions: no browser, no clock.

const STALL_MS = 400;
const middle = (values) => {
  const sorted = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : null;
};

/** By stream: [{at (ms since the line began), …counters}], from one page's samples. */
export function seriesOf(samples, begunAt, type) {
  const series = new Map();
  for (const { at, streams } of samples)
    for (const [id, stream] of Object.entries(streams)) {
      if (stream.type !== type) continue;
      if (!series.has(id)) series.set(id, []);
      series.get(id).push({ ...stream, at: at - begunAt });
    }
  return [...series.values()];
}

/** The growth of a counter between two times; a stream that did not exist yet counts as 0. */
export function grown(points, field, from, to) {
  const before = points.findLast(({ at }) => at <= from)?.[field] ?? 0;
  const after = points.findLast(({ at }) => at <= to)?.[field] ?? 0;
  return Math.max(0, after - before);
}

/** Gaps between frames of more than 400 ms within (from, to], an open one included, in ms. The samples' distance is the error. */
export function stalls(points, from, to) {
  let last = from;
  let count = points.findLast(({ at }) => at <= from)?.framesDecoded ?? 0;
  const gaps = [];
  for (const { at, framesDecoded = 0 } of points) {
    if (at <= from || at > to || framesDecoded <= count) continue;
    gaps.push(at - last);
    last = at;
    count = framesDecoded;
  }
  gaps.push(to - last);
  return gaps.filter((gap) => gap > STALL_MS);
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const mean = (values) => (values.length ? sum(values) / values.length : 0);

/** A stream without any packet belongs to a section without a track. */
const carries = (points) => points.some(({ packetsReceived, bytesReceived }) => packetsReceived || bytesReceived);

/** Seconds from `at` to the beginning of three smooth seconds: at least `least` frames in each, no gap of 400 ms. */
export function smoothAfter(points, at, end, least) {
  for (let from = at; from + 3000 <= end; from += 100) {
    const enough = [0, 1000, 2000].every(
      (later) => grown(points, 'framesDecoded', from + later, from + later + 1000) >= least,
    );
    if (enough && stalls(points, from, from + 3000).length === 0) return (from - at) / 1000;
  }
  return null;
}

/** Seconds from `at` until the picture has its greatest height again. */
function fullSizeAfter(points, at, end) {
  const full = Math.max(...points.map(({ frameHeight }) => frameHeight ?? 0));
  const found = points.find(
    (point, index) =>
      point.at > at &&
      point.at <= end &&
      point.frameHeight === full &&
      point.framesDecoded > (points[index - 1]?.framesDecoded ?? 0),
  );
  return found ? (found.at - at) / 1000 : null;
}

/** Made-up sound: concealed samples without silent ones, as a percentage of all played samples. */
export function madeUp(points, from, to) {
  const all = grown(points, 'totalSamplesReceived', from, to);
  const made = grown(points, 'concealedSamples', from, to) - grown(points, 'silentConcealedSamples', from, to);
  return all ? (Math.max(0, made) / all) * 100 : null;
}

/** The picture of one stream between two times. */
function picture(points, from, to) {
  const seconds = (to - from) / 1000;
  const gaps = stalls(points, from, to);
  return {
    frames_per_s: grown(points, 'framesDecoded', from, to) / seconds,
    freezes_per_min: (grown(points, 'freezeCount', from, to) / seconds) * 60,
    frozen_s_per_min: (grown(points, 'totalFreezesDuration', from, to) / seconds) * 60,
    stalled_s_per_min: (sum(gaps) / 1000 / seconds) * 60,
    stalled_s: sum(gaps) / 1000,
    video_kbps: (grown(points, 'bytesReceived', from, to) * 8) / 1000 / seconds,
    nacks_per_s: grown(points, 'nackCount', from, to) / seconds,
  };
}

/** Per second from 0 on: frames/s (mean of the streams), height, video kbit/s. */
function overTime(videos, seconds) {
  return Array.from({ length: seconds }, (_, second) => {
    const [from, to] = [second * 1000, (second + 1) * 1000];
    return {
      second,
      frames_per_s: mean(videos.map((points) => grown(points, 'framesDecoded', from, to))),
      height: Math.max(0, ...videos.map((points) => points.findLast(({ at }) => at <= to)?.frameHeight ?? 0)),
      video_kbps: sum(videos.map((points) => (grown(points, 'bytesReceived', from, to) * 8) / 1000)),
    };
  });
}

/** Each publisher's key frames a minute, of the layer with most of them. */
const keyframes = (samples, begunAt, from, to) => {
  const layers = seriesOf(samples, begunAt, 'outbound-rtp').filter(([first]) => first.kind === 'video');
  const each = layers.map((points) => grown(points, 'keyFramesEncoded', from, to));
  return each.length ? (Math.max(...each) / (to - from)) * 60_000 : null;
};

const encoded = (samples, begunAt, from, to) => {
  const layers = seriesOf(samples, begunAt, 'outbound-rtp').filter(([first]) => first.kind === 'video');
  return {
    frames_per_s: Math.max(
      0,
      ...layers.map((points) => (grown(points, 'framesEncoded', from, to) / (to - from)) * 1000),
    ),
    kbps: (sum(layers.map((points) => grown(points, 'bytesSent', from, to))) * 8) / (to - from),
  };
};

/** Delay of playout behind the publisher's clock, in ms, if the browser reports it. */
function delay(points, begunAt, from, to) {
  const ntpToUnix = 2_208_988_800_000;
  const values = points
    .filter(({ at, estimatedPlayoutTimestamp: t }) => at > from && at <= to && t > 0)
    .map(({ at, estimatedPlayoutTimestamp: t }) => at + begunAt - (t > ntpToUnix ? t - ntpToUnix : t));
  const value = middle(values);
  return value !== null && value > -50 && value < 60_000 ? value : null;
}

/** The figures of one viewer: `row` as in rows.mjs; `seconds` as `Line.end` returns them, or null for a viewer on a clean cable. */
export function figures({ row, begunAt, viewer, publishers, line }) {
  const [from, to] = [row.settle * 1000, row.seconds * 1000];
  const streams = seriesOf(viewer, begunAt, 'inbound-rtp').filter(carries);
  const sounds = streams.filter(([first]) => first.kind === 'audio');
  const videos = streams.filter(([first]) => first.kind === 'video');
  const wanted = row.sound ? 0 : row.publishers;
  // A picture that never arrived counts as frozen all the time.
  const pictures = videos.map((points) => picture(points, from, to));
  while (pictures.length < wanted) pictures.push(picture([], from, to));
  const each = (field) => pictures.map((one) => one[field]);
  const made = sounds.map((points) => madeUp(points, from, to)).filter((value) => value !== null);
  const result = {
    pictures: wanted,
    shown: each('frames_per_s').filter((value) => value > 0).length,
    frames_per_s: wanted ? mean(each('frames_per_s')) : null,
    frames_per_s_least: wanted ? Math.min(...each('frames_per_s')) : null,
    freezes_per_min: wanted ? mean(each('freezes_per_min')) : null,
    frozen_s_per_min: wanted ? mean(each('frozen_s_per_min')) : null,
    stalled_s_per_min: wanted ? mean(each('stalled_s_per_min')) : null,
    video_kbps: sum(each('video_kbps')),
    height: videos.length ? Math.max(...videos.map((points) => points.at(-1).frameHeight ?? 0)) : null,
    nacks_per_s: sum(streams.map((points) => grown(points, 'nackCount', from, to))) / ((to - from) / 1000),
    sounds: sounds.length,
    made_up_percent: made.length ? mean(made) : null,
    made_up_percent_most: made.length ? Math.max(...made) : null,
    first_frame_s: wanted
      ? (middle(videos.map((points) => points.find(({ framesDecoded }) => framesDecoded > 0)?.at)) ?? null)
      : null,
    delay_ms: videos.length ? delay(videos[0], begunAt, from, to) : null,
    keyframes_per_min: middle(publishers.map((samples) => keyframes(samples, begunAt, from, to))),
    sent_frames_per_s: middle(publishers.map((samples) => encoded(samples, begunAt, from, to).frames_per_s)),
    sent_kbps: middle(publishers.map((samples) => encoded(samples, begunAt, from, to).kbps)),
    paused_said: viewer.some(({ viewing }) => viewing && JSON.stringify(viewing).includes('paused')),
    over_time: overTime(videos, row.seconds),
  };
  if (result.first_frame_s !== null) result.first_frame_s /= 1000;
  if (line) result.line = line;
  result.steps = row.steps.map(({ at, what }, index) => {
    const end = (row.steps[index + 1]?.at ?? row.seconds) * 1000;
    const points = videos[0] ?? [];
    const all = picture(points, at * 1000, end);
    return {
      what,
      frames_per_s: all.frames_per_s,
      stalled_s: all.stalled_s,
      made_up_percent: sounds[0] ? madeUp(sounds[0], at * 1000, end) : null,
      smooth_after_s: smoothAfter(points, at * 1000, end, 0.6 * row.camera.fps),
      full_size_after_s: what === 'rise' ? fullSizeAfter(points, at * 1000, end) : null,
    };
  });
  return result;
}

/** The median of each figure over turns; a value that is no number comes from the turn in the middle. */
export function medians(turns) {
  const typical = turns[Math.floor((turns.length - 1) / 2)];
  const combine = (values) => {
    const [first] = values;
    if (values.some((value) => typeof value === 'number')) return middle(values);
    if (Array.isArray(first))
      return first.map((_, index) =>
        combine(values.map((value) => value[index]).filter((value) => value !== undefined)),
      );
    if (first && typeof first === 'object')
      return Object.fromEntries(
        Object.keys(first).map((key) => [key, combine(values.map((value) => value?.[key] ?? null))]),
      );
    return first;
  };
  return { ...combine(turns), over_time: typical.over_time, what: typical.what };
}
