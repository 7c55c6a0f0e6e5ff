// For: what a carer has reported and the server has not answered: kept over reloads, sent in order, each with its own id
// until it is answered, so that a report that arrives twice acts once.
// May not know: the screen, the live line, what a report means (except that a late acceptance is no longer meant).
import { Failed } from '../core/api';
import { backoff } from '../core/connection';
import { uuid } from '../core/ids';
import type { Act, CommandIn, CommandOut, Problem } from '../wire/wire';

/** One report. */
export interface Item {
  readonly incident: string;
  readonly command: CommandIn;
  /** When it was tapped, by this phone's clock. */
  readonly at: number;
}

export interface Hooks {
  /** The list is another now. */
  changed: (items: readonly Item[]) => void;
  /** Done; also when it had been done before and only the answer was lost. */
  done: (item: Item, out: CommandOut) => void;
  /** The server, or time, said no. It is not sent again. */
  refused: (item: Item, problem: Problem) => void;
  /** Nobody is signed in: everything waits. */
  signedOut: () => void;
  /** A moment of this phone's by the server's clock, as far as it is known now. */
  serverTime: (at: number) => number;
}

/** Reports one phone may hold. Ours: a call has about ten steps; more means that nothing gets through and nobody noticed. */
export const ITEM_LIMIT = 64;
/** An acceptance that could not be sent for this long is dropped: somebody else has been rung since. Milliseconds. */
export const ACCEPT_LASTS_MS = 60_000;
const KEY = 'anling.m.outbox';

interface Stored {
  readonly owner: string;
  readonly items: readonly Item[];
}

const problem = (code: string): Problem => ({ type: `/problems/${code}`, title: code, status: 0, code });

export class PhoneOutbox {
  #owner = '';
  #items: readonly Item[] = [];
  #stored = true;
  #sending = false;
  #kicked = false;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly store: Storage,
    private readonly send: (incident: string, command: CommandIn) => Promise<CommandOut>,
    private readonly hooks: Hooks,
    private readonly now: () => number = Date.now,
  ) {
    const stored = this.#read();
    this.#owner = stored?.owner ?? '';
    this.#items = stored?.items ?? [];
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** False when this phone's store is full or forbidden: the reports live only as long as the page. */
  get stored(): boolean {
    return this.#stored;
  }

  /** Who is signed in. Reports of anybody else are dropped: nobody speaks for another. */
  belongsTo(owner: string): void {
    if (this.#owner !== owner && this.#items.length > 0) this.#change(() => []);
    this.#owner = owner;
    void this.kick();
  }

  /** Keeps a report and sends it as soon as it can; false when there is no room. */
  add(incident: string, seen: number | null, act: Act): boolean {
    const item: Item = { incident, command: { id: uuid(), seen, do: act }, at: this.now() };
    if (this.#items.length >= ITEM_LIMIT) {
      this.hooks.refused(item, problem('outbox_full'));
      return false;
    }
    this.#change((items) => [...items, item]);
    void this.kick();
    return true;
  }

  /** Sends now what waits: the network is back, or somebody has just reported something. */
  async kick(): Promise<void> {
    this.#kicked = true;
    if (this.#sending) return;
    this.#sending = true;
    try {
      // Who kicks while something is being sent must not be forgotten: the answer may be a failure that waits.
      while (this.#kicked) {
        this.#kicked = false;
        this.#waitNoMore();
        while (await this.#sendFirst());
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Sign-out: nothing is kept, nothing more is sent. */
  clear(): void {
    this.#waitNoMore();
    this.#owner = '';
    this.#change(() => []);
    try {
      this.store.removeItem(KEY);
    } catch {
      // A store that cannot be reached holds nothing either.
    }
  }

  #waitNoMore(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** True when the next one may be sent at once. */
  async #sendFirst(): Promise<boolean> {
    const item = this.#items[0];
    if (!item || !this.#owner) return false;
    if (item.command.do.act === 'accept' && this.now() - item.at > ACCEPT_LASTS_MS) {
      this.#drop(item);
      this.hooks.refused(item, problem('expired'));
      return true;
    }
    try {
      // With when it was tapped: what could not be sent at once still happened then.
      const at = Math.round(this.hooks.serverTime(item.at));
      const out = await this.send(item.incident, { ...item.command, at });
      this.#attempt = 0;
      if (this.#drop(item)) this.hooks.done(item, out);
      return true;
    } catch (error) {
      return this.#failed(item, error instanceof Failed ? error.problem : problem('no_answer'));
    }
  }

  #failed(item: Item, why: Problem): boolean {
    if (why.status === 401) {
      this.hooks.signedOut();
      return false;
    }
    const later = why.status === 0 || why.status === 408 || why.status === 429 || why.status >= 500;
    if (!later) {
      this.#attempt = 0;
      if (this.#drop(item)) this.hooks.refused(item, why);
      return true;
    }
    if (this.#items.length === 0) return false;
    this.#waitNoMore();
    this.#retry = setTimeout(() => void this.kick(), backoff(this.#attempt, Math.random));
    this.#attempt += 1;
    return false;
  }

  /** False when it was no longer there: the page was signed out meanwhile. */
  #drop(item: Item): boolean {
    const there = this.#items.some(({ command }) => command.id === item.command.id);
    if (there) this.#change((items) => items.filter(({ command }) => command.id !== item.command.id));
    return there;
  }

  /** The store is asked each time: a second tab on the same phone writes there too. */
  #change(how: (items: readonly Item[]) => readonly Item[]): void {
    const there = this.#stored ? this.#read() : null;
    this.#items = how(there && there.owner === this.#owner ? there.items : this.#items);
    try {
      this.store.setItem(KEY, JSON.stringify({ owner: this.#owner, items: this.#items } satisfies Stored));
      this.#stored = true;
    } catch {
      this.#stored = false;
    }
    this.hooks.changed(this.#items);
  }

  #read(): Stored | null {
    try {
      const value = JSON.parse(this.store.getItem(KEY) ?? 'null') as Stored | null;
      return value && typeof value.owner === 'string' && Array.isArray(value.items) ? value : null;
    } catch {
      return null;
    }
  }
}
