/** One entry of a stats report. Browsers fill different fields, so the code checks every field before use. */
export type Entry = Record<string, unknown> & { id: string; type: string; timestamp: number };
export type StatsEntries = ReadonlyMap<string, Entry>;

export async function entriesOf(pc: RTCPeerConnection): Promise<StatsEntries> {
  const report = await pc.getStats();
  const entries = new Map<string, Entry>();
  report.forEach((entry: Entry) => entries.set(entry.id, entry));
  return entries;
}

/** Growth of a byte counter in bit/s; 0 without an earlier value. */
export function rate(entry: Entry, base: StatsEntries, counter: string): number {
  const before = base.get(entry.id);
  const from = number(before?.[counter]);
  const to = number(entry[counter]);
  if (!before || from === null || to === null) return 0;
  const seconds = (entry.timestamp - before.timestamp) / 1000;
  return seconds > 0 && to > from ? Math.round(((to - from) * 8) / seconds) : 0;
}

export function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
