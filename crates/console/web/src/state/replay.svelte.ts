// For: a replay on the screen: the recorded moments, the clock that walks through them, and the board as it was then.
// May not know: the live board. It has a line of its own and sends nothing but `seek`.
import { api, Failed } from '../core/api';
import { EMPTY, fromSnapshot, inOrder, type Board } from '../core/board';
import { Connection, type LineState } from '../core/connection';
import { merged, Reel, ReplayClock, type Speed } from '../core/replay';
import type { Card, IncidentStory, Moment, StoryLine } from '../wire/wire';

export class ReplayState {
  story = $state.raw<IncidentStory | null>(null);
  failed = $state<string | null>(null);
  board = $state.raw<Board>(EMPTY);
  rows = $state.raw<Card[]>([]);
  /** The time of what is shown. */
  at = $state(0);
  /** Where the clock has been put; ahead of `at` while the board of then is on its way. */
  hand = $state(0);
  start = $state(0);
  end = $state(0);
  playing = $state(false);
  speed = $state<Speed>(1);
  line = $state<LineState>('connecting');
  selected = $state<string | null>(null);
  /** Every moment of the log around, not only this incident's own. */
  around = $state(false);

  #reel = new Reel(new ReplayClock([]));
  #own: Moment[] = [];
  #line: Connection | null = null;
  #frame = 0;
  #last = 0;

  get card(): Card | null {
    return this.selected ? (this.board.cards.get(this.selected) ?? null) : null;
  }

  get position(): number {
    return this.board.position;
  }

  get #clock(): ReplayClock {
    return this.#reel.clock;
  }

  /** The last of this incident's own events that what is shown has. */
  get last(): StoryLine | undefined {
    const lines = this.#lines;
    return lines[lines.length - 1];
  }

  /** Why this incident is not on the board shown. */
  get absence(): 'not_yet' | 'elsewhere' | 'closed' {
    const kinds = this.#lines.map(({ kind }) => kind);
    if (kinds.lastIndexOf('Resolved') > kinds.lastIndexOf('Reopened')) return 'closed';
    return kinds.includes('Offered') ? 'elsewhere' : 'not_yet';
  }

  get #lines(): StoryLine[] {
    return (this.story?.events ?? []).filter((line) => line.position <= this.position);
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
      this.#reel = new Reel(new ReplayClock(merged(story.events, story.around)));
      this.#clock.speed = this.speed;
      this.story = story;
    } catch (error) {
      this.failed =
        error instanceof Failed ? `${error.problem.status} ${error.problem.title}` : String(error);
      return;
    }
    this.selected = incident;
    [this.start, this.end, this.at, this.hand] = [
      this.#clock.start,
      this.#clock.end,
      this.#clock.at,
      this.#clock.at,
    ];
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const first = this.#clock.position;
    this.#line = new Connection(`${scheme}://${location.host}/v1/console?at=${first}`, {
      resume: () => null,
      message: (message) => {
        if (message.t === 'hello') this.#again();
        // The server could not draw that board just now.
        if (message.t === 'result') this.#reel.lost();
        if (message.t !== 'snapshot' || !this.#reel.arrived(message.position)) return;
        this.board = fromSnapshot(message.position, message.cards, message.counts);
        this.rows = inOrder(this.board.cards.values());
        if (!this.card) this.selected = this.board.cards.has(incident) ? incident : null;
        this.#show();
      },
      state: (state) => (this.line = state),
      outdated: () => location.reload(),
    });
    this.#line.start();
    this.#last = performance.now();
    const run = (now: number) => {
      this.#reel.frame(now - this.#last);
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
    this.#moved();
  }

  step(by: 1 | -1): void {
    this.#clock.step(by, this.around ? undefined : this.#own);
    this.#moved();
  }

  play(on: boolean): void {
    if (on && this.#clock.at >= this.#clock.end) this.#clock.seek(this.#clock.start);
    this.#clock.playing = on;
    this.#moved();
  }

  setSpeed(speed: Speed): void {
    this.speed = speed;
    this.#clock.speed = speed;
  }

  #moved(): void {
    this.#reel.frame();
    this.#show();
  }

  #show(): void {
    this.at = this.#reel.shown?.at ?? this.#clock.start;
    this.hand = this.#clock.at;
    this.playing = this.#clock.playing;
    this.#ask();
  }

  #again(): void {
    this.#reel.lost();
    // The greeting is being handled; the line sends only afterwards.
    queueMicrotask(() => this.#ask());
  }

  #ask(): void {
    const wanted = this.#line && this.#reel.ask(performance.now());
    if (wanted && !this.#line?.send({ t: 'seek', position: wanted.position })) this.#reel.lost();
  }
}
