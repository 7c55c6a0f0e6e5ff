// For: the one state of the desk: who is signed in, the live board, what sounds, what is selected; and the acts on it.
// May not know: markup. The rules live in `core`; this ties them to the line, the loudspeaker and the screen.
import { AlarmState } from '../core/alarm';
import { api, Failed } from '../core/api';
import {
  EMPTY,
  fromSnapshot,
  holdingStill,
  inOrder,
  topToAccept,
  withChanges,
  type Board,
} from '../core/board';
import { ServerClock } from '../core/clock';
import { Connection, type LineState } from '../core/connection';
import { soon } from '../core/flush';
import { uuid } from '../core/ids';
import { forget, keep, kept, type Kept } from '../core/offline';
import { Outbox, readPending, type Answer, type Pending } from '../core/outbox';
import { Read } from '../core/read';
import { Sound } from '../core/sound';
import { hush, speak } from '../core/speech';
import { code, inChinese, language, named, spoken, t } from '../i18n/words.svelte';
import type { About, Act, Card, Me, PartyView, Problem, ToPage, Trouble } from '../wire/wire';
import { drafts } from './drafts';
import { recall, remember, remembered } from './memory';

export type Stage = 'starting' | 'sign_in' | 'sign_on' | 'desk' | 'offline';
export type View = 'desk' | 'map' | 'closed' | 'replay';
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

/** How long a message stays. Milliseconds; long enough to read two lines. */
const TOAST_MS = 7_000;
/** Messages on the screen at once; older ones make room. */
const TOAST_LIMIT = 4;
/** Screen clock. Milliseconds: seconds must not seem to jump. */
const TICK_MS = 250;
/** Without a server the page asks for one this often. Milliseconds. */
const AGAIN_MS = 3_000;
/** Pointing at the queue keeps it still this long. Milliseconds. */
const STILL_MS = 2_500;

/** Another setting that is off is another trouble. */
const troubleName = (trouble: Trouble) => [trouble.code, ...trouble.args].join(' ');

export class ConsoleState {
  stage = $state<Stage>('starting');
  about = $state.raw<About | null>(null);
  me = $state.raw<Me | null>(null);
  duty = $state.raw<PartyView | null>(null);
  line = $state<LineState>('connecting');
  attempt = $state(0);
  now = $state(Date.now());
  board = $state.raw<Board>(EMPTY);
  rows = $state.raw<Card[]>([]);
  still = $state(false);
  view = $state<View>('desk');
  selected = $state<string | null>(null);
  detail = $state.raw<Card | null>(null);
  replayOf = $state<string | null>(null);
  toasts = $state.raw<Toast[]>([]);
  announced = $state('');
  soundRunning = $state(false);
  soundProven = $state(recall('sound') === 'proven');
  pending = $state(0);
  lastEventAt = $state<number | null>(null);
  outdated = $state(false);
  signedOutWhy = $state<string | null>(null);
  keptOffline = $state.raw<Kept | null>(null);
  /** Calls accepted from this page, to be noticed by what stands in their way. */
  accepted = $state(0);

  readonly clock = new ServerClock();
  readonly sound = new Sound((running) => this.#soundChanged(running));
  readonly #alarm = new AlarmState();
  readonly #outbox = new Outbox(
    ({ incident, command }) => this.#line?.send({ t: 'command', incident, command }) ?? false,
    () => this.#outboxChanged(),
  );
  readonly #draw = soon(() => this.#flush());
  #console = remembered('console', uuid);
  #fresh: Board = EMPTY;
  #line: Connection | null = null;
  #shown = new Map<string, string>();
  #read = $state.raw(Read.from(recall('read')));
  #troubles = $state.raw<readonly Trouble[]>([]);
  #aside = $state.raw<ReadonlySet<string>>(new Set());
  #pointedAt = 0;
  #toast = 0;

  constructor() {
    setInterval(() => this.#tick(), TICK_MS);
    this.#outbox.restore(readPending(recall('waiting')), (pending, answer) => this.#late(pending, answer));
    // Browsers load their voices only after somebody has asked for them.
    globalThis.speechSynthesis?.getVoices();
    addEventListener('online', () => this.#line?.start());
    // Any gesture may give the sound back after a reload, when it was proven before.
    for (const kind of ['pointerdown', 'keydown'] as const)
      addEventListener(kind, () => void (this.soundProven && !this.soundRunning && this.sound.unlock()));
  }

  get zone(): string {
    return this.about?.time_zone ?? 'Asia/Shanghai';
  }

  get card(): Card | null {
    return this.selected ? (this.board.cards.get(this.selected) ?? null) : null;
  }

  /** What one key accepts. */
  get top(): Card | undefined {
    return topToAccept(this.board.cards.values());
  }

  /** The page opens: who is signed in? */
  async begin(): Promise<void> {
    this.about = await api.about().catch(() => null);
    try {
      this.enter((await api.session()).me);
    } catch (error) {
      this.keptOffline = kept(sessionStorage);
      const unreachable = error instanceof Failed && error.problem.status !== 401;
      if (unreachable && this.keptOffline) {
        this.stage = 'offline';
        setTimeout(() => void this.begin(), AGAIN_MS);
      } else if (unreachable) this.stage = 'sign_in';
      else {
        // Signed out meanwhile: what was kept for the one who was signed in goes now.
        if (this.pending) this.tell(t('offline_lost', { n: this.pending }), true);
        this.#leave(null);
      }
    }
  }

  /** Signed in: the line is opened, and the first greeting tells where duty is taken. */
  enter(me: Me): void {
    this.#is(me);
    this.signedOutWhy = null;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#line = new Connection(`${scheme}://${location.host}/v1/console`, {
      resume: () => ({ t: 'resume', console: this.#console, position: this.#fresh.position || null }),
      message: (message) => this.#heard(message),
      state: (state, attempt) => this.#lineChanged(state, attempt),
      outdated: () => this.#outdated(),
      replaced: () => {
        this.#console = uuid();
        remember('console', this.#console);
      },
      clock: (serverNow, sentAt) => this.clock.measured(serverNow, sentAt),
    });
    this.#line.start();
  }

  signOn(party: PartyView): void {
    remember('party', JSON.stringify(party));
    this.#line?.send({
      t: 'sign_on',
      party: party.party,
      id: party.id,
      sound: this.soundProven && this.soundRunning,
    });
    this.stage = 'desk';
    this.#look();
  }

  signOff(): void {
    remember('party', null);
    this.#line?.send({ t: 'sign_off' });
    this.stage = 'sign_on';
  }

  /** The operator has said that the tone is heard, or not. */
  proveSound(heard: boolean): void {
    this.soundProven = heard;
    remember('sound', heard ? 'proven' : null);
    if (this.duty) this.#line?.send({ t: 'sound', proven: heard && this.soundRunning });
  }

  async signOut(): Promise<void> {
    await api.signOut().catch(() => {});
    this.#leave(null);
  }

  select(id: string | null): void {
    this.selected = id;
    const card = id ? this.#fresh.cards.get(id) : undefined;
    if (card) this.#firstLook(card);
    if (id && this.view !== 'map') this.view = 'desk';
  }

  /** The presses on the card have been looked at. */
  markRead(card: Card): void {
    this.#read = this.#read.with(card, this.#fresh.cards);
    remember('read', this.#read.text);
  }

  /** A press joined that the operator has not confirmed to have seen. */
  unread(card: Card): boolean {
    return this.#read.unread(card);
  }

  /** The revision that was really looked at: an unread press keeps it below the press. */
  seen(card: Card): number {
    return this.unread(card) ? card.alarm_revision - 1 : card.revision;
  }

  /** What is not well and has not been put aside, the worst first. Without a line nothing is known. */
  get troubles(): Trouble[] {
    if (this.line !== 'open') return [];
    return this.#troubles.filter((one) => !one.standing || !this.#aside.has(troubleName(one)));
  }

  /** New calls would not appear: an empty queue means nothing. */
  get blind(): boolean {
    return this.troubles.some((one) => !one.standing);
  }

  putAside(trouble: Trouble): void {
    this.#aside = new Set(this.#aside).add(troubleName(trouble));
  }

  /** Asks for an act on an incident and tells of a refusal. */
  async act(card: Card, act: Act): Promise<Answer> {
    if (act.act === 'accept' || act.act === 'answer_support') {
      this.#alarm.silence(card.id);
      this.#look();
      hush();
    }
    const answer = await this.#outbox.ask(card.id, this.seen(card), act);
    if (!answer.ok) {
      if (act.act === 'accept' || act.act === 'answer_support') this.#alarm.resound(card.id);
      this.#look();
      this.tell(this.refusal(answer.refused), true);
    }
    return answer;
  }

  accept(card: Card | undefined = this.top): void {
    // A call that somebody holds is joined, not taken.
    const joins = card?.owner && card.support_as;
    if (!card || !(card.accept_as || joins)) return;
    this.view = 'desk';
    this.accepted += 1;
    this.select(card.id);
    void this.act(card, { act: joins ? 'answer_support' : 'accept' });
  }

  /** Takes a call from an owner who does not answer; on purpose only, never by the key that answers what rings. */
  takeOver(card: Card): Promise<Answer> {
    return this.act(card, { act: 'accept' });
  }

  /** Acts of this incident that wait for an answer. */
  waiting({ id }: { readonly id: string }): string[] {
    return this.pending ? this.#outbox.waitingFor(id) : [];
  }

  refusal(problem: Problem): string {
    const words = problem.code
      ? code('refusal', problem.code, { who: named(problem.who ?? '—', problem.who_en) })
      : problem.title;
    // A code without words of ours: the server's own are better than the bare code.
    return words === problem.code ? [problem.title, problem.detail].filter(Boolean).join(' · ') : words;
  }

  async openDetail(id: string): Promise<void> {
    if (this.board.cards.has(id)) return this.select(id);
    this.view = 'closed';
    try {
      const card = await api.incident(id);
      // Opened again meanwhile, and asked of us: it goes on where it lives.
      if (this.board.cards.has(id)) return this.select(id);
      this.detail = card;
      this.markRead(card);
    } catch (error) {
      this.tell(error instanceof Failed ? this.refusal(error.problem) : String(error), true);
    }
  }

  openReplay(id: string | null): void {
    this.replayOf = id;
    this.view = 'replay';
  }

  tell(text: string, bad = false): void {
    const toast = { id: (this.#toast += 1), text, bad };
    this.toasts = [...this.toasts, toast].slice(-TOAST_LIMIT);
    setTimeout(() => (this.toasts = this.toasts.filter(({ id }) => id !== toast.id)), TOAST_MS);
  }

  /** Somebody points at the queue: rows keep their places for a moment. */
  pointing(): void {
    this.#pointedAt = Date.now();
    this.still = true;
  }

  line_of(card: Card): string {
    return [named(card.place, card.place_en), code('kind', card.kind)].filter(Boolean).join(' · ');
  }

  #heard(message: ToPage): void {
    switch (message.t) {
      case 'hello':
        this.clock.heard(message.now);
        this.#is(message.me);
        this.duty = message.duty;
        this.#greeted();
        break;
      case 'snapshot':
        this.clock.heard(message.now);
        this.#changed(fromSnapshot(message.position, message.cards, message.counts));
        break;
      case 'changes': {
        this.clock.heard(message.now);
        const { board, gone } = withChanges(this.#fresh, message.position, message.changes, message.counts);
        this.lastEventAt = message.now;
        this.#changed(board);
        for (const { card, why, by, by_en } of gone) {
          // A whole city's closings would be a wall of words: told is what rang here, is mine or is being looked at.
          if (!card.rings_me && !card.mine && card.id !== this.selected) continue;
          const place = named(card.place, card.place_en);
          if (why === 'closed') this.tell(t('gone_closed', { place }));
          else if (why === 'accepted_elsewhere')
            this.tell(t('gone_accepted', { place, name: named(by ?? '—', by_en) }));
          else this.tell(t('gone_scope', { place }));
        }
        break;
      }
      case 'health':
        this.#healthy(message.troubles);
        break;
      case 'duty':
        this.duty = message.duty;
        this.#look();
        // The rows are on the screen already; only now does it count that they are seen.
        this.#draw();
        break;
      case 'result':
        if (message.refused && !message.command.includes('-')) this.#dutyRefused(message.refused);
        this.#outbox.answered(message.command, message.done, message.refused);
        break;
      case 'signed_out':
        this.#leave(message.why);
        break;
    }
  }

  /** What is put aside stays so until it has gone: if it comes again it is said again. */
  #healthy(troubles: readonly Trouble[]): void {
    const there = new Set(troubles.map(troubleName));
    this.#aside = new Set([...this.#aside].filter((name) => there.has(name)));
    this.#troubles = troubles;
  }

  /** What this tab keeps is one person's: another's sign-in elsewhere in the browser must not send or show it. */
  #is(me: Me): void {
    if ((recall('who') ?? me.operator) !== me.operator) {
      this.#outbox.clear();
      this.#read = Read.from(null);
      for (const key of ['read', 'party'] as const) remember(key, null);
      forget(sessionStorage);
      drafts.clear();
    }
    remember('who', me.operator);
    this.me = me;
  }

  #greeted(): void {
    const wanted = recall('party');
    if (!this.duty && wanted) {
      // This tab was on duty and never left it: loaded anew or forgotten by a restarted server, it takes duty again.
      const { party, id } = JSON.parse(wanted) as PartyView;
      queueMicrotask(() =>
        this.#line?.send({ t: 'sign_on', party, id, sound: this.soundProven && this.soundRunning }),
      );
    }
    if (this.duty)
      queueMicrotask(() => this.#line?.send({ t: 'sound', proven: this.soundProven && this.soundRunning }));
    if (this.stage !== 'desk') this.stage = this.duty || wanted ? 'desk' : 'sign_on';
    this.#shown.clear();
  }

  /** Taking or leaving duty was refused; commands have identifiers with dashes, these have a word. */
  #dutyRefused(problem: Problem): void {
    this.tell(this.refusal(problem), true);
    if (!this.duty && this.stage === 'desk') {
      remember('party', null);
      this.stage = 'sign_on';
    }
  }

  #changed(board: Board): void {
    this.#fresh = board;
    this.#look();
    this.#draw();
  }

  /** Straight from the message, never from a frame: what must sound, be spoken and be announced. */
  #look(): void {
    // Before the desk is open nobody is there to hear; what rings then is news as soon as it is.
    if (this.stage !== 'desk') return this.sound.ring(null);
    const { tone, raised } = this.#alarm.look(this.#fresh.cards.values());
    this.sound.ring(tone);
    if (raised.length === 0) return;
    speak(
      raised.map((card) =>
        card.owner && card.support_as
          ? `${spoken(card.place, card.kind)} ${inChinese.t(card.support?.unanswered ? 'spoken_unanswered' : 'spoken_support')}`
          : spoken(card.place, card.kind),
      ),
    );
    this.announced = raised
      .map((card) => t(card.presses > 1 ? 'announce_again' : 'announce', { line: this.line_of(card) }))
      .join(language() === 'en' ? '; ' : '；');
  }

  #flush(): void {
    const before = this.board;
    this.board = this.#fresh;
    const fresh = inOrder(this.#fresh.cards.values());
    this.rows = this.still ? holdingStill(this.rows, fresh) : fresh;
    this.#follow(before);
    keep(sessionStorage, this.#fresh.cards.values(), this.clock.now());
    // After the screen has changed: tell the server which offers a person can now see and hear.
    queueMicrotask(() => this.#confirmShown());
  }

  #follow(before: Board): void {
    for (const card of this.#fresh.cards.values()) {
      const old = before.cards.get(card.id);
      if (!old || !card.mine || card.presses <= old.presses) continue;
      // Mine and pressed again: it does not ring, but must not pass unheard.
      this.sound.test();
      this.announced = t('announce_again', { line: this.line_of(card) });
    }
    if (this.selected && !this.#fresh.cards.has(this.selected)) {
      const next = this.rows.find((card) => card.mine);
      this.selected = next?.id ?? null;
    }
    if (!this.selected && this.view === 'desk')
      this.selected = (this.top ?? this.rows.find((card) => card.mine))?.id ?? null;
    if (this.card) this.#firstLook(this.card);
  }

  /** A card on the screen for the first time: all its presses are in sight. */
  #firstLook(card: Card): void {
    if (this.#read.fresh(card)) this.markRead(card);
  }

  #outboxChanged(): void {
    this.pending = this.#outbox.size;
    remember('waiting', this.pending ? JSON.stringify(this.#outbox.pending) : null);
  }

  /** The answer to what was asked before the page was loaded anew: nobody waits for it any more, but a refusal is told. */
  #late({ command }: Pending, answer: Answer): void {
    if (!answer.ok)
      this.tell(
        t('offline_sent_late', { act: code('act', command.do.act), why: this.refusal(answer.refused) }),
        true,
      );
  }

  #confirmShown(): void {
    if (this.stage !== 'desk' || !this.duty) return;
    const sounded = this.soundRunning && this.sound.ringing !== null;
    if (document.hidden && !sounded) return;
    for (const card of this.#fresh.cards.values()) {
      if (!card.rings_me) continue;
      const what = `${card.offer?.ring}/${card.offer?.round}/${card.alarm_revision}/${card.support?.asked_at}/${sounded}`;
      if (this.#shown.get(card.id) === what) continue;
      if (this.#line?.send({ t: 'shown', incident: card.id, revision: card.revision, sounded }))
        this.#shown.set(card.id, what);
    }
  }

  #soundChanged(running: boolean): void {
    if (running === this.soundRunning) return;
    this.soundRunning = running;
    if (this.duty && this.soundProven) this.#line?.send({ t: 'sound', proven: running });
    this.#confirmShown();
  }

  #lineChanged(state: LineState, attempt: number): void {
    this.line = state;
    this.attempt = attempt;
    if (state === 'open') this.#outbox.reconnected();
    if (state === 'waiting') this.keptOffline = kept(sessionStorage);
  }

  #outdated(): void {
    const last = Number(recall('reloaded') ?? 0);
    // Once a minute at most: two servers of different age behind one address must not make the page spin.
    if (Date.now() - last < 60_000) this.outdated = true;
    else {
      remember('reloaded', String(Date.now()));
      location.reload();
    }
  }

  #leave(why: string | null): void {
    this.#line?.stop();
    this.#line = null;
    this.#outbox.clear();
    this.sound.ring(null);
    hush();
    forget(sessionStorage);
    drafts.clear();
    for (const key of ['party', 'sound', 'read', 'waiting', 'who'] as const) remember(key, null);
    this.#fresh = EMPTY;
    this.board = EMPTY;
    this.rows = [];
    this.#shown.clear();
    this.#read = Read.from(null);
    [this.selected, this.detail, this.replayOf, this.keptOffline, this.me, this.duty] = [
      null,
      null,
      null,
      null,
      null,
      null,
    ];
    [this.view, this.soundProven, this.signedOutWhy, this.stage] = ['desk', false, why, 'sign_in'];
  }

  #tick(): void {
    this.now = this.clock.now();
    if (this.still && Date.now() - this.#pointedAt > STILL_MS) {
      this.still = false;
      this.rows = inOrder(this.board.cards.values());
    }
  }
}

export const desk = new ConsoleState();
