// For: commands that survive a lost line.
// May not know: sockets.
import { describe, expect, it } from 'vitest';
import { uuid } from '../ids';
import { Outbox, PENDING_LIMIT, readPending, type Pending } from '../outbox';

const DONE = { revision: 4, position: 9, repeated: false };

function line() {
  const sent: Pending[] = [];
  let up = true;
  const outbox = new Outbox((pending) => (up ? sent.push(pending) > 0 : false));
  return { outbox, sent, cut: () => (up = false), mend: () => (up = true) };
}

describe('the outbox', () => {
  it('gives every command its own identifier of version 4', () => {
    const all = new Set(Array.from({ length: 200 }, uuid));
    expect(all.size).toBe(200);
    for (const one of all)
      expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('sends what was asked without a line when the line is back, with the same id', async () => {
    const { outbox, sent, cut, mend } = line();
    cut();
    const answer = outbox.ask('i', 7, { act: 'start_talk' });
    expect(sent).toEqual([]);
    mend();
    outbox.reconnected();
    outbox.reconnected();
    expect(new Set(sent.map(({ command }) => command.id)).size).toBe(1);
    expect(sent[0]?.command.seen).toBe(7);
    outbox.answered(sent[0]?.command.id ?? '', DONE, null);
    expect(await answer).toEqual({ ok: true, done: DONE });
    outbox.reconnected();
    expect(sent).toHaveLength(2);
  });

  it('keeps the order in which things were asked', () => {
    const { outbox, sent, cut, mend } = line();
    cut();
    void outbox.ask('i', 1, { act: 'accept' });
    void outbox.ask('i', 1, { act: 'start_talk' });
    mend();
    outbox.reconnected();
    expect(sent.map(({ command }) => command.do.act)).toEqual(['accept', 'start_talk']);
    expect(outbox.waitingFor('i')).toEqual(['accept', 'start_talk']);
  });

  it('hands on a refusal and ignores answers to nothing', async () => {
    const { outbox, sent } = line();
    const answer = outbox.ask('i', 1, { act: 'accept' });
    outbox.answered('unknown', DONE, null);
    outbox.answered(sent[0]?.command.id ?? '', null, {
      type: 'x',
      title: 'no',
      status: 409,
      code: 'already_accepted',
      who: '赵刚',
    });
    expect(await answer).toMatchObject({ ok: false, refused: { who: '赵刚' } });
    expect(outbox.size).toBe(0);
  });

  it('says so when it is full instead of growing', async () => {
    const { outbox, sent } = line();
    for (let n = 0; n < PENDING_LIMIT; n += 1) void outbox.ask('i', 1, { act: 'still_on_it' });
    expect(await outbox.ask('i', 1, { act: 'still_on_it' })).toMatchObject({
      ok: false,
      refused: { code: 'outbox_full' },
    });
    expect(sent).toHaveLength(PENDING_LIMIT);
  });

  it('is taken up by the page that is loaded anew: once, in order, under the same ids', async () => {
    const before = line();
    before.cut();
    void before.outbox.ask('i', 3, { act: 'accept' });
    void before.outbox.ask('i', 4, { act: 'start_talk' });
    const text = JSON.stringify(before.outbox.pending);
    const { outbox, sent } = line();
    const late: [string, boolean][] = [];
    outbox.restore(readPending(text), ({ command }, answer) => late.push([command.do.act, answer.ok]));
    expect(outbox.waitingFor('i')).toEqual(['accept', 'start_talk']);
    expect(sent).toEqual([]);
    outbox.reconnected();
    expect(sent).toEqual(before.outbox.pending);
    const [accept, talk] = sent.map(({ command }) => command.id);
    outbox.answered(accept ?? '', DONE, null);
    outbox.answered(accept ?? '', DONE, null);
    outbox.answered(talk ?? '', null, { type: '', title: 'no', status: 409 });
    expect(late).toEqual([
      ['accept', true],
      ['start_talk', false],
    ]);
    expect([outbox.size, outbox.pending]).toEqual([0, []]);
  });

  it('does not stumble over a spoilt store', () => {
    for (const text of [
      null,
      '',
      '{',
      'null',
      '{}',
      '[null, 7, {"incident":"i"}, {"incident":"i","command":{"id":"c"}}]',
    ])
      expect(readPending(text)).toEqual([]);
  });
});
