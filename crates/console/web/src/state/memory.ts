// For: the few words a tab remembers over a reload.
// May not know: what it means. What waits to be sent may speak of a resident: it goes when it is sent, and at sign-out.

type Key = 'console' | 'party' | 'sound' | 'reloaded' | 'read' | 'waiting' | 'who';

/** What was remembered, or null. */
export function recall(key: Key): string | null {
  try {
    return sessionStorage.getItem(`anling.${key}`);
  } catch {
    return null;
  }
}

/** Remembers (or with null forgets); a browser that refuses only forgets over a reload. */
export function remember(key: Key, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(`anling.${key}`);
    else sessionStorage.setItem(`anling.${key}`, value);
  } catch {
    // Nothing that was asked of us depends on it.
  }
}

/** What was remembered, else a new value that is remembered from now on. */
export function remembered(key: Key, make: () => string): string {
  const value = recall(key) ?? make();
  remember(key, value);
  return value;
}
