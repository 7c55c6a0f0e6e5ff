// For: what is half written is not lost, what is pressed twice is sent once, and a number finds whoever may be looked at.
// May not know: colours; jsdom cannot see them.
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, Failed } from '../core/api';
import { card } from '../core/tests/cards';
import { setLanguage } from '../i18n/words.svelte';
import { desk } from '../state/console.svelte';
import { DRAFT_LIMIT, drafts } from '../state/drafts';
import type { Act, ResidentFound, ResidentView } from '../wire/wire';
import Dialogs from './Dialogs.svelte';
import FindDialog from './FindDialog.svelte';

beforeEach(() => {
  setLanguage('zh');
  drafts.clear();
  desk.line = 'open';
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const text = () => screen.getByTestId<HTMLTextAreaElement>('text');
const write = (words: string) => fireEvent.input(text(), { target: { value: words } });
const note = (act: (what: Act) => Promise<boolean>, close = vi.fn(), id = 'a') =>
  render(Dialogs, { step: 'note', card: card({ id }), act, close });

describe('a note', () => {
  it('half written is there again when another call has come between', async () => {
    const { unmount } = note(() => Promise.resolve(true));
    await write('左腿痛');
    unmount();
    const other = note(() => Promise.resolve(true), vi.fn(), 'b');
    expect(text().value).toBe('');
    other.unmount();
    note(() => Promise.resolve(true));
    expect(text().value).toBe('左腿痛');
  });

  it('sent is gone, refused it is kept', async () => {
    const close = vi.fn();
    const first = note(() => Promise.resolve(false), close);
    await write('第一次');
    await fireEvent.click(screen.getByTestId('text-submit'));
    await vi.waitFor(() => expect(drafts.find('note a')).toBe('第一次'));
    expect(close).not.toHaveBeenCalled();
    first.unmount();
    const second = note(() => Promise.resolve(true), close);
    expect(text().value).toBe('第一次');
    await fireEvent.click(screen.getByTestId('text-submit'));
    await vi.waitFor(() => expect(close).toHaveBeenCalled());
    second.unmount();
    expect(drafts.find('note a')).toBeUndefined();
  });

  it('pressed twice is sent once', async () => {
    let answer = (_: boolean) => {};
    const act = vi.fn(() => new Promise<boolean>((taken) => (answer = taken)));
    note(act);
    await write('一次');
    await fireEvent.click(screen.getByTestId('text-submit'));
    await fireEvent.keyDown(text(), { key: 'Enter', ctrlKey: true });
    answer(true);
    expect(act).toHaveBeenCalledTimes(1);
  });

  it('without a line waits in the outbox, not under an open form', async () => {
    desk.line = 'waiting';
    const close = vi.fn();
    note(() => new Promise(() => {}), close);
    await write('断线时');
    await fireEvent.click(screen.getByTestId('text-submit'));
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('is not kept without bound', () => {
    for (let n = 0; n <= DRAFT_LIMIT; n += 1) drafts.keep(`note ${n}`, 'x');
    expect(drafts.find('note 0')).toBeUndefined();
    expect(drafts.find(`note ${DRAFT_LIMIT}`)).toBe('x');
  });
});

describe('a number', () => {
  const found = (change: Partial<ResidentFound>): ResidentFound => ({
    id: 'R1',
    name: '李秀兰',
    name_latin: 'Li Xiulan',
    community: '尚志社区',
    community_en: 'Shangzhi Community',
    of_contact: false,
    incident: null,
    ...change,
  });
  const ask = async (phone: string) => {
    await fireEvent.input(screen.getByTestId('find-phone'), { target: { value: phone } });
    await fireEvent.submit(screen.getByTestId('find-go').closest('form') as HTMLFormElement);
  };

  it('finds whoever may be looked at, and Enter goes on to the first', async () => {
    const byPhone = vi
      .spyOn(api, 'byPhone')
      .mockResolvedValue({ residents: [found({}), found({ id: 'R2', of_contact: true })], incomplete: true });
    const resident = vi.spyOn(api, 'resident').mockResolvedValue({ erased: true } as ResidentView);
    render(FindDialog, { close: vi.fn() });
    await ask(' 0451 8234 5678 ');
    const first = await screen.findByTestId('found-R1');
    expect(byPhone).toHaveBeenCalledWith('0451 8234 5678');
    await vi.waitFor(() => expect(document.activeElement).toBe(first));
    expect(screen.getByTestId('found-R2').textContent).toContain('联系人的号码');
    expect(screen.getByTestId('find-results').textContent).toContain('索引');
    await fireEvent.click(first);
    await screen.findByTestId('found-record');
    expect(resident).toHaveBeenCalledWith('R1');
    await fireEvent.click(screen.getByTestId('find-back'));
    expect(screen.getByTestId('found-R2')).toBeTruthy();
  });

  it('of somebody who has called opens the incident', async () => {
    vi.spyOn(api, 'byPhone').mockResolvedValue({ residents: [found({ incident: 'i7' })], incomplete: false });
    const open = vi.spyOn(desk, 'openDetail').mockResolvedValue();
    const close = vi.fn();
    render(FindDialog, { close });
    await ask('82345678');
    await fireEvent.click(await screen.findByTestId('found-R1'));
    expect(open).toHaveBeenCalledWith('i7');
    expect(close).toHaveBeenCalled();
  });

  it('of nobody, and what is no number, is said', async () => {
    vi.spyOn(api, 'byPhone').mockResolvedValueOnce({ residents: [], incomplete: false });
    render(FindDialog, { close: vi.fn() });
    await ask('82345678');
    expect((await screen.findByTestId('find-none')).textContent).toContain('没有人用这个号码');
    vi.spyOn(api, 'byPhone').mockRejectedValueOnce(
      new Failed({ type: '', title: '', status: 400, code: 'malformed' }),
    );
    await ask('王');
    await vi.waitFor(() => expect(screen.getByText('这不是电话号码。')).toBeTruthy());
  });
});
