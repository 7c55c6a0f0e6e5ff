// For: the clock of a replay: where in the past we are, and which log position that is.
// May not know: the connection, the screen.
import type { Moment } from '../wire/wire';

/** How many times faster than it was. */
export const SPEEDS = [1, 2, 5, 10, 30, 100] as const;
export type Speed = (typeof SPEEDS)[number];

/** Moments in order of position, each position once. */
export function merged(...lists: readonly (readonly Moment[])[]): Moment[] {
  const byPosition = new Map(lists.flat().map(({ position, at }) => [position, { position, at }]));
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}

/** Moves through recorded moments. Times are milliseconds since 1970 of the past; `frame` is given real milliseconds. */
export class ReplayClock {
  #at: number;
  playing = false;
  speed: Speed = 1;

  constructor(readonly moments: readonly Moment[]) {
    this.#at = moments[0]?.at ?? 0;
  }

  get at(): number {
    return this.#at;
  }

  get start(): number {
    return this.moments[0]?.at ?? 0;
  }

  get end(): number {
    return this.moments[this.moments.length - 1]?.at ?? 0;
  }

  /** The last moment that had happened; the first one before any had. */
  get index(): number {
    let low = 0;
    let high = this.moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.moments[middle]?.at ?? Infinity) <= this.#at) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  get position(): number {
    return this.moments[this.index]?.position ?? 0;
  }

  seek(at: number): void {
    this.#at = Math.min(this.end, Math.max(this.start, at));
  }

  /** Goes `by` moments of `among` forward (or back) and stops playing. Without `among`, through all moments. */
  step(by: 1 | -1, among: readonly Moment[] = this.moments): void {
    this.playing = false;
    const next =
      by > 0
        ? among.find((moment) => moment.at > this.#at)
        : [...among].reverse().find((m) => m.at < this.#at);
    this.seek(next?.at ?? (by > 0 ? this.end : this.start));
  }

  /** Real time has passed; at the end it stops by itself. */
  frame(elapsed: number): void {
    if (!this.playing) return;
    this.seek(this.#at + elapsed * this.speed);
    if (this.#at >= this.end) this.playing = false;
  }
}
