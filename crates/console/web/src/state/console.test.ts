// For: what a tab keeps is one person's.
// May not know: the screen. The line is a stand-in that never opens.
import { beforeEach, expect, it, vi } from 'vitest';
import type { Me } from '../wire/wire';
import { ConsoleState } from './console.svelte';

vi.stubGlobal(
  'WebSocket',
  class {
    readyState = 0;
    send() {}
    close() {}
  },
);
beforeEach(() => sessionStorage.clear());

const me = (operator: string) =>
  ({ operator, name: operator, name_en: operator, parties: [] }) as unknown as Me;
const waiting = JSON.stringify([{ incident: 'i', command: { id: 'c-1', seen: 3, do: { act: 'accept' } } }]);

it('takes up what waited for whoever asked it, and drops it for anybody else', () => {
  sessionStorage.setItem('anling.who', 'zhao');
  sessionStorage.setItem('anling.waiting', waiting);
  sessionStorage.setItem('anling.read', '{"i":3}');
  sessionStorage.setItem('anling.open-incidents', '{"at":1,"incidents":[]}');
  const same = new ConsoleState();
  expect([same.pending, same.waiting({ id: 'i' })]).toEqual([1, ['accept']]);
  same.enter(me('zhao'));
  expect(same.pending).toBe(1);
  expect(sessionStorage.getItem('anling.waiting')).toBe(waiting);

  const other = new ConsoleState();
  expect(other.pending).toBe(1);
  other.enter(me('wang'));
  expect(other.pending).toBe(0);
  expect(Object.keys(sessionStorage).filter((key) => sessionStorage.getItem(key)?.includes('"i"'))).toEqual(
    [],
  );
  expect(sessionStorage.getItem('anling.open-incidents')).toBeNull();
});
