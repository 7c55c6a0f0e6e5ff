// For: the clock of a replay: where in the past we are, which log position that is, and which of it is on the screen.
// May not know: the connection, the screen. It says what to ask for and is told what has come.
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

/** Boards asked for while playing, at most one in this many milliseconds: the server draws a whole one for each. */
export const ASK_EVERY_MS = 120;

/** A point of the past: a log position, and a time at which it was the newest. */
export interface Frame {
  readonly position: number;
  readonly at: number;
}

/**
 * Which frame is shown and which is asked for. Time, caption and rows are always those of one frame that has arrived: the
 * time goes on within it, and beyond it only when the next one is there. While one is awaited the clock stands still.
 */
export class Reel {
  #shown: Frame | null = null;
  #asked: Frame | null = null;
  #askedAt = -Infinity;

  constructor(readonly clock: ReplayClock) {}

  /** What is on the screen; nothing before the first board has come. */
  get shown(): Frame | null {
    return this.#shown;
  }

  /** Real time has passed, or the clock was moved by hand. */
  frame(elapsed = 0): void {
    if (!this.#asked) this.clock.frame(elapsed);
    if (this.#shown?.position === this.clock.position)
      this.#shown = { position: this.#shown.position, at: this.clock.at };
  }

  /** What to ask for now, if anything: one question at a time, for where the clock is. `now` is real milliseconds. */
  ask(now: number): Frame | null {
    const { position, at } = this.clock;
    if (this.#asked || position === this.#shown?.position || now - this.#askedAt < ASK_EVERY_MS) return null;
    this.#askedAt = now;
    return (this.#asked = { position, at });
  }

  /** A board has come; false when it is not the one that was asked for and must not be shown. */
  arrived(position: number): boolean {
    if (position !== this.#asked?.position) return false;
    this.#shown = this.#asked;
    this.#asked = null;
    this.frame();
    return true;
  }

  /** The question was lost with the line, could not be sent, or was refused: it may be asked again. */
  lost(): void {
    this.#asked = null;
  }
}
