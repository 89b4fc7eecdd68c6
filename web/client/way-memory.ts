import { RELAY_MEMORY, RELAY_MEMORY_LENGTH } from './limits';

type Memory = Record<string, number>;

const KEY = 'monoport.relay';

/**
 * Which networks needed TURN, by the address that they have towards the server, and when that was. In the browser's
 * storage, so that the next visit does not wait again; where storage is forbidden nothing is remembered. '' is no network.
 */
export class WayMemory {
  needsRelay(network: string): boolean {
    return network !== '' && network in this.#read();
  }

  remember(network: string): void {
    if (network === '') return;
    const memory = this.#read();
    delete memory[network];
    const latest = Object.entries(memory).slice(1 - RELAY_MEMORY_LENGTH);
    this.#write({ ...Object.fromEntries(latest), [network]: Date.now() });
  }

  forget(network: string): void {
    const memory = this.#read();
    if (!(network in memory)) return;
    delete memory[network];
    this.#write(memory);
  }

  /** Returns only recent entries, and ignores invalid ones. */
  #read(): Memory {
    try {
      const memory: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
      const now = Date.now();
      const isRecent = ([, at]: [string, unknown]) => typeof at === 'number' && at <= now && now - at < RELAY_MEMORY;
      return Object.fromEntries(Object.entries(memory as Memory).filter(isRecent));
    } catch {
      return {};
    }
  }

  #write(memory: Memory): void {
    try {
      localStorage.setItem(KEY, JSON.stringify(memory));
    } catch {
      // Private windows of some browsers have no storage: every visit starts without memory.
    }
  }
}
