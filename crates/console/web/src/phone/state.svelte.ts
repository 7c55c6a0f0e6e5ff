// For: the one state of the phone page: who is signed in, the calls, what rings, what is kept; and the acts on a call.
// May not know: markup. The rules live in `core`, `calls` and `outbox`; this ties them to the line and the phone.
import { api, Failed } from '../core/api';
import { EMPTY, fromSnapshot, inOrder, withChanges, type Board, type Gone } from '../core/board';
import { ServerClock } from '../core/clock';
import { Connection, type LineState } from '../core/connection';
import { soon } from '../core/flush';
import { timeOfDay } from '../core/format';
import { uuid } from '../core/ids';
import { code, named } from '../i18n/words.svelte';
import type { About, Act, Card, Me, Problem, ToPage, Trouble } from '../wire/wire';
import { signInByToken, tokenOf } from './api';
import { myCalls, ringsHere, unsent, withReports, type Report } from './calls';
import { Bell } from './bell.svelte';
import { Awake } from './device';
import { forget, keep, kept } from './keep';
import { PhoneOutbox, type Item } from './outbox';
import { actName, w, whyRefused, type Word } from './words';

/** Screen clock. Milliseconds: seconds must not seem to jump. */
const TICK_MS = 250;
/** A line that comes back within this time is not worth a word. Milliseconds. */
const LOST_AFTER_MS = 2_500;
/** Sign-in is tried again this often while the server does not answer. Milliseconds. */
const AGAIN_MS = 3_000;
/** Troubles of the house that a carer is told of. */
const TROUBLES: Readonly<Record<string, Word>> = {
  log_away: 'health_log_away',
  no_dispatcher: 'health_no_dispatcher',
};
/** Fewer would ask the server at every hiccup whether the session still lives. Attempts. */
const ASK_AFTER_ATTEMPTS = 3;

export interface Notice {
  readonly id: string;
  readonly text: string;
  readonly bad: boolean;
}

export class PhoneState {
  stage = $state<'starting' | 'sign_in' | 'live'>('starting');
  about = $state.raw<About | null>(null);
  me = $state.raw<Me | null>(null);
  line = $state<LineState>('connecting');
  now = $state(Date.now());
  /** When the server was last heard, by this phone's clock. */
  heardAt = $state(0);
  networkGone = $state(navigator.onLine === false);
  board = $state.raw<Board>(EMPTY);
  chosen = $state<string | null>(null);
  items = $state.raw<readonly Item[]>([]);
  stored = $state(true);
  notices = $state.raw<readonly Notice[]>([]);
  /** A call of ours that is over, without anything personal. */
  gone = $state.raw<{ place: string; why: string; by: string | null } | null>(null);
  trouble = $state.raw<Problem | null>(null);
  tokenTrouble = $state(false);
  signedOutWhy = $state<string | null>(null);
  sessionLost = $state(false);
  outdated = $state(false);

  readonly clock = new ServerClock();
  readonly bell = new Bell();
  readonly #awake = new Awake();
  /** Kept over reconnects only: a phone takes no duty that would have to be found again. */
  readonly #console = uuid();
  readonly #outbox = new PhoneOutbox(localStorage, (incident, command) => api.command(incident, command), {
    changed: (items) => this.#outboxChanged(items),
    done: (item, out) => this.#done(item, out.revision),
    refused: (item, problem) => this.#refused(item, problem),
    signedOut: () => void this.#sessionOver(),
    serverTime: (at) => at + this.clock.offset,
  });
  readonly #draw = soon(() => this.#flush());
  #fresh: Board = EMPTY;
  #line: Connection | null = null;
  #lostAt = $state(Date.now());
  #settled = $state.raw<readonly Report[]>([]);
  #accepted = $state.raw<ReadonlySet<string>>(new Set());
  #read = $state.raw<ReadonlyMap<string, number>>(new Map());
  #troubles = $state.raw<readonly Trouble[]>([]);
  #shown = new Map<string, string>();
  #again: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    this.items = this.#outbox.items;
    setInterval(() => this.#tick(), TICK_MS);
    addEventListener('online', () => this.#network(true));
    addEventListener('offline', () => this.#network(false));
    addEventListener('hashchange', () => void this.begin());
    for (const kind of ['pointerdown', 'keydown'] as const)
      addEventListener(kind, () => this.stage === 'live' && this.bell.unlock());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.#line?.start();
      void this.#outbox.kick();
    });
  }

  get zone(): string {
    return this.about?.time_zone ?? 'Asia/Shanghai';
  }

  /** What a carer must know of the house's own troubles; how safe the copies are is the desk's affair. */
  get troubles(): { code: string; word: Word; fill: Record<string, string> }[] {
    if (this.line !== 'open') return [];
    return this.#troubles.flatMap(({ code, since }) => {
      const word = TROUBLES[code];
      const time = since === null ? '—' : timeOfDay(since, this.zone).slice(0, 5);
      return word ? [{ code, word, fill: { time, phone: this.dutyPhone } }] : [];
    });
  }

  get dutyPhone(): string {
    return (
      this.me?.parties[0]?.phone ||
      this.about?.duty_phone ||
      (import.meta.env['VITE_DUTY_PHONE'] as string) ||
      ''
    );
  }

  /** Nothing is heard from the server, or the phone says that there is no network. */
  get offline(): boolean {
    if (this.networkGone) return true;
    return this.stage === 'live' && this.line !== 'open' && this.now - this.#lostAt > LOST_AFTER_MS;
  }

  /** Reports that a card may not show yet, oldest first. */
  get reports(): readonly Report[] {
    const waiting = this.items.map((item): Report => ({
      incident: item.incident,
      act: item.command.do,
      at: item.at + this.clock.offset,
      revision: null,
    }));
    return [...this.#settled, ...waiting];
  }

  /** This carer's calls as they look with everything reported. */
  get calls(): Card[] {
    const { me, reports } = this;
    if (!me) return [];
    const cards = [...this.board.cards.values()].map((card) => withReports(card, reports, me));
    return myCalls(cards, me, this.#accepted);
  }

  get call(): Card | null {
    const calls = this.calls;
    const chosen = calls.find((card) => card.id === this.chosen);
    if (chosen) return chosen;
    if (calls[0]) return calls[0];
    // Opened from the list of what the own desk has accepted: read, perhaps taken.
    return this.atMySite.find((card) => card.id === this.chosen) ?? null;
  }

  get atMySite(): Card[] {
    return this.me ? unsent(this.board.cards.values(), this.me, this.#accepted) : [];
  }

  /** What rings here, most pressing first. */
  get ringing(): Card[] {
    return inOrder([...this.board.cards.values()].filter(ringsHere));
  }

  /** Acts on this call that have not reached the server. */
  waiting(card: Card): string[] {
    return this.items.filter((item) => item.incident === card.id).map((item) => item.command.do.act);
  }

  /** A press joined that the carer has not confirmed to have seen. */
  unread(card: Card): boolean {
    const read = this.#read.get(card.id);
    return read !== undefined && read < card.alarm_revision;
  }

  markRead(card: Card): void {
    this.#read = new Map(this.#read).set(card.id, card.alarm_revision);
  }

  line_of(card: Card): string {
    return [named(card.place, card.place_en), code('kind', card.kind)].filter(Boolean).join(' · ');
  }

  /** The page opens, or a QR code was scanned while it was open. */
  async begin(): Promise<void> {
    if (this.#again !== null) clearTimeout(this.#again);
    this.#again = null;
    void api.about().then(
      (about) => (this.about = about),
      () => {},
    );
    const token = tokenOf(location.hash);
    this.tokenTrouble = false;
    this.trouble = null;
    try {
      const { me } = token ? await signInByToken(token) : await api.session();
      this.#dropToken();
      this.enter(me);
    } catch (error) {
      const problem = error instanceof Failed ? error.problem : null;
      const unreachable = !problem || problem.status === 0 || problem.status >= 500 || problem.status === 429;
      if (!unreachable) this.#dropToken();
      if (unreachable && this.#openKept()) return;
      if (token && !unreachable) {
        // The code is no good; somebody who is signed in already stays so.
        this.tokenTrouble = true;
        if (this.me && !this.sessionLost) return;
        const session = await api.session().catch(() => null);
        if (session) return this.enter(session.me);
      }
      if (!unreachable) forget(localStorage);
      if (unreachable) this.trouble = problem;
      this.stage = 'sign_in';
      if (unreachable) this.#again = setTimeout(() => void this.begin(), AGAIN_MS);
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    if (this.#again !== null) clearTimeout(this.#again);
    this.enter((await api.signIn(name, password)).me);
  }

  /** Signed in: what another person left here is dropped, and the line is opened. */
  enter(me: Me): void {
    const before = kept(localStorage);
    const owner = this.#ownerOf(me);
    if (before && this.#ownerOf(before.me) === owner) this.#restore();
    else forget(localStorage);
    if (this.me && this.#ownerOf(this.me) !== owner) this.#empty();
    this.me = me;
    this.signedOutWhy = null;
    this.trouble = null;
    this.tokenTrouble = false;
    this.sessionLost = false;
    this.stage = 'live';
    this.#outbox.belongsTo(owner);
    this.#connect();
  }

  async signOut(): Promise<void> {
    this.#outbox.clear();
    this.#leave(null);
    await api.signOut().catch(() => {});
  }

  /** Reports something; it is on this phone's store before this returns. */
  act(card: Card, act: Act): void {
    if (act.act === 'accept') this.mute(card);
    if (!this.#outbox.add(card.id, card.revision, act)) return;
    navigator.vibrate?.(30);
    this.#keep();
  }

  accept(card: Card): void {
    this.act(card, { act: 'accept' });
  }

  depart(card: Card, responder: string): void {
    this.chosen = card.id;
    this.#accepted = new Set(this.#accepted).add(card.id);
    // Sent by the desk already, or by themselves; of whoever goes for another account both is said.
    const sent = card.responders.some((leg) => leg.responder === responder);
    if (!sent) this.act(card, { act: 'send_responder', responder });
    if (sent || this.me?.responder !== responder) this.act(card, { act: 'set_out', responder });
  }

  mute(card: Card): void {
    this.bell.mute(card);
    this.#look();
  }

  dismiss(id: string): void {
    this.notices = this.notices.filter((notice) => notice.id !== id);
  }

  #ownerOf(me: Me): string {
    return `${me.operator}/${me.responder ?? ''}`;
  }

  #dropToken(): void {
    if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  }

  /** Without network: go on with what is kept. False when nothing is. */
  #openKept(): boolean {
    const before = kept(localStorage);
    if (!before || this.stage === 'live') return this.stage === 'live';
    this.me = before.me;
    this.#restore();
    this.stage = 'live';
    this.#outbox.belongsTo(this.#ownerOf(before.me));
    this.#connect();
    return true;
  }

  #restore(): void {
    const before = kept(localStorage);
    if (!before || this.board.cards.size > 0) return;
    this.clock.heard(Date.now() + before.offset);
    this.heardAt = before.heardAt;
    this.#accepted = new Set(before.accepted);
    this.board = fromSnapshot(0, before.calls, this.board.counts);
    for (const card of before.calls) this.markRead(card);
    this.#awake.want(before.calls.length > 0);
  }

  #connect(): void {
    this.#line?.stop();
    this.#lostAt = this.clock.now();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#line = new Connection(`${scheme}://${location.host}/v1/console`, {
      resume: () => ({ t: 'resume', console: this.#console, position: this.#fresh.position || null }),
      message: (message) => this.#heard(message),
      state: (state, attempt) => this.#lineChanged(state, attempt),
      outdated: () => (this.outdated = true),
      clock: (serverNow, sentAt) => this.clock.measured(serverNow, sentAt),
    });
    this.#line.start();
  }

  #heard(message: ToPage): void {
    this.heardAt = Date.now();
    switch (message.t) {
      case 'hello':
        this.clock.heard(message.now);
        this.me = message.me;
        this.#shown.clear();
        break;
      case 'snapshot':
        this.clock.heard(message.now);
        this.#changed(fromSnapshot(message.position, message.cards, message.counts), []);
        break;
      case 'changes': {
        this.clock.heard(message.now);
        const { board, gone } = withChanges(this.#fresh, message.position, message.changes, message.counts);
        this.#changed(board, gone);
        break;
      }
      case 'health':
        this.#troubles = message.troubles;
        break;
      case 'signed_out':
        this.#leave(message.why);
        break;
    }
  }

  #changed(board: Board, gone: readonly Gone[]): void {
    const { me } = this;
    // Not what is on the screen: messages may come faster than it is drawn.
    const before = this.#fresh === EMPTY ? this.board : this.#fresh;
    this.#fresh = board;
    if (me) {
      for (const old of myCalls(before.cards.values(), me, this.#accepted)) {
        const now = board.cards.get(old.id);
        if (!now || now.phase === 'resolved') {
          const left = gone.find(({ card }) => card.id === old.id);
          this.#over(
            old,
            left?.why ?? (now || this.#closedHere(old) ? 'closed' : 'away'),
            left?.by ? named(left.by, left.by_en) : null,
          );
        } else if (now.presses > old.presses && this.#read.has(old.id)) this.bell.once();
      }
    }
    this.#settled = this.#settled.filter(
      ({ incident, revision }) => (board.cards.get(incident)?.revision ?? Infinity) < (revision ?? 0),
    );
    this.#look();
    this.#draw();
  }

  /** After a reconnect the server only says what is there; what was closed from this phone is known anyway. */
  #closedHere(card: Card): boolean {
    return this.reports.some(({ incident, act }) => incident === card.id && act.act === 'resolve');
  }

  /** A call of ours is over: nothing of it stays but where it was. */
  #over(card: Card, why: string, by: string | null): void {
    this.gone = { place: named(card.place, card.place_en), why, by };
    const without = (set: ReadonlySet<string>) => new Set([...set].filter((id) => id !== card.id));
    this.#accepted = without(this.#accepted);
    this.#read = new Map([...this.#read].filter(([id]) => id !== card.id));
    if (this.chosen === card.id) this.chosen = null;
  }

  #look(): void {
    const audible = this.stage === 'live' && this.line !== 'closed' && !this.offline;
    this.bell.look(this.#fresh.cards.values(), audible);
  }

  #flush(): void {
    // Before the first greeting the kept calls stand.
    if (this.#fresh !== EMPTY) this.board = this.#fresh;
    for (const card of this.calls) if (!this.#read.has(card.id)) this.markRead(card);
    this.#awake.want(this.calls.length > 0 || this.ringing.length > 0);
    this.#keep();
    queueMicrotask(() => this.#confirmShown());
  }

  #keep(): void {
    const { me } = this;
    if (!me || this.stage !== 'live') return;
    const calls = myCalls(this.board.cards.values(), me, this.#accepted);
    const held = (set: ReadonlySet<string>) => [...set].filter((id) => this.board.cards.has(id));
    keep(localStorage, {
      me,
      heardAt: this.heardAt,
      offset: this.clock.offset,
      calls,
      accepted: held(this.#accepted),
    });
  }

  /** Tells the server which offers a person can now see and hear, where it asks this phone. */
  #confirmShown(): void {
    const sounded = this.bell.sounds;
    if (document.hidden && !sounded) return;
    for (const card of this.#fresh.cards.values()) {
      if (!card.rings_me) continue;
      const what = `${card.offer?.ring}/${card.offer?.round}/${card.alarm_revision}/${sounded}`;
      if (this.#shown.get(card.id) === what) continue;
      if (this.#line?.send({ t: 'shown', incident: card.id, revision: card.revision, sounded }))
        this.#shown.set(card.id, what);
    }
  }

  #lineChanged(state: LineState, attempt: number): void {
    if (this.line === 'open' && state !== 'open') this.#lostAt = this.clock.now();
    this.line = state;
    if (state === 'open') void this.#outbox.kick();
    // A refused line does not say why; the session may have ended.
    if (state === 'waiting' && attempt % ASK_AFTER_ATTEMPTS === 0) void this.#askSession();
    this.#look();
  }

  async #askSession(): Promise<void> {
    try {
      await api.session();
    } catch (error) {
      if (error instanceof Failed && error.problem.status === 401) this.#leave('expired');
    }
  }

  async #sessionOver(): Promise<void> {
    if (this.stage === 'live') this.#leave('expired');
  }

  #network(there: boolean): void {
    this.networkGone = !there;
    if (there) {
      this.#line?.start();
      void this.#outbox.kick();
      if (this.stage === 'sign_in' && this.trouble) void this.begin();
    }
    this.#look();
  }

  #outboxChanged(items: readonly Item[]): void {
    this.items = items;
    this.stored = this.#outbox.stored;
  }

  #done(item: Item, revision: number): void {
    const { incident } = item;
    const act = item.command.do;
    if (act.act === 'accept') {
      this.#accepted = new Set(this.#accepted).add(incident);
      this.chosen = incident;
    }
    if (act.act === 'ask_support') this.#tell(item.command.id, w('support_asked'), false);
    const known = this.#fresh.cards.get(incident);
    if (!known || known.revision < revision)
      this.#settled = [...this.#settled, { incident, act, at: item.at + this.clock.offset, revision }];
    this.#draw();
  }

  #refused(item: Item, problem: Problem): void {
    const { incident } = item;
    const act = item.command.do;
    if (act.act === 'accept') this.bell.resound(incident);
    this.#tell(item.command.id, w('refused', { what: actName(act.act), why: whyRefused(problem) }), true);
    this.#look();
  }

  #tell(id: string, text: string, bad: boolean): void {
    this.notices = [...this.notices.filter((notice) => notice.id !== id), { id, text, bad }].slice(-3);
    if (!bad) setTimeout(() => this.dismiss(id), 6_000);
  }

  /** Signed out: nothing of any call stays; reports that were not delivered wait for the same person. */
  #leave(why: string | null): void {
    this.#line?.stop();
    this.#line = null;
    forget(localStorage);
    this.#empty();
    this.me = null;
    this.sessionLost = why !== null;
    this.signedOutWhy = why;
    this.stage = 'sign_in';
    this.#look();
  }

  #empty(): void {
    this.#fresh = EMPTY;
    this.board = EMPTY;
    this.#settled = [];
    this.#accepted = new Set();
    this.#read = new Map();
    this.#shown.clear();
    this.#awake.want(false);
    [this.chosen, this.gone, this.notices] = [null, null, []];
  }

  #tick(): void {
    const before = this.offline;
    this.now = this.clock.now();
    if (this.offline !== before) this.#look();
  }
}

export const phone = new PhoneState();
