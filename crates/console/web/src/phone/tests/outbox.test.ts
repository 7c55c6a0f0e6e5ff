// For: reports that survive a stairwell without network.
// May not know: the screen, the line.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Failed } from '../../core/api';
import type { Act, CommandIn, CommandOut, Problem } from '../../wire/wire';
import { ACCEPT_LASTS_MS, ITEM_LIMIT, PhoneOutbox, type Item } from '../outbox';

const KEY = 'anling.m.outbox';
const ARRIVE: Act = { act: 'arrive', responder: 'r' };
const DEPART: Act = { act: 'send_responder', responder: 'r' };
const ACCEPT: Act = { act: 'accept' };

const refusal = (status: number, code?: string): Problem => ({
  type: 'about:blank',
  title: 'no',
  status,
  ...(code ? { code } : {}),
});

/** A server that answers a repeated id with its first result, and a network that can be cut on either way. */
function server() {
  const received: CommandIn[] = [];
  const results = new Map<string, CommandOut>();
  const state = { cut: false, answersLost: 0, problem: null as Problem | null };
  const send = (_incident: string, command: CommandIn): Promise<CommandOut> => {
    if (state.cut) return Promise.reject(new Failed(refusal(0, 'no_answer')));
    received.push(command);
    if (state.problem) return Promise.reject(new Failed(state.problem));
    const first = results.get(command.id);
    const out = first ?? { revision: results.size + 1, position: results.size + 1, repeated: false };
    results.set(command.id, out);
    if (state.answersLost > 0) {
      state.answersLost -= 1;
      return Promise.reject(new Failed(refusal(0, 'no_answer')));
    }
    return Promise.resolve({ ...out, repeated: first !== undefined });
  };
  return { received, results, state, send };
}

function phone(send: ReturnType<typeof server>['send'], owner = 'op/r') {
  const done: { item: Item; out: CommandOut }[] = [];
  const refused: { item: Item; problem: Problem }[] = [];
  let signedOut = 0;
  const outbox = new PhoneOutbox(localStorage, send, {
    changed: () => {},
    done: (item, out) => void done.push({ item, out }),
    refused: (item, problem) => void refused.push({ item, problem }),
    signedOut: () => void (signedOut += 1),
    serverTime: (at) => at + CLOCK_OFF_MS,
  });
  outbox.belongsTo(owner);
  return { outbox, done, refused, signedOuts: () => signedOut };
}

/** How much this phone's clock is behind the server's. */
const CLOCK_OFF_MS = 2_000;
const settled = () => vi.advanceTimersByTimeAsync(0);
const acts = (commands: readonly CommandIn[]) => commands.map((command) => command.do.act);

describe('the phone’s outbox', () => {
  beforeEach(() => {
    localStorage.clear();
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('sends at once where there is a network, with the revision that was on the screen', async () => {
    const { send, received } = server();
    const { outbox, done } = phone(send);
    outbox.add('i', 7, DEPART);
    await settled();
    expect(received[0]).toMatchObject({ seen: 7, do: DEPART });
    expect(done).toHaveLength(1);
    expect(outbox.items).toEqual([]);
  });

  it('says when it was tapped, by the server’s clock, however late it is sent', async () => {
    const { send, received, state } = server();
    const { outbox } = phone(send);
    state.cut = true;
    const tapped = Date.now();
    outbox.add('i', 7, { act: 'arrive', responder: 'r' });
    await vi.advanceTimersByTimeAsync(8 * 60_000);
    state.cut = false;
    await outbox.kick();
    expect(received.at(-1)).toMatchObject({ at: tapped + CLOCK_OFF_MS, do: { act: 'arrive' } });
  });

  it('keeps what was tapped without network and sends it in that order when told that the network is back', async () => {
    const { send, received, state } = server();
    const { outbox } = phone(send);
    state.cut = true;
    for (const act of [DEPART, { act: 'delay_responder', responder: 'r', minutes: 9 } as Act, ARRIVE])
      outbox.add('i', 1, act);
    await settled();
    expect(outbox.items).toHaveLength(3);
    state.cut = false;
    await outbox.kick();
    expect(acts(received)).toEqual(['send_responder', 'delay_responder', 'arrive']);
    expect(outbox.items).toEqual([]);
  });

  it('tries again by itself within seconds', async () => {
    const { send, received, state } = server();
    const { outbox } = phone(send);
    state.cut = true;
    outbox.add('i', 1, ARRIVE);
    await vi.advanceTimersByTimeAsync(60_000);
    state.cut = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(acts(received)).toEqual(['arrive']);
  });

  it('survives a reload with the same ids', async () => {
    const { send, received, state } = server();
    state.cut = true;
    const before = phone(send);
    before.outbox.add('i', 1, DEPART);
    before.outbox.add('i', 2, ARRIVE);
    await settled();
    const ids = before.outbox.items.map((item) => item.command.id);
    vi.clearAllTimers();

    state.cut = false;
    const after = phone(send);
    expect(after.outbox.items.map((item) => item.command.id)).toEqual(ids);
    await settled();
    expect(received.map((command) => command.id)).toEqual(ids);
    expect(after.outbox.items).toEqual([]);
    expect(JSON.parse(localStorage.getItem(KEY) ?? '{}').items).toEqual([]);
  });

  it('sends again with the same id when only the answer was lost, and it acts once', async () => {
    const { send, received, results, state } = server();
    const { outbox, done } = phone(send);
    state.answersLost = 2;
    outbox.add('i', 1, ARRIVE);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(received).toHaveLength(3);
    expect(new Set(received.map((command) => command.id)).size).toBe(1);
    expect(results.size).toBe(1);
    expect(done).toHaveLength(1);
    expect(done[0]?.out.repeated).toBe(true);
  });

  it('removes what is refused, says why, and goes on with the next', async () => {
    const { send, state, received } = server();
    const { outbox, refused, done } = phone(send);
    state.cut = true;
    outbox.add('i', 1, ARRIVE);
    await settled();
    state.cut = false;
    state.problem = refusal(409, 'not_on_the_way');
    await outbox.kick();
    expect(refused.map(({ problem }) => problem.code)).toEqual(['not_on_the_way']);
    expect(outbox.items).toEqual([]);
    state.problem = null;
    outbox.add('i', 1, { act: 'ask_support' });
    await settled();
    expect(acts(received)).toEqual(['arrive', 'ask_support']);
    expect(done).toHaveLength(1);
  });

  it.each([500, 503, 429, 408])('waits when the server answers %i: nothing is lost', async (status) => {
    const { send, state } = server();
    const { outbox, refused, done } = phone(send);
    state.problem = refusal(status);
    outbox.add('i', 1, ARRIVE);
    await settled();
    expect(outbox.items).toHaveLength(1);
    state.problem = null;
    await vi.advanceTimersByTimeAsync(5_000);
    expect([refused.length, done.length, outbox.items.length]).toEqual([0, 1, 0]);
  });

  it('keeps everything when the session has ended, for the same person to sign in again', async () => {
    const { send, state, received } = server();
    const { outbox, signedOuts, done } = phone(send);
    state.problem = refusal(401);
    outbox.add('i', 1, ARRIVE);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(signedOuts()).toBe(1);
    expect(received).toHaveLength(1);
    state.problem = null;
    outbox.belongsTo('op/r');
    await settled();
    expect(done).toHaveLength(1);
  });

  it('never sends what another person reported', async () => {
    const { send, state, received } = server();
    state.cut = true;
    phone(send).outbox.add('i', 1, ARRIVE);
    await settled();
    vi.clearAllTimers();
    state.cut = false;
    const { outbox } = phone(send, 'op/other');
    await settled();
    expect(received).toEqual([]);
    expect(outbox.items).toEqual([]);
  });

  it('drops an acceptance that could not be sent for a minute, and nothing else', async () => {
    const { send, state, received } = server();
    const { outbox, refused } = phone(send);
    state.cut = true;
    outbox.add('i', 1, ACCEPT);
    outbox.add('i', 1, ARRIVE);
    await vi.advanceTimersByTimeAsync(ACCEPT_LASTS_MS + 1_000);
    state.cut = false;
    await outbox.kick();
    expect(refused.map(({ problem }) => problem.code)).toEqual(['expired']);
    expect(acts(received)).toEqual(['arrive']);
  });

  it('forgets everything at sign-out, and an answer that comes later changes nothing', async () => {
    let answer: (out: CommandOut) => void = () => {};
    const { outbox, done } = phone(() => new Promise((resolve) => (answer = resolve)));
    outbox.add('i', 1, { act: 'add_note', text: '门锁坏了' });
    expect(localStorage.getItem(KEY)).toContain('门锁坏了');
    outbox.clear();
    expect(localStorage.getItem(KEY)).toBeNull();
    answer({ revision: 2, position: 2, repeated: false });
    await settled();
    expect(done).toEqual([]);
    expect(outbox.items).toEqual([]);
  });

  it('is bounded and says so', async () => {
    const { send, state } = server();
    const { outbox, refused } = phone(send);
    state.cut = true;
    for (let n = 0; n <= ITEM_LIMIT; n += 1) outbox.add('i', n, ARRIVE);
    expect(outbox.items).toHaveLength(ITEM_LIMIT);
    expect(refused.map(({ problem }) => problem.code)).toEqual(['outbox_full']);
  });

  it('works on without a store and admits it', async () => {
    const { send, received } = server();
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
      removeItem: () => {},
    } as unknown as Storage;
    const outbox = new PhoneOutbox(full, send, {
      changed: () => {},
      done: () => {},
      refused: () => {},
      signedOut: () => {},
      serverTime: (at) => at,
    });
    outbox.belongsTo('op/r');
    outbox.add('i', 1, ARRIVE);
    expect(outbox.stored).toBe(false);
    await settled();
    expect(acts(received)).toEqual(['arrive']);
  });

  it('starts empty from a store that holds nonsense', () => {
    localStorage.setItem(KEY, '{"owner":3,"items":"x"}');
    expect(phone(server().send).outbox.items).toEqual([]);
  });
});
