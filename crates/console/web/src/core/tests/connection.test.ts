// For: the line that comes back by itself and misses nothing.
// May not know: a network; sockets are played.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromPage, ToPage } from '../../wire/wire';
import { backoff, BACKOFF_CAP_MS, Connection, SILENCE_LIMIT_MS, understood } from '../connection';

class Played {
  static all: Played[] = [];
  readyState: 0 | 1 | 2 | 3 = 0;
  sent: FromPage[] = [];
  closed = false;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  constructor(readonly url: string) {
    Played.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as FromPage);
  }
  close() {
    this.closed = true;
  }
  open() {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  say(message: unknown) {
    this.onmessage?.({
      data: typeof message === 'string' ? message : JSON.stringify(message),
    } as MessageEvent);
  }
  die(reason = '') {
    this.readyState = 3;
    this.onclose?.({ reason } as CloseEvent);
  }
}

const hello = (protocol = 1) => ({
  t: 'hello',
  protocol,
  version: '1',
  position: 5,
  now: 0,
  me: {},
  duty: null,
  replay: false,
  demo: true,
});

function line() {
  let position: number | null = null;
  const heard: ToPage[] = [];
  const states: string[] = [];
  const outdated = vi.fn();
  const replaced = vi.fn();
  const connection = new Connection(
    'ws://here/v1/console',
    {
      resume: () => ({ t: 'resume', console: 'c', position }),
      message: (message) => {
        heard.push(message);
        if ('position' in message) position = message.position;
      },
      state: (state) => states.push(state),
      outdated,
      replaced,
    },
    { socket: (url) => new Played(url), random: () => 1, now: Date.now },
  );
  connection.start();
  return {
    connection,
    heard,
    states,
    outdated,
    replaced,
    socket: () => Played.all[Played.all.length - 1] as Played,
  };
}

describe('the line', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    Played.all = [];
  });
  afterEach(() => vi.useRealTimers());

  it('resumes from the last position it has', () => {
    const { socket, states } = line();
    socket().open();
    expect(socket().sent[0]).toEqual({ t: 'resume', console: 'c', position: null });
    socket().say(hello());
    socket().say({ t: 'changes', position: 42, now: 1, changes: [], counts: {} });
    socket().die();
    expect(states[states.length - 1]).toBe('waiting');
    vi.advanceTimersByTime(BACKOFF_CAP_MS);
    socket().open();
    expect(Played.all).toHaveLength(2);
    expect(socket().sent[0]).toMatchObject({ t: 'resume', position: 42 });
  });

  it('sends nothing before the greeting', () => {
    const { connection, socket } = line();
    socket().open();
    expect(connection.send({ t: 'sign_off' })).toBe(false);
    socket().say(hello());
    expect(connection.send({ t: 'sign_off' })).toBe(true);
  });

  it('ignores messages it does not know or cannot read', () => {
    const { heard, socket } = line();
    socket().open();
    socket().say(hello());
    for (const odd of ['{"t":"weather"}', 'not json', 'null', '[]', '{"t":7}']) socket().say(odd);
    expect(heard.map(({ t }) => t)).toEqual(['hello']);
    expect(understood(new ArrayBuffer(2))).toBeNull();
  });

  it('asks for a reload when the server speaks another protocol, and does not come back', () => {
    const { outdated, socket } = line();
    socket().open();
    socket().say(hello(2));
    expect(outdated).toHaveBeenCalledWith(2);
    vi.advanceTimersByTime(60_000);
    expect(Played.all).toHaveLength(1);
  });

  it('gives up a line on which nothing is heard', () => {
    const { socket } = line();
    socket().open();
    socket().say(hello());
    const first = socket();
    vi.advanceTimersByTime(SILENCE_LIMIT_MS + 20_000);
    expect(first.closed).toBe(true);
    expect(Played.all.length).toBeGreaterThan(1);
  });

  it('ends for good when it is stopped or the session is over', () => {
    const { heard, socket } = line();
    socket().open();
    socket().say(hello());
    socket().say({ t: 'signed_out', why: 'expired' });
    vi.advanceTimersByTime(60_000);
    expect(heard.map(({ t }) => t)).toEqual(['hello', 'signed_out']);
    expect(Played.all).toHaveLength(1);
  });

  it('takes another name when a second tab has taken its own', () => {
    const { socket, replaced } = line();
    socket().open();
    socket().say(hello());
    socket().die('replaced');
    expect(replaced).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(BACKOFF_CAP_MS);
    expect(Played.all).toHaveLength(2);
  });

  it('waits longer each time, never beyond the cap, and never the same for all', () => {
    const waits = [0, 1, 2, 3, 9, 50].map((attempt) => backoff(attempt, () => 1));
    expect(waits).toEqual([300, 600, 1200, 2400, 5000, 5000]);
    expect(backoff(3, () => 0)).toBe(1200);
  });
});
