// For: what counts as looked at, over a reload as well.
// May not know: the screen.
import { describe, expect, it } from 'vitest';
import { Read } from '../read';
import { card } from './cards';

const open = (...cards: ReturnType<typeof card>[]) => new Map(cards.map((one) => [one.id, one]));

describe('what has been looked at', () => {
  const first = card({ mine: true, alarm_revision: 0 });
  const again = card({ mine: true, presses: 2, alarm_revision: 5 });

  it('is a press that was there, not one that joins, until that is confirmed', () => {
    const read = Read.from(null).with(first, open(first));
    expect(read.unread(first)).toBe(false);
    expect(read.unread(again)).toBe(true);
    expect(read.with(again, open(again)).unread(again)).toBe(false);
  });

  it('is known after a reload, read or not', () => {
    const before = Read.from(null).with(first, open(first));
    expect(Read.from(before.text).unread(again)).toBe(true);
    expect(Read.from(before.with(again, open(again)).text).unread(again)).toBe(false);
  });

  it('is in doubt not so: a call in hand with several presses of which nothing is known', () => {
    for (const text of [null, '{"a":', '[]', '{"a":"5"}', 'null']) {
      const read = Read.from(text);
      expect([read.unread(again), read.fresh(again)], String(text)).toEqual([true, false]);
      expect([read.unread(first), read.fresh(first)], String(text)).toEqual([false, true]);
    }
    expect(Read.from(null).fresh(card({ presses: 3 }))).toBe(true);
  });

  it('lets go of what is closed', () => {
    const other = card({ id: 'b' });
    const read = Read.from(null).with(first, open(first)).with(other, open(other));
    expect([...read.marks.keys()]).toEqual(['b']);
  });
});
