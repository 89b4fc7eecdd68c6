// Reads Prometheus' text format, strictly: https://prometheus.io/docs/instrumenting/exposition_formats/

import { assert } from './tap.mjs';

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"';
const comment = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`);
const sample = new RegExp(`^(${name})(\\{(?:${label}(?:,${label})*,?)?\\})? (\\S+)( -?\\d+)?$`);
const value = /^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf)$/;
const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** The families of metrics by name: `{type, samples: Map(name and labels → number)}`. Throws at the first error. */
export function families(text) {
  assert(text.endsWith('\n'), 'the last line has no end');
  const found = new Map();
  const family = (of) => {
    if (!found.has(of)) found.set(of, { type: null, help: null, samples: new Map() });
    return found.get(of);
  };
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const match = line.match(comment);
      assert(match, `not a comment of the format: ${line}`);
      const [, keyword, of, rest] = match;
      const described = family(of);
      const field = keyword.toLowerCase();
      assert(described[field] === null, `a second ${keyword} of ${of}`);
      if (keyword === 'TYPE') assert(types.includes(rest), line);
      assert(described.samples.size === 0, `${keyword} of ${of} comes after its samples`);
      described[field] = rest;
      continue;
    }
    const match = line.match(sample);
    assert(match, `not a sample: ${line}`);
    const [, of, labels = '', number] = match;
    assert(value.test(number), `not a number: ${line}`);
    const base = found.has(of) ? of : of.replace(/_(bucket|sum|count)$/, '');
    assert(found.get(base)?.type, `no TYPE for ${of}`);
    const { samples } = found.get(base);
    assert(!samples.has(of + labels), `twice: ${line}`);
    samples.set(of + labels, Number(number.replace('Inf', 'Infinity')));
  }
  for (const [of, { samples }] of found) assert(samples.size, `${of} has no sample`);
  return found;
}
