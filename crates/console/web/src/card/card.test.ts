// For: the card as it stands in a document: what must be on it, and that it can be read by everybody.
// May not know: colours; jsdom cannot see them.
import { cleanup, render, screen, within } from '@testing-library/svelte';
import axe from 'axe-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { card } from '../core/tests/cards';
import { codesEn } from '../i18n/codes.en';
import { codesZh } from '../i18n/codes.zh';
import { setLanguage, spoken, t } from '../i18n/words.svelte';
import Queue from '../desk/Queue.svelte';
import CardView from './CardView.svelte';
import { legSteps, stepsOf } from './steps';
import { keys } from '../state/keys.svelte';
import { desk } from '../state/console.svelte';
import HelpDialog from '../dialogs/HelpDialog.svelte';
import ResolveDialog from '../dialogs/ResolveDialog.svelte';
import SendDialog from '../dialogs/SendDialog.svelte';
import QueueRow from '../desk/QueueRow.svelte';

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

  it('answers a key for everything that can be pressed on it', () => {
    const act = vi
      .spyOn(desk, 'act')
      .mockResolvedValue({ ok: true, done: { revision: 1, position: 1, repeated: false } });
    const leg = {
      responder: 'st-1-c1',
      name: '刘护理员',
      name_en: 'Liu',
      kind: 'carer',
      phone: '13800000000',
      sent_at: 0,
      eta: 60_000,
      arrived_at: null,
      set_out_at: null,
      arrival_recorded_at: null,
      delayed: false,
      from_lat: null,
      from_lon: null,
    };
    const sent = { ...mine, phase: 'underway', responders: [leg] };
    expect(legSteps(sent)).toEqual(['delay', 'came_back', 'phone_link']);
    expect(legSteps({ ...sent, mine: false })).toEqual([]);
    const { unmount } = render(CardView, { card: sent, now: 1_000 });
    // Read before it may be closed.
    expect(desk.unread(sent)).toBe(true);
    expect(keys.act('seen')).toBe(true);
    expect(desk.unread(sent)).toBe(false);
    expect(keys.act('seen')).toBe(false);
    expect(keys.act('came_back')).toBe(true);
    expect(act.mock.lastCall?.[1]).toEqual({ act: 'return_responder', responder: 'st-1-c1' });
    expect(keys.act('end_hold' as never)).toBe(false);
    unmount();
    render(CardView, { card: { ...mine, phase: 'held' }, now: 1_000 });
    expect(keys.act('hold')).toBe(true);
    expect(act.mock.lastCall?.[1]).toEqual({ act: 'end_hold' });
    act.mockRestore();
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

describe('dialogs', () => {
  it('list every key once', () => {
    setLanguage('zh');
    render(HelpDialog, { close: vi.fn() });
    const caps = [...document.querySelectorAll('.keys kbd')].map((one) => one.textContent);
    expect(new Set(caps).size).toBe(caps.length);
    expect(caps).toEqual(expect.arrayContaining(['空格', 'F1', 'K', 'L', 'G', 'Q']));
  });

  it('opened again have the focus on what was chosen', async () => {
    const props = { card: mine, done: vi.fn(), close: vi.fn() };
    const { unmount } = render(ResolveDialog, props);
    expect(document.activeElement).toBe(screen.getByTestId('reason-FALL'));
    screen.getByTestId('reason-ACCIDENT').click();
    unmount();
    render(ResolveDialog, props);
    expect(document.activeElement).toBe(screen.getByTestId('reason-ACCIDENT'));
    expect((screen.getByTestId('reason-ACCIDENT') as HTMLInputElement).checked).toBe(true);
  });

  it('send by Enter after a figure, whatever was pressed before', async () => {
    const option = (responder: string) => ({
      responder,
      name: responder,
      name_en: responder,
      kind: 'carer',
      site: null,
      site_name: null,
      site_name_en: null,
      seconds: 60,
      busy: false,
    });
    const done = vi.fn();
    render(SendDialog, { card: { ...mine, can_send: [option('a'), option('b')] }, done, close: vi.fn() });
    const [link] = screen.getAllByText('手机二维码');
    link?.focus();
    window.dispatchEvent(new KeyboardEvent('keydown', { key: '2' }));
    expect(document.activeElement).toBe(screen.getByTestId('responder-b'));
    document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    expect(done).toHaveBeenCalledWith({ act: 'send_responder', responder: 'b' });
  });
});

describe('a row', () => {
  it('says a wait in seconds below two minutes, then in minutes and seconds', () => {
    const show = (now: number) => {
      const { container, unmount } = render(QueueRow, {
        card: card(),
        at: 0,
        now,
        offset: 0,
        selected: false,
        tabbable: true,
        next: false,
        choose: vi.fn(),
      });
      const said = container.querySelector('.row-time')?.textContent.replace(/\s+/g, ' ').trim();
      unmount();
      return said;
    };
    expect([show(120_000), show(121_000), show(566_000), show(3_724_000)]).toEqual([
      '119 秒',
      '2:00 已等',
      '9:25 已等',
      '1:02:03 已等',
    ]);
  });
});

describe('the words', () => {
  it('know one from many in English', () => {
    setLanguage('en');
    expect(t('offline_pending', { n: 1 })).toMatch(/^1 action waits/);
    expect(t('offline_pending', { n: 2 })).toMatch(/^2 actions wait/);
    expect(t('age', { n: 1 })).toBe('1 year');
    setLanguage('zh');
  });

  it('name the same codes in both languages', () => {
    for (const group of Object.keys(codesZh) as (keyof typeof codesZh)[])
      expect(Object.keys(codesEn[group]).sort()).toEqual(Object.keys(codesZh[group]).sort());
  });

  it('speak an alarm in Chinese', () => {
    expect(spoken('道里 尚志', 'fall')).toBe('道里 尚志 跌倒 紧急呼叫');
    expect(spoken('道里 尚志', 'sos')).toBe('道里 尚志 紧急呼叫');
  });
});
