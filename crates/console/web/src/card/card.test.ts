// For: the card as it stands in a document: what must be on it, and that it can be read by everybody.
// May not know: colours; jsdom cannot see them.
import { cleanup, render, screen, within } from '@testing-library/svelte';
import axe from 'axe-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { card } from '../core/tests/cards';
import { codesEn } from '../i18n/codes.en';
import { codesZh } from '../i18n/codes.zh';
import { setLanguage, spoken } from '../i18n/words.svelte';
import Queue from '../desk/Queue.svelte';
import CardView from './CardView.svelte';
import { stepsOf } from './steps';

// jsdom has no layout: nothing there ever changes its size.
vi.stubGlobal(
  'ResizeObserver',
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
afterEach(cleanup);

const resident = {
  id: 'r',
  name: '李秀兰',
  name_latin: 'Li Xiulan',
  age: 82,
  sex: 'f',
  phone: '13945104827',
  compound: '',
  building: '',
  unit: '',
  floor: '',
  door: '',
  access: '密码 2580#',
  address_line: '道里区尚志大街 118 号',
  community: '尚志社区',
  grid: 4,
  grid_worker: null,
  hearing: 'hard',
  dialect: '',
  conditions: ['高血压'],
  medicines: [],
  hospital: '市一院',
  household: [],
  home_station: null,
  notes: '',
  erased: false,
  holds: [],
  earlier: [],
  english: {
    address_line: 'Daoli District, Shangzhi Street, No. 118',
    door: '',
    access: '',
    community: 'Shangzhi Community',
    grid_worker: '',
    home_station: '',
    dialect: '',
    conditions: ['high blood pressure'],
    medicines: [],
    hospital: '',
    household: [],
    notes: '',
  },
  contacts: [
    {
      order: 1,
      name: '王建军',
      name_en: 'Wang Jianjun',
      relation: '儿子',
      relation_en: 'son',
      phone: '13804513366',
      has_key: true,
      minutes_away: 15,
    },
  ],
};
const mine = card({
  phase: 'accepted',
  mine: true,
  resident,
  presses: 2,
  deadline: { kind: 'first_step', at: 121_000, owner: '王丽', owner_en: 'Wang Li' },
});

describe('a card', () => {
  it('shows whom to call, where, and what is owed when', async () => {
    setLanguage('zh');
    const { container } = render(CardView, { card: mine, now: 1_000 });
    expect(screen.getByTestId('person').textContent).toContain('李秀兰');
    expect(screen.getByTestId('call-back').getAttribute('href')).toBe('tel:13945104827');
    expect(screen.getByTestId('address').textContent).toContain('118');
    expect(screen.getByTestId('deadline').textContent).toContain('2:00');
    expect(screen.getByTestId('repress-banner').textContent).toContain('2');
    const found = await axe.run(container, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
    });
    expect(found.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });

  it('is read in English, with Chinese marked where it stays', () => {
    setLanguage('en');
    const { container } = render(CardView, { card: mine, now: 1_000 });
    const page = container.textContent;
    for (const words of [
      'Li Xiulan',
      'Shangzhi Community',
      'high blood pressure',
      'Wang Jianjun',
      'son',
      'Wang Li',
    ])
      expect(page).toContain(words);
    // What was written freely, and the address as it stands on the signs.
    const chinese = [...container.querySelectorAll('[lang="zh-CN"]')].map((one) => one.textContent.trim());
    expect(chinese).toContain('密码 2580#');
    expect(chinese).toContain('道里区尚志大街 118 号');
    for (const one of container.querySelectorAll('[lang="zh-CN"]')) one.remove();
    expect(container.textContent).not.toMatch(/\p{Script=Han}/u);
    setLanguage('zh');
  });

  it('offers results after the telephone was used, by number', async () => {
    render(CardView, { card: mine, now: 1_000 });
    expect(screen.queryByTestId('call-results')).toBeNull();
    screen.getByTestId('call-back').click();
    const results = await screen.findByTestId('call-results');
    expect(within(results).getByTestId('contact-result-no_answer').textContent).toContain('2');
  });

  it('offers steps that fit its phase', () => {
    expect(stepsOf(card())).toEqual(['note']);
    expect(stepsOf(mine)).toContain('resolve');
    expect(stepsOf(card({ mine: true, phase: 'held' }))).toContain('end_hold');
    expect(stepsOf(card({ mine: true, phase: 'held' }))).not.toContain('hold');
    expect(stepsOf(card({ phase: 'resolved' }))).toEqual(['follow_up', 'reopen', 'note']);
  });

  it('has nothing to press in a replay', () => {
    render(CardView, { card: mine, now: 1_000, past: true });
    expect(screen.queryByRole('toolbar')).toBeNull();
    expect(screen.queryByTestId('call-back')).toBeNull();
  });
});

describe('the queue', () => {
  it('keeps only what can be seen in the document, and says how many there are', () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => card({ id: `i${n}` }));
    render(Queue, { rows, selected: null, now: 1_000, choose: vi.fn() });
    expect(screen.getByRole('grid').getAttribute('aria-rowcount')).toBe('1000');
    const shown = screen.getAllByTestId('queue-row');
    expect(shown.length).toBeLessThan(40);
    expect(shown[0]?.dataset['incident']).toBe('i0');
  });
});

describe('the words', () => {
  it('name the same codes in both languages', () => {
    for (const group of Object.keys(codesZh) as (keyof typeof codesZh)[])
      expect(Object.keys(codesEn[group]).sort()).toEqual(Object.keys(codesZh[group]).sort());
  });

  it('speak an alarm in Chinese', () => {
    expect(spoken('道里 尚志', 'fall')).toBe('道里 尚志 跌倒 紧急呼叫');
    expect(spoken('道里 尚志', 'sos')).toBe('道里 尚志 紧急呼叫');
  });
});
