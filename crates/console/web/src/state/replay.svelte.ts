// For: a replay on the screen: the recorded moments, the clock that walks through them, and the board as it was then.
// May not know: the live board. It has a line of its own and sends nothing but `seek`.
import { api, Failed } from '../core/api';
import { EMPTY, fromSnapshot, inOrder, type Board } from '../core/board';
import { Connection, type LineState } from '../core/connection';
import { merged, ReplayClock, type Speed } from '../core/replay';
import type { Card, IncidentStory, Moment } from '../wire/wire';

/** Asked moments while playing, at most one in this many milliseconds: the server draws a whole board for each. */
const SEEK_EVERY_MS = 120;

export class ReplayState {
  story = $state.raw<IncidentStory | null>(null);
  failed = $state<string | null>(null);
  board = $state.raw<Board>(EMPTY);
  rows = $state.raw<Card[]>([]);
  at = $state(0);
  start = $state(0);
  end = $state(0);
  playing = $state(false);
  speed = $state<Speed>(1);
  line = $state<LineState>('connecting');
  selected = $state<string | null>(null);
  /** Every moment of the log around, not only this incident's own. */
  around = $state(false);

  #clock = new ReplayClock([]);
  #own: Moment[] = [];
  #line: Connection | null = null;
  #asked = -1;
  #waiting = false;
  #askedAt = 0;
  #frame = 0;
  #last = 0;

  get card(): Card | null {
    return this.selected ? (this.board.cards.get(this.selected) ?? null) : null;
  }

  get position(): number {
    return this.board.position;
  }

  /** This incident's own moments, for the slider's marks. */
  get marks(): Moment[] {
    return this.story ? this.#own : [];
  }

  async open(incident: string): Promise<void> {
    this.close();
    this.failed = null;
    try {
      const story = await api.story(incident);
      this.#own = merged(story.events);
      this.#clock = new ReplayClock(merged(story.events, story.around));
      this.story = story;
    } catch (error) {
      this.failed =
        error instanceof Failed ? `${error.problem.status} ${error.problem.title}` : String(error);
      return;
    }
    this.selected = incident;
    [this.start, this.end, this.at] = [this.#clock.start, this.#clock.end, this.#clock.at];
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const first = this.#clock.position;
    this.#line = new Connection(`${scheme}://${location.host}/v1/console?at=${first}`, {
      resume: () => null,
      message: (message) => {
        if (message.t === 'hello') this.#again();
        if (message.t !== 'snapshot') return;
        this.#waiting = false;
        this.board = fromSnapshot(message.position, message.cards, message.counts);
        this.rows = inOrder(this.board.cards.values());
        if (!this.card) this.selected = this.board.cards.has(incident) ? incident : null;
        this.#ask();
      },
      state: (state) => (this.line = state),
      outdated: () => location.reload(),
    });
    this.#line.start();
    this.#last = performance.now();
    const run = (now: number) => {
      this.#clock.frame(now - this.#last);
      this.#last = now;
      this.#show();
      this.#frame = requestAnimationFrame(run);
    };
    this.#frame = requestAnimationFrame(run);
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#line?.stop();
    this.#line = null;
    this.#again();
    this.story = null;
    this.board = EMPTY;
    this.rows = [];
    this.playing = false;
  }

  seek(at: number): void {
    this.#clock.seek(at);
    this.#show();
  }

  step(by: 1 | -1): void {
    this.#clock.step(by, this.around ? undefined : this.#own);
    this.#show();
  }

  play(on: boolean): void {
    if (on && this.#clock.at >= this.#clock.end) this.#clock.seek(this.#clock.start);
    this.#clock.playing = on;
    this.#show();
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    this.#clock.speed = speed;
  }

  #show(): void {
    this.at = this.#clock.at;
    this.playing = this.#clock.playing;
    this.#ask();
  }

  #again(): void {
    this.#asked = -1;
    this.#waiting = false;
    // The greeting is being handled; the line sends only afterwards.
    queueMicrotask(() => this.#ask());
  }

  /** One question at a time: the newest wanted position, when the last has been answered. */
  #ask(): void {
    const wanted = this.#clock.position;
    const now = performance.now();
    if (!this.#line || this.#waiting || wanted === this.#asked || now - this.#askedAt < SEEK_EVERY_MS) return;
    if (!this.#line.send({ t: 'seek', position: wanted })) return;
    this.#asked = wanted;
    this.#askedAt = now;
    this.#waiting = true;
  }
}
