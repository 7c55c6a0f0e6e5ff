// For: commands on their way: each keeps its id until it is answered, and is sent again with that id after a reconnect.
// May not know: sockets, the screen.
import type { Act, CommandIn, CommandOut, Problem } from '../wire/wire';
import { uuid } from './ids';

export type Answer = { ok: true; done: CommandOut } | { ok: false; refused: Problem };

export interface Pending {
  readonly incident: string;
  readonly command: CommandIn;
}

/** Unanswered commands one page may hold. Ours: more means the operator is pressing against a dead line, and is told. */
export const PENDING_LIMIT = 64;

const FULL: Problem = {
  type: '/problems/outbox-full',
  title: 'outbox full',
  status: 503,
  code: 'outbox_full',
};

/** What a page loaded anew finds of its earlier self; anything that is not a waiting command is passed over. */
export function readPending(text: string | null): Pending[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return (Array.isArray(value) ? (value as Partial<Pending>[]) : []).filter(
      (one): one is Pending =>
        typeof one?.incident === 'string' &&
        typeof one.command?.id === 'string' &&
        typeof one.command.do?.act === 'string',
    );
  } catch {
    return [];
  }
}

export class Outbox {
  #pending = new Map<string, Pending & { resolve: (answer: Answer) => void }>();

  /** `send` returns false when there is no connection; the command then waits for `reconnected`. */
  constructor(
    private readonly send: (pending: Pending) => boolean,
    private readonly changed: () => void = () => {},
  ) {}

  /** Asks for something; resolves with the server's answer, however long the connection is away. */
  ask(incident: string, seen: number | null, act: Act): Promise<Answer> {
    if (this.#pending.size >= PENDING_LIMIT) return Promise.resolve({ ok: false, refused: FULL });
    const pending: Pending = { incident, command: { id: uuid(), seen, do: act } };
    return new Promise((resolve) => {
      this.#pending.set(pending.command.id, { ...pending, resolve });
      this.send(pending);
      this.changed();
    });
  }

  /** Takes up what waited when the page was loaded anew: it goes out with the line, under the ids it had. */
  restore(waiting: readonly Pending[], late: (pending: Pending, answer: Answer) => void): void {
    for (const pending of waiting.slice(0, PENDING_LIMIT)) {
      const { incident, command } = pending;
      this.#pending.set(command.id, { incident, command, resolve: (answer) => late(pending, answer) });
    }
    this.changed();
  }

  /** What is unanswered, in the order asked. */
  get pending(): Pending[] {
    return [...this.#pending.values()].map(({ incident, command }) => ({ incident, command }));
  }

  /** Everything unanswered goes out again, in the order asked, with the same ids. */
  reconnected(): void {
    for (const { incident, command } of this.#pending.values()) this.send({ incident, command });
  }

  /** An answer arrived; one to an unknown or already answered command is ignored. */
  answered(command: string, done: CommandOut | null, refused: Problem | null): void {
    const pending = this.#pending.get(command);
    if (!pending || (!done && !refused)) return;
    this.#pending.delete(command);
    pending.resolve(done ? { ok: true, done } : { ok: false, refused: refused as Problem });
    this.changed();
  }

  /** Acts on this incident that wait for an answer. */
  waitingFor(incident: string): string[] {
    return [...this.#pending.values()].filter((p) => p.incident === incident).map((p) => p.command.do.act);
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Sign-out: nothing more is sent. */
  clear(): void {
    this.#pending.clear();
    this.changed();
  }
}
