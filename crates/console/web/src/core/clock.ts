// For: the server's clock as the page knows it; countdowns must not trust the computer's own.
// May not know: what is counted.

/** Follows the offset between this computer and the server. All times are milliseconds since 1970 (UTC). */
export class ServerClock {
  #offset = 0;
  #roundTrip = Infinity;

  constructor(private readonly local: () => number = Date.now) {}

  /** A server time that has just arrived. It was sent a little earlier, so a later `now` is never believed less. */
  heard(serverNow: number): void {
    if (this.#roundTrip === Infinity) this.#offset = serverNow - this.local();
  }

  /** The answer to a question sent at local time `sentAt`; the shortest way there and back is the best measurement. */
  measured(serverNow: number, sentAt: number): void {
    const now = this.local();
    const trip = now - sentAt;
    // Old measurements fade, so that a clock that was set is noticed.
    this.#roundTrip *= 1.1;
    if (trip > this.#roundTrip) return;
    this.#roundTrip = trip;
    this.#offset = serverNow + trip / 2 - now;
  }

  now(): number {
    return this.local() + this.#offset;
  }

  get offset(): number {
    return this.#offset;
  }
}
