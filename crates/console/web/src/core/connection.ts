// For: the live line to the server: connects, resumes from the last position, notices a dead line, comes back by itself.
// May not know: what the messages mean beyond those that keep the line itself.
import type { FromPage, ToPage } from '../wire/wire';

export type LineState = 'connecting' | 'open' | 'waiting' | 'closed';

/** The version of the protocol this page was built for. */
export const PROTOCOL = 1;
/** First wait before trying again; doubles each time. Milliseconds. */
export const BACKOFF_BASE_MS = 300;
/** Longest wait: an operator should not sit before a dead screen longer than this after the server is back. */
export const BACKOFF_CAP_MS = 5_000;
/** How often the line is asked whether it lives. */
export const PING_EVERY_MS = 2_000;
/**
 * Nothing heard for this long: the line is dead although the socket has not noticed. With the pings above it is noticed
 * within 8 s, before the server gives the console up after 9.
 */
export const SILENCE_LIMIT_MS = 6_000;

/** Wait before attempt `n` (from 0): exponential with full jitter over its upper half, so that a herd spreads out. */
export function backoff(attempt: number, random: () => number): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (random() * full) / 2);
}

/** Message of the server, or null for anything this page does not know. */
export function understood(data: unknown): ToPage | null {
  if (typeof data !== 'string') return null;
  try {
    const message = JSON.parse(data) as { t?: unknown } | null;
    const known = ['hello', 'snapshot', 'changes', 'duty', 'result', 'pong', 'health', 'signed_out'];
    return message && typeof message.t === 'string' && known.includes(message.t) ? (message as ToPage) : null;
  } catch {
    return null;
  }
}

export interface Hooks {
  /** First message of each connection; null in a replay, which has no past to resume. */
  resume: () => FromPage | null;
  message: (message: ToPage) => void;
  state: (state: LineState, attempt: number) => void;
  /** The server speaks another protocol: the page must be loaded anew. */
  outdated: (serverProtocol: number) => void;
  /** Another tab has taken this console's name (a tab was duplicated): it needs one of its own. */
  replaced?: () => void;
  /** Local time a ping was sent and the server's time it was answered with. */
  clock?: (serverNow: number, sentAt: number) => void;
}

type Socket = Pick<WebSocket, 'send' | 'close' | 'readyState'> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

export interface Means {
  socket: (url: string) => Socket;
  random: () => number;
  now: () => number;
}

const OWN: Means = {
  socket: (url) => new WebSocket(url),
  random: Math.random,
  now: Date.now,
};

export class Connection {
  #socket: Socket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #pulse: ReturnType<typeof setInterval> | null = null;
  #heardAt = 0;
  #pings = new Map<number, number>();
  #n = 0;
  #stopped = false;
  #ready = false;

  constructor(
    private readonly url: string,
    private readonly hooks: Hooks,
    private readonly means: Means = OWN,
  ) {}

  /** Connects now, also when a retry was waiting. */
  start(): void {
    this.#stopped = false;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#socket) return;
    this.#open();
  }

  /** Ends the line for good. */
  stop(): void {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#drop();
    this.hooks.state('closed', 0);
  }

  /** Sends if the line is open and greeted; false otherwise. */
  send(message: FromPage): boolean {
    if (!this.#socket || !this.#ready || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #open(): void {
    this.hooks.state('connecting', this.#attempt);
    const socket = this.means.socket(this.url);
    this.#socket = socket;
    this.#heardAt = this.means.now();
    socket.onopen = () => {
      const first = this.hooks.resume();
      if (first) socket.send(JSON.stringify(first));
    };
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => {
      if (event.reason === 'replaced') this.hooks.replaced?.();
      this.#lost(socket);
    };
    this.#pulse = setInterval(() => this.#check(socket), PING_EVERY_MS);
  }

  #heard(data: unknown): void {
    this.#heardAt = this.means.now();
    const message = understood(data);
    if (!message) return;
    if (message.t === 'hello') {
      if (message.protocol !== PROTOCOL) {
        this.stop();
        this.hooks.outdated(message.protocol);
        return;
      }
      this.#attempt = 0;
      this.#ready = true;
      this.hooks.message(message);
      this.hooks.state('open', 0);
      this.#ping();
      return;
    }
    if (message.t === 'pong') {
      const sentAt = this.#pings.get(message.n);
      this.#pings.delete(message.n);
      if (sentAt !== undefined) this.hooks.clock?.(message.now, sentAt);
    }
    if (message.t === 'signed_out') {
      this.hooks.message(message);
      this.stop();
      return;
    }
    this.hooks.message(message);
  }

  #ping(): void {
    this.#n += 1;
    if (this.send({ t: 'ping', n: this.#n })) this.#pings.set(this.#n, this.means.now());
  }

  #check(socket: Socket): void {
    if (this.means.now() - this.#heardAt > SILENCE_LIMIT_MS) this.#lost(socket);
    else this.#ping();
  }

  #lost(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (this.#stopped) return;
    const wait = backoff(this.#attempt, this.means.random);
    this.#attempt += 1;
    this.hooks.state('waiting', this.#attempt);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#open();
    }, wait);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#pings.clear();
    if (this.#pulse !== null) clearInterval(this.#pulse);
    this.#pulse = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
