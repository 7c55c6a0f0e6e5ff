// For: what a telephone has and a desk has not: it shakes, and its screen goes dark.
// May not know: calls.

/** Shake, pause, shake. Milliseconds. */
const SHAKE = [500, 200, 500, 200, 500];
/** As often as the tone repeats. Milliseconds. */
const SHAKE_EVERY_MS = 2_500;

export class Shaker {
  #timer: ReturnType<typeof setInterval> | null = null;

  once(): void {
    // Browsers refuse (and say so in their console) before the first touch.
    const touched = navigator.userActivation?.hasBeenActive ?? true;
    if (touched) navigator.vibrate?.(SHAKE);
  }

  /** Shakes until told otherwise. */
  ring(on: boolean): void {
    if (on === (this.#timer !== null)) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (!on) return;
    this.once();
    this.#timer = setInterval(() => this.once(), SHAKE_EVERY_MS);
  }
}

/** Keeps the screen on while it is wanted; browsers let go whenever the page is hidden, so it is asked for again. */
export class Awake {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    document.addEventListener('visibilitychange', () => void this.#take());
  }

  want(on: boolean): void {
    if (on === this.#wanted) return;
    this.#wanted = on;
    if (on) void this.#take();
    else {
      void this.#lock?.release();
      this.#lock = null;
    }
  }

  async #take(): Promise<void> {
    if (!this.#wanted || document.hidden || (this.#lock && !this.#lock.released)) return;
    try {
      this.#lock = (await navigator.wakeLock?.request('screen')) ?? null;
    } catch {
      // A low battery refuses it; the page works all the same.
    }
  }
}
