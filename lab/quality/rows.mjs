// The cases: the publishers, the viewer's line, and the time of measurement.

const clean = 'delay=20ms';
const camera = { width: 640, height: 360, fps: 25, maxBitrate: 1_600_000 };
const small = { width: 320, height: 180, fps: 15, maxBitrate: 250_000 };

/**
 * - `down`, `up`: the line, as lab-line reads it
 * - `publishers`, `camera`; `whip`: they publish by WHIP, in one layer; `sound`: they have no camera
 * - `seconds` from the viewer's connection on; figures are of those after `settle`
 * - `others`: further viewers, on a clean cable
 * - `firefox`: a Firefox is measured, too; `tcp`: the viewer has no UDP
 * - `steps`: when the line changes: s and words
 */
const row = (letter, title, more) => ({
  letter,
  title,
  down: clean,
  up: clean,
  publishers: 1,
  camera,
  seconds: 40,
  settle: 3,
  others: 0,
  steps: [],
  ...more,
});

export const rows = [
  row('Z', 'clean line', { seconds: 30 }),
  row('A', 'line of 500 kbit/s', { down: `rate=500k queue=100ms ${clean}`, firefox: true }),
  row('B', '10 % random loss', { down: `loss=10% ${clean}`, firefox: true }),
  row('C', '5 % loss in bursts of ten', { down: `loss=5% bursts=10 ${clean}` }),
  row('D', '3 Mbit/s, 500 kbit/s, 3 Mbit/s', {
    down: `rate=3M queue=100ms ${clean} @20 rate=500k @40 rate=3M`,
    seconds: 60,
    steps: [
      { at: 20, what: 'fall' },
      { at: 40, what: 'rise' },
    ],
    firefox: true,
  }),
  row('E', '50 ms jitter (order kept), 3 % loss', { down: `jitter=50ms loss=3% ${clean}` }),
  row('F', 'six publishers, line of 1 Mbit/s', { down: `rate=1M queue=100ms ${clean}`, publishers: 6, settle: 5 }),
  row('G', 'ten viewers, one of them at 150 kbit/s', { down: `rate=150k queue=100ms ${clean}`, others: 9 }),
  row('G2', 'nine publishers, line of 150 kbit/s', {
    down: `rate=150k queue=100ms ${clean}`,
    publishers: 9,
    camera: small,
  }),
  row('H', 'ICE-TCP, line of 600 kbit/s', { down: `rate=600k queue=100ms ${clean}`, tcp: true, settle: 5 }),
  row('I', 'one layer by WHIP, line of 800 kbit/s', { down: `rate=800k queue=100ms ${clean}`, whip: true }),
  row('J', 'sound only, 20 % loss', { down: `loss=20% ${clean}`, sound: true }),
];

/** The rate of the line at `second` after its beginning, in kbit/s; null without a limit. */
export function rateAt({ down }, second) {
  let rate = null;
  for (const [index, part] of down.split('@').entries()) {
    if (index > 0 && parseFloat(part) > second) break;
    const match = part.match(/rate=([\d.]+)([kM])/);
    if (match) rate = Number(match[1]) * (match[2] === 'M' ? 1000 : 1);
  }
  return rate;
}
