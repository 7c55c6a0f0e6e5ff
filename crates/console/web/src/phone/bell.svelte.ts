// For: the phone's own noise: the tone, the shaking, and what somebody has silenced.
// May not know: which calls there are; it is shown them.
import { AlarmState } from '../core/alarm';
import { Sound } from '../core/sound';
import type { Card } from '../wire/wire';
import { ringsHere } from './calls';
import { Shaker } from './device';

export class Bell {
  /** Whether the browser lets this page sound; only after a touch. */
  running = $state(false);
  #muted = $state.raw<ReadonlySet<string>>(new Set());
  readonly #sound = new Sound((running) => (this.running = running));
  readonly #shaker = new Shaker();
  readonly #alarm = new AlarmState();

  /** Call from a touch. */
  unlock(): void {
    if (!this.running) void this.#sound.unlock();
  }

  /** Call from a touch: what a call will sound like. */
  async test(): Promise<void> {
    await this.#sound.unlock();
    this.once();
  }

  /** A call in hand needs a look; nothing goes on ringing. */
  once(): void {
    this.#sound.test();
    this.#shaker.once();
  }

  /** Straight from the message, never from a frame: what must sound and shake. */
  look(cards: Iterable<Card>, audible: boolean): void {
    const ringing = [...cards].map((card) => ({ ...card, rings_me: ringsHere(card) }));
    const { tone, raised } = this.#alarm.look(ringing);
    if (raised.length > 0) this.#unmute((id) => raised.some((card) => card.id === id));
    this.#sound.ring(audible ? tone : null);
    this.#shaker.ring(audible && tone !== null);
  }

  get sounds(): boolean {
    return this.running && this.#sound.ringing !== null;
  }

  muted(card: Card): boolean {
    return this.#muted.has(card.id);
  }

  mute(card: Card): void {
    this.#alarm.silence(card.id);
    this.#muted = new Set(this.#muted).add(card.id);
  }

  /** The acceptance was refused: it may ring again. */
  resound(id: string): void {
    this.#alarm.resound(id);
    this.#unmute((muted) => muted === id);
  }

  #unmute(which: (id: string) => boolean): void {
    this.#muted = new Set([...this.#muted].filter((id) => !which(id)));
  }
}
