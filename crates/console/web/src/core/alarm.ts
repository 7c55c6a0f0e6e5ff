// For: deciding what sounds: which incidents ring this operator, how pressing the tone is, and what is new and to be spoken.
// May not know: Web Audio, the screen. It is asked straight from the message handler, never from a frame or a timer.
import type { Card } from '../wire/wire';

export interface Alarm {
  /** Priority of the tone; null is silence. */
  readonly tone: number | null;
  /** Incidents that ring now. */
  readonly ringing: ReadonlySet<string>;
  /** New since the last look, or pressed again: speak and announce these, most pressing first. */
  readonly raised: readonly Card[];
}

/** Remembers which presses were already announced, so that a card that is merely updated is not spoken again. */
export class AlarmState {
  #announced = new Map<string, number>();
  #silenced = new Set<string>();

  /** What should sound for these cards. */
  look(cards: Iterable<Card>): Alarm {
    const ringing = new Set<string>();
    const raised: Card[] = [];
    const seen = new Set<string>();
    let tone: number | null = null;
    for (const card of cards) {
      seen.add(card.id);
      const rings = card.rings_me && card.phase !== 'resolved';
      if (!rings) {
        this.#silenced.delete(card.id);
        // One that lapses back into the queue is news again; one that is in hand is not, unless it is pressed again.
        if (card.phase !== 'resolved') this.#announced.delete(card.id);
        continue;
      }
      if ((this.#announced.get(card.id) ?? -1) < card.presses) {
        this.#announced.set(card.id, card.presses);
        this.#silenced.delete(card.id);
        raised.push(card);
      }
      if (this.#silenced.has(card.id)) continue;
      ringing.add(card.id);
      tone = tone === null ? card.priority : Math.min(tone, card.priority);
    }
    for (const id of this.#announced.keys()) if (!seen.has(id)) this.#announced.delete(id);
    for (const id of this.#silenced) if (!seen.has(id)) this.#silenced.delete(id);
    raised.sort((a, b) => a.priority - b.priority || a.opened_at - b.opened_at);
    return { tone, ringing, raised };
  }

  /** This operator has just pressed accept: silent for this one at once. */
  silence(id: string): void {
    this.#silenced.add(id);
  }

  /** The accept was refused: it may ring again. */
  resound(id: string): void {
    this.#silenced.delete(id);
  }
}
