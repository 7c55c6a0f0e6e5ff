// For: up to which press a card has been looked at, over a reload as well. In doubt a press has not been looked at.
// May not know: the screen, where the text is kept.
import type { Card } from '../wire/wire';

type Marks = ReadonlyMap<string, number>;

export class Read {
  private constructor(readonly marks: Marks) {}

  /** From what `text` was; nothing is known where it cannot be read. */
  static from(text: string | null): Read {
    try {
      const pairs = Object.entries(JSON.parse(text ?? '{}') as Record<string, unknown>);
      return new Read(new Map(pairs.filter((pair): pair is [string, number] => typeof pair[1] === 'number')));
    } catch {
      return new Read(new Map());
    }
  }

  get text(): string {
    return JSON.stringify(Object.fromEntries(this.marks));
  }

  /** This card as it is now has been looked at; what is no longer `open` is let go. */
  with(card: Card, open: ReadonlyMap<string, Card>): Read {
    const kept = [...this.marks].filter(([id]) => open.has(id));
    return new Read(new Map(kept).set(card.id, card.alarm_revision));
  }

  /** Never looked at before, so that nothing on it can be news. A call in hand that was pressed again is in doubt. */
  fresh(card: Card): boolean {
    return !this.marks.has(card.id) && !(card.mine && card.presses > 1);
  }

  /** A press has joined since it was looked at, or may have. */
  unread(card: Card): boolean {
    const mark = this.marks.get(card.id);
    return mark === undefined ? card.mine && card.presses > 1 : mark < card.alarm_revision;
  }
}
