// For: what this phone keeps over a reload without network: the calls in hand, and who the carer is.
// May not know: the outbox (it keeps itself). A call that is over leaves nothing here.
import type { Card, Me } from '../wire/wire';
import { forTheWay } from './calls';

const KEY = 'anling.m.kept';

export interface Kept {
  readonly me: Me;
  /** When the server was last heard, by this phone's clock; milliseconds. */
  readonly heardAt: number;
  /** The server's clock minus this phone's; milliseconds. */
  readonly offset: number;
  readonly calls: readonly Card[];
  /** Incidents accepted here. */
  readonly accepted: readonly string[];
}

/** Replaces what is kept. A full or forbidden store is no reason to stop working. */
export function keep(store: Storage, kept: Kept): void {
  try {
    store.setItem(KEY, JSON.stringify({ ...kept, calls: kept.calls.map(forTheWay) } satisfies Kept));
  } catch {
    forget(store);
  }
}

/** What is kept, or null when there is nothing or it cannot be read. */
export function kept(store: Storage): Kept | null {
  try {
    const value = JSON.parse(store.getItem(KEY) ?? 'null') as Kept | null;
    return value && typeof value.me === 'object' && Array.isArray(value.calls) ? value : null;
  } catch {
    return null;
  }
}

/** Nothing of anybody stays. */
export function forget(store: Storage): void {
  try {
    store.removeItem(KEY);
  } catch {
    // A store that cannot be reached holds nothing either.
  }
}
