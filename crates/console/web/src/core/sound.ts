// For: the tones. Made by an oscillator, so that no file can be missing; told apart by rhythm, not only by pitch.
// May not know: incidents.

/** A tone starts again this often until somebody has accepted. Milliseconds. */
export const REPEAT_MS = 2_000;
/** Loud enough to be heard across a room, below clipping; it cannot be set to zero. */
const VOLUME = 0.6;

interface Beep {
  /** Seconds from the start of the pattern. */
  at: number;
  length: number;
  hertz: number;
}

/** P1 five quick rising beeps, P2 three even ones, P3 two slow ones, P4 one soft note. */
export const PATTERNS: Record<number, readonly Beep[]> = {
  1: [0, 1, 2, 3, 4].map((n) => ({ at: n * 0.16, length: 0.11, hertz: 880 + n * 110 })),
  2: [0, 1, 2].map((n) => ({ at: n * 0.32, length: 0.2, hertz: 740 })),
  3: [0, 1].map((n) => ({ at: n * 0.5, length: 0.3, hertz: 523 })),
  4: [{ at: 0, length: 0.45, hertz: 392 }],
};

export class Sound {
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #tone: number | null = null;

  constructor(private readonly changed: (running: boolean) => void) {}

  /** Call from a click or key: browsers let a page sound only after one. */
  async unlock(): Promise<boolean> {
    if (!this.#context) {
      const Context = globalThis.AudioContext;
      if (!Context) return false;
      this.#context = new Context();
      this.#context.onstatechange = () => this.changed(this.running);
    }
    if (this.#context.state !== 'running') {
      // Without a gesture Chromium leaves this promise open for ever; the state tells the truth either way.
      await Promise.race([
        this.#context.resume().catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, 500)),
      ]);
    }
    this.changed(this.running);
    return this.running;
  }

  get running(): boolean {
    return this.#context?.state === 'running';
  }

  /** A short test of the tone that matters most. */
  test(): void {
    this.#play(1);
  }

  /** Starts, changes or (null) stops the repeating tone. */
  ring(priority: number | null): void {
    if (priority === this.#tone) return;
    this.#tone = priority;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (priority === null) return;
    this.#play(priority);
    this.#timer = setInterval(() => this.#play(priority), REPEAT_MS);
  }

  get ringing(): number | null {
    return this.#tone;
  }

  #play(priority: number): void {
    const context = this.#context;
    if (!context || context.state !== 'running') return;
    for (const { at, length, hertz } of PATTERNS[priority] ?? PATTERNS[4] ?? []) {
      const start = context.currentTime + at + 0.01;
      const oscillator = context.createOscillator();
      const gain = context.createGain();
      oscillator.type = priority === 1 ? 'square' : 'triangle';
      oscillator.frequency.value = hertz;
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(VOLUME * (priority === 1 ? 0.5 : 1), start + 0.01);
      gain.gain.setValueAtTime(VOLUME * (priority === 1 ? 0.5 : 1), start + length - 0.02);
      gain.gain.linearRampToValueAtTime(0, start + length);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(start);
      oscillator.stop(start + length);
    }
  }
}
