// For: the open incidents as this person may see them, and the order of the queue.
// May not know: the screen, the connection. Records are never changed, only replaced.
import type { Card, Change, Counts } from '../wire/wire';

export interface Board {
  readonly position: number;
  readonly cards: ReadonlyMap<string, Card>;
  readonly counts: Counts;
}

export const NO_COUNTS: Counts = {
  waiting: 0,
  in_hand: 0,
  held: 0,
  closed_today: 0,
  sites_open: 0,
  sites_with_sound: 0,
  operators_on_duty: 0,
};

export const EMPTY: Board = { position: 0, cards: new Map(), counts: NO_COUNTS };

/** Why a card left, for the operator to be told. */
export interface Gone {
  readonly card: Card;
  readonly why: string;
  readonly by: string | null;
  readonly by_en: string | null;
}

/** Everything anew: what is not in it is gone. */
export function fromSnapshot(position: number, cards: readonly Card[], counts: Counts): Board {
  return { position, cards: new Map(cards.map((card) => [card.id, card])), counts };
}

/** The board after some changes, and the cards that left it. An older revision never replaces a newer one. */
export function withChanges(
  board: Board,
  position: number,
  changes: readonly Change[],
  counts: Counts,
): { board: Board; gone: Gone[] } {
  const cards = new Map(board.cards);
  const gone: Gone[] = [];
  for (const change of changes) {
    if (change.c === 'upsert') {
      const known = cards.get(change.card.id);
      if (!known || known.revision <= change.card.revision) cards.set(change.card.id, change.card);
    } else if (change.c === 'remove') {
      const card = cards.get(change.id);
      if (card) gone.push({ card, why: change.why, by: change.by, by_en: change.by_en });
      cards.delete(change.id);
    }
  }
  return { board: { position: Math.max(position, board.position), cards, counts }, gone };
}

/** Nobody has it. */
export function isUnowned(card: Card): boolean {
  return card.phase === 'waiting' || card.phase === 'offered';
}

function group(card: Card): number {
  if (card.phase === 'resolved') return 4;
  if (card.rings_me) return 0;
  if (isUnowned(card)) return 1;
  return card.phase === 'held' ? 3 : 2;
}

/** Order of the queue: what rings me, what nobody has, what is in hand (mine first), what is held; in each by priority, then oldest. */
export function inOrder(cards: Iterable<Card>): Card[] {
  return [...cards].sort(
    (a, b) =>
      group(a) - group(b) ||
      (group(a) >= 2 ? Number(b.mine) - Number(a.mine) : 0) ||
      a.priority - b.priority ||
      a.opened_at - b.opened_at ||
      (a.id < b.id ? -1 : 1),
  );
}

/** While somebody points at the queue its rows stay where they are: known rows keep their places, new ones come last. */
export function holdingStill(shown: readonly Card[], fresh: readonly Card[]): Card[] {
  const byId = new Map(fresh.map((card) => [card.id, card]));
  const kept = shown.flatMap((card) => byId.get(card.id) ?? []);
  const known = new Set(kept.map((card) => card.id));
  return [...kept, ...fresh.filter((card) => !known.has(card.id))];
}

/** How long an unaccepted incident has waited, as a level 0–4. Seconds: the times of the rings. */
export function waitLevel(seconds: number): number {
  return [15, 30, 45, 60].filter((threshold) => seconds >= threshold).length;
}

/** The incident that one key accepts. */
export function topToAccept(cards: Iterable<Card>): Card | undefined {
  return inOrder(cards).find(
    (card) => card.rings_me && (card.accept_as ?? card.support_as) !== null && card.phase !== 'resolved',
  );
}
