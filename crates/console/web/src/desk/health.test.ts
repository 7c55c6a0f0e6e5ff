// For: what is said of a house that is not well: in words, in both languages, and only what may be put aside is.
// May not know: how the server finds it out.
import { cleanup, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setLanguage } from '../i18n/words.svelte';
import { desk } from '../state/console.svelte';
import type { Trouble } from '../wire/wire';
import HealthBanners from './HealthBanners.svelte';

/** A line that opens when it is told to. */
class Socket {
  static last: Socket;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Socket.last = this;
  }
  send() {}
  close() {}
}
vi.stubGlobal('WebSocket', Socket);

const me = { operator: 'a', name: '', post: '', parties: [] } as never;
const tell = (message: unknown) => Socket.last.onmessage?.({ data: JSON.stringify(message) });
const health = (...troubles: Trouble[]) => tell({ t: 'health', troubles });
const away: Trouble = { code: 'log_away', standing: false, since: 1_764_000_180_000, args: [] };
const oneCopy: Trouble = { code: 'one_copy', standing: true, since: null, args: [] };

beforeEach(() => {
  desk.enter(me);
  Socket.last.onopen?.();
  tell({
    t: 'hello',
    protocol: 1,
    version: '',
    position: 0,
    now: 0,
    me,
    duty: null,
    replay: false,
    demo: false,
  });
});
afterEach(() => {
  cleanup();
  setLanguage('zh');
});

describe('a house that is not well', () => {
  it('is told in both languages, with the time, and no longer when it is well again', async () => {
    render(HealthBanners);
    health(away);
    const banner = await screen.findByTestId('health-log_away');
    expect(banner.getAttribute('role')).toBe('alert');
    expect(banner.textContent).toContain('00:03');
    expect(banner.textContent).toContain('没有应答');
    setLanguage('en');
    await vi.waitFor(() => expect(banner.textContent).toContain('does not answer since 00:03'));
    expect(screen.queryByTestId('health-dismiss')).toBeNull();
    expect(desk.blind).toBe(true);
    health();
    await vi.waitFor(() => expect(screen.queryByTestId('health-log_away')).toBeNull());
    expect(desk.blind).toBe(false);
  });

  it('may be put aside only when it lasts, and comes back when it was gone', async () => {
    render(HealthBanners);
    health(oneCopy);
    (await screen.findByTestId('health-dismiss')).click();
    await vi.waitFor(() => expect(screen.queryByTestId('health-one_copy')).toBeNull());
    health(oneCopy);
    expect(desk.troubles).toEqual([]);
    health();
    health(oneCopy);
    await screen.findByTestId('health-one_copy');
  });

  it('is named by its code where there are no words for it yet', async () => {
    render(HealthBanners);
    health({ code: 'moon_phase', standing: false, since: null, args: [] });
    expect((await screen.findByTestId('health-moon_phase')).textContent).toContain('moon_phase');
  });
});
