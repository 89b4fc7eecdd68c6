/** Preferences that this browser keeps between visits, if it allows storage. */
export type Preference = 'name' | 'microphone' | 'camera' | 'speaker' | 'layout' | 'pictures';

export function recall(key: Preference): string | null {
  try {
    return localStorage.getItem(`monoport.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: Preference, value: string): void {
  try {
    localStorage.setItem(`monoport.${key}`, value);
  } catch {
    // Private windows of some browsers; the page works without.
  }
}
