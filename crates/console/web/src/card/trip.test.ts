// For: a call on its way as the card tells it: support, sent and gone, told late, by what name, who waits at the door.
// May not know: the server; each card is made here.
import { cleanup, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it } from 'vitest';
import { card, SITE } from '../core/tests/cards';
import { topToAccept } from '../core/board';
import { setLanguage } from '../i18n/words.svelte';
import type { Card, ContactView, ResidentView, ResponderLegView, StoryLine, SupportView } from '../wire/wire';
import CardHead from './CardHead.svelte';
import Notices from './Notices.svelte';
import ResponderPanel from './ResponderPanel.svelte';
import ActionBar from './ActionBar.svelte';
import { legSteps, nextStep, stepsOf } from './steps';
import { details, title } from './story';
import { waits } from './waits';

afterEach(() => {
  cleanup();
  setLanguage('zh');
});

const DESK = {
  party: 'district_desk',
  id: '230102',
  name: '道里区调度台',
  name_en: 'Daoli desk',
  phone: null,
};
const OWNER: Card['owner'] = {
  operator: 'op',
  name: '王值班',
  name_en: 'Wang Zhiban',
  post: '值班员',
  post_en: 'Operator',
  carer: null,
  party: SITE,
  since: 0,
  first_step: true,
  unreachable: false,
};
const SUPPORT: SupportView = {
  asked_at: 60_000,
  by: '赵丽华',
  by_en: 'Zhao Lihua',
  by_responder: true,
  unanswered: false,
  rung: [],
  answered_by: null,
  answered_by_en: null,
  answered_at: null,
  answered_as: null,
};

function leg(change: Partial<ResponderLegView> = {}): ResponderLegView {
  return {
    responder: 'r',
    name: '赵丽华',
    name_en: 'Zhao Lihua',
    kind: 'carer',
    phone: '13700000000',
    sent_at: 0,
    set_out_at: null,
    eta: 300_000,
    delayed: false,
    arrived_at: null,
    arrival_recorded_at: null,
    from_lon: null,
    from_lat: null,
    ...change,
  };
}

function line(kind: string, args: string[], change: Partial<StoryLine> = {}): StoryLine {
  return { revision: 1, position: 1, at: 0, kind, by: null, by_en: null, args, ...change };
}

describe('support', () => {
  const held = card({ owner: OWNER, phase: 'on_site', support: SUPPORT });

  it('is a banner for whoever holds the call, with who asks and when', () => {
    render(Notices, { card: { ...held, mine: true }, now: 61_000, answer: () => {} });
    const banner = screen.getByTestId('support-banner');
    expect(banner.getAttribute('role')).toBe('alert');
    expect(banner.textContent).toContain('上门人员请求支援');
    expect(banner.textContent).toContain('赵丽华');
    expect(screen.queryByTestId('answer-support')).toBeNull();
  });

  it('can be answered for by the desk that it rings at, with the key that accepts', () => {
    const rings = { ...held, rings_me: true, support_as: DESK };
    expect(topToAccept([rings])?.id).toBe('a');
    expect(stepsOf(rings)).toEqual(['answer_support', '120', '119', '110', 'note']);
    expect(nextStep(rings)).toBe('answer_support');
    render(Notices, { card: rings, now: 61_000, answer: () => {} });
    expect(screen.getByTestId('answer-support').textContent).toContain('应答支援');
  });

  it('says who answers for it', () => {
    const answered = { ...SUPPORT, answered_by: '李调度', answered_at: 70_000, answered_as: DESK };
    render(Notices, { card: { ...held, support: answered }, now: 71_000, answer: () => {} });
    const banner = screen.getByTestId('support-banner');
    expect(banner.getAttribute('role')).toBe('note');
    expect(banner.textContent).toContain('李调度（道里区调度台）');
  });
});

describe('the name of a call', () => {
  it('is its most serious alarm, with the first beside it; a press again is named by itself', () => {
    const worse = card({ kind: 'smoke', first_kind: 'service', last_kind: 'fall', presses: 3 });
    render(CardHead, { card: worse, now: 1_000 });
    expect(screen.getByTestId('first-kind').textContent).toContain('生活服务');
    render(Notices, { card: worse, now: 1_000, answer: () => {} });
    expect(screen.getByTestId('repress-banner').textContent).toContain('跌倒');
  });
});

describe('a history line', () => {
  const told = (one: StoryLine) => [title(one), details(card(), one)].filter(Boolean).join(' ');

  it('does not say of the first offer that a time ran out', () => {
    expect(told(line('Offered', ['尚志站', 'ring', '1']))).toBe('派单 尚志站 · 第 1 轮');
    expect(told(line('Offered', ['河图站', 'ring', '2']))).toBe('派单 河图站 · 到时 · 第 2 轮');
    expect(told(line('Offered', ['道里区调度台', 'support', '1']))).toBe('派单 道里区调度台 · 请求支援');
  });

  it('says of a cancel that it is one, and of a review why', () => {
    expect(told(line('AlarmJoined', ['cancel', '1']))).toBe('设备发来“取消”');
    expect(told(line('AlarmJoined', ['sos', '2']))).toBe('又按了一次 紧急呼叫 · 按了 2 次');
    expect(told(line('ReviewOpened', ['rang_to_the_last']))).toBe('开始复盘 派单到最后一轮仍无人接单');
    expect(told(line('ReviewOpened', ['outcome DECEASED']))).toBe('开始复盘 结果：去世');
  });
});

describe('an owner who does not answer', () => {
  const support = { ...SUPPORT, by: '', by_en: '', by_responder: false, unanswered: true };
  const held = card({ owner: OWNER, phase: 'talking', support, helps: true, accept_as: DESK });

  it('is named on the card of the desk that is rung for it', () => {
    render(Notices, { card: { ...held, support_as: DESK }, now: 61_000, answer: () => {} });
    expect(screen.getByTestId('support-banner').textContent).toContain(`${OWNER.name} 没有回答`);
    expect(screen.getByTestId('answer-support').textContent).toContain('应答支援');
  });

  it('can be helped or relieved by that desk, never by the key that answers what rings', () => {
    expect(stepsOf(held)).toEqual(['accept', 'send', '120', '119', '110', 'note']);
    expect(nextStep(held)).toBe('send');
    render(ActionBar, { card: held, steps: stepsOf(held), begin: () => true });
    const relieve = screen.getByTestId('accept-card');
    expect(relieve.textContent).toContain('接手');
    expect(relieve.querySelector('kbd')).toBeNull();
    // Sent by the desk: it may speak for whoever goes.
    const sent = { ...held, responders: [leg()] };
    expect(stepsOf(sent)).toContain('arrive');
    expect(legSteps(sent)).toEqual(['delay', 'came_back']);
  });
});

describe('a responder', () => {
  const act = () => Promise.resolve(true);
  const shown = (one: ResponderLegView, change: Partial<Card> = {}) => {
    const on = card({ owner: OWNER, mine: true, responders: [one], ...change });
    render(ResponderPanel, { card: on, now: 600_000, past: false, act });
    return screen.getByTestId('leg-r').textContent.replace(/\s+/g, ' ');
  };

  it('was sent, and has set out, in words of their own', () => {
    expect(shown(leg())).toContain('已派出');
    cleanup();
    expect(shown(leg({ set_out_at: 60_000 }))).not.toContain('已派出');
  });

  it('is there since when they were, marked when it was told late; a closed call counts no more', () => {
    const there = leg({ set_out_at: 1, arrived_at: 300_000, arrival_recorded_at: 590_000 });
    expect(shown(there)).toContain('已到达 5:00');
    expect(screen.getByTestId('arrival-late').textContent).toContain('离线补报');
    cleanup();
    const closed = shown(there, { phase: 'resolved', mine: false });
    expect(closed).toMatch(/\d\d:\d\d:\d\d 到达/);
    expect(closed).not.toContain('已到达');
  });
});

describe('who waits at the door for 120', () => {
  const contact: ContactView = {
    order: 1,
    name: '郭雪梅',
    name_en: 'Guo Xuemei',
    relation: '孙女',
    relation_en: 'granddaughter',
    phone: '13900000000',
    has_key: true,
    minutes_away: 15,
  };
  const resident = { erased: false, contacts: [contact] } as unknown as ResidentView;
  const said = (change: Partial<Card>) => waits(card({ resident, ...change }), 60_000).zh;

  it('is nobody whom nobody has called', () => {
    expect(said({})).toBe('现在还没有人接应，正在安排');
    expect(said({ contact_tries: [{ order: 1, result: 'no_answer', at: 1 }] })).toBe(
      '现在还没有人接应，正在安排',
    );
  });

  it('is a contact who was reached, a carer on the way or there; one only sent is not there', () => {
    expect(said({ contact_tries: [{ order: 1, result: 'on_the_way', at: 1 }] })).toBe(
      '郭雪梅（孙女）已在路上',
    );
    expect(said({ responders: [leg()] })).toBe('现在还没有人接应；已派 赵丽华（护理员），约 4 分钟到');
    expect(said({ responders: [leg({ set_out_at: 1 })] })).toBe('赵丽华（护理员）正在赶来，约 4 分钟到');
    expect(said({ responders: [leg({ set_out_at: 1, arrived_at: 2 })] })).toBe(
      '赵丽华（护理员）已在现场，到单元门口接应',
    );
  });
});
