// For: the queue's order and what changes do to the board.
// May not know: the screen.
import { describe, expect, it } from 'vitest';
import {
  EMPTY,
  fromSnapshot,
  holdingStill,
  inOrder,
  NO_COUNTS,
  topToAccept,
  waitLevel,
  withChanges,
} from '../board';
import { card, SITE } from './cards';

const ids = (cards: { id: string }[]) => cards.map(({ id }) => id);

describe('the order of the queue', () => {
  it('puts what rings me first, then what nobody has, then what is in hand, then what is held', () => {
    const cards = [
      card({ id: 'held', phase: 'held' }),
      card({ id: 'hand', phase: 'talking' }),
      card({ id: 'free', phase: 'waiting' }),
      card({ id: 'rings', priority: 4, rings_me: true }),
    ];
    expect(ids(inOrder(cards))).toEqual(['rings', 'free', 'hand', 'held']);
  });

  it('goes by priority and then by age within a group', () => {
    const cards = [
      card({ id: 'young', opened_at: 9 }),
      card({ id: 'low', priority: 2, opened_at: 1 }),
      card({ id: 'old', opened_at: 5 }),
    ];
    expect(ids(inOrder(cards))).toEqual(['old', 'young', 'low']);
  });

  it('shows my own work before that of others', () => {
    const cards = [
      card({ id: 'b', phase: 'talking' }),
      card({ id: 'c', phase: 'on_site', mine: true, priority: 3 }),
    ];
    expect(ids(inOrder(cards))).toEqual(['c', 'b']);
  });

  it('is the same whatever order the cards came in', () => {
    const cards = ['a', 'b', 'c', 'd'].map((id) => card({ id }));
    expect(ids(inOrder([...cards].reverse()))).toEqual(ids(inOrder(cards)));
  });

  it('stands still while somebody points at it, but shows what is new and what has changed', () => {
    const shown = [card({ id: 'a' }), card({ id: 'b' }), card({ id: 'gone' })];
    const fresh = [card({ id: 'new', rings_me: true }), card({ id: 'b', revision: 9 }), card({ id: 'a' })];
    const held = holdingStill(shown, fresh);
    expect(ids(held)).toEqual(['a', 'b', 'new']);
    expect(held[1]?.revision).toBe(9);
  });

  it('offers for one key only what this operator may accept', () => {
    const cards = [
      card({ id: 'a', rings_me: true }),
      card({ id: 'b', rings_me: true, accept_as: SITE, opened_at: 2_000 }),
    ];
    expect(topToAccept(cards)?.id).toBe('b');
    expect(topToAccept([card()])).toBeUndefined();
  });

  it('raises the level of waiting at the times of the rings', () => {
    expect([0, 14, 15, 29, 30, 45, 59, 60, 600].map(waitLevel)).toEqual([0, 0, 1, 1, 2, 3, 3, 4, 4]);
  });
});

describe('the board', () => {
  const board = fromSnapshot(10, [card({ id: 'a' }), card({ id: 'b' })], NO_COUNTS);

  it('loses everything that is not in a snapshot', () => {
    expect([...fromSnapshot(11, [card({ id: 'b' })], NO_COUNTS).cards.keys()]).toEqual(['b']);
  });

  it('replaces cards and reports why one left, without changing the board before', () => {
    const next = withChanges(
      board,
      12,
      [
        { c: 'upsert', card: card({ id: 'a', revision: 8, phase: 'talking' }) },
        { c: 'remove', id: 'b', why: 'accepted_elsewhere', by: '赵刚', by_en: 'Zhao Gang' },
      ],
      NO_COUNTS,
    );
    expect(next.board.cards.get('a')?.phase).toBe('talking');
    expect(next.gone).toMatchObject([{ card: { id: 'b' }, by: '赵刚', by_en: 'Zhao Gang' }]);
    expect(board.cards.get('a')?.phase).toBe('offered');
    expect(board.cards.has('b')).toBe(true);
    expect(next.board.position).toBe(12);
  });

  it('never goes back to an older revision or position', () => {
    const { board: next } = withChanges(
      board,
      4,
      [{ c: 'upsert', card: card({ id: 'a', revision: 1, phase: 'held' }) }],
      NO_COUNTS,
    );
    expect(next.cards.get('a')?.phase).toBe('offered');
    expect(next.position).toBe(10);
  });

  it('ignores a kind of change it does not know', () => {
    const unknown = [{ c: 'renamed', id: 'a' }] as never;
    expect(withChanges(EMPTY, 1, unknown, NO_COUNTS).board.cards.size).toBe(0);
  });
});
