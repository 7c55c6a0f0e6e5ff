// For: the open incidents with the telephone numbers needed to work them, kept in this tab for when the line is cut.
// May not know: the connection. Holds only what a call needs, loses each incident when it closes, and everything at sign-out.
import type { Card } from '../wire/wire';
import { inOrder } from './board';

const KEY = 'anling.open-incidents';
/** Incidents kept at most, one's own first. Ours: what one person can work by telephone, and far below a tab's store. */
export const KEPT_LIMIT = 40;

export interface KeptIncident {
  readonly id: string;
  readonly kind: string;
  readonly priority: number;
  readonly openedAt: number;
  readonly mine: boolean;
  readonly owner: string | null;
  readonly place: string;
  readonly place_en: string;
  readonly name: string;
  readonly name_en: string;
  readonly age: number | null;
  readonly phone: string;
  readonly address: string;
  readonly address_en: string;
  readonly access: string;
  readonly access_en: string;
  readonly contacts: readonly {
    name: string;
    name_en: string;
    relation: string;
    relation_en: string;
    phone: string;
    key: boolean;
  }[];
}

export interface Kept {
  /** By the server's clock, milliseconds. */
  readonly at: number;
  readonly incidents: readonly KeptIncident[];
}

function minimal(card: Card): KeptIncident {
  const { resident } = card;
  return {
    id: card.id,
    kind: card.kind,
    priority: card.priority,
    openedAt: card.opened_at,
    mine: card.mine,
    owner: card.owner?.name ?? null,
    place: card.place,
    place_en: card.place_en,
    name: resident?.name ?? '',
    name_en: resident?.name_latin ?? '',
    age: resident?.age ?? null,
    phone: resident?.phone ?? '',
    address: resident?.address_line ?? '',
    address_en: resident?.english?.address_line ?? '',
    access: resident?.access ?? '',
    access_en: resident?.english?.access ?? '',
    contacts: (resident?.contacts ?? []).map((c) => ({
      name: c.name,
      name_en: c.name_en,
      relation: c.relation,
      relation_en: c.relation_en,
      phone: c.phone,
      key: c.has_key,
    })),
  };
}

/** Replaces what is kept by the incidents open now. A full or forbidden store is no reason to stop working. */
export function keep(store: Storage, cards: Iterable<Card>, at: number): void {
  const open = inOrder(cards).filter((card) => card.phase !== 'resolved');
  const first = [...open.filter((card) => card.mine), ...open.filter((card) => !card.mine)].slice(
    0,
    KEPT_LIMIT,
  );
  try {
    store.setItem(KEY, JSON.stringify({ at, incidents: first.map(minimal) } satisfies Kept));
  } catch {
    forget(store);
  }
}

/** What is kept, or nothing when there is none or it cannot be read. */
export function kept(store: Storage): Kept | null {
  try {
    const value = JSON.parse(store.getItem(KEY) ?? 'null') as Kept | null;
    return value && typeof value.at === 'number' && Array.isArray(value.incidents) ? value : null;
  } catch {
    return null;
  }
}

/** Sign-out. */
export function forget(store: Storage): void {
  try {
    store.removeItem(KEY);
  } catch {
    // A store that cannot be reached holds nothing either.
  }
}
