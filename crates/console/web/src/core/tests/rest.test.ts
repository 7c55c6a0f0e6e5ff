// For: keys, clock, times and what is kept offline.
// May not know: the screen.
import { beforeEach, describe, expect, it } from 'vitest';
import { ServerClock } from '../clock';
import { clockLength, fullTime, phoneGroups, shortDate, timeOfDay } from '../format';
import { forget, keep, kept, KEPT_LIMIT } from '../offline';
import { ACTIONS, actionOf, SHORTCUTS } from '../shortcuts';
import { card } from './cards';

const key = (name: string, more: object = {}) => ({
  key: name,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  isComposing: false,
  repeat: false,
  target: null,
  ...more,
});

describe('the keys', () => {
  it('accept with space and F1', () => {
    expect([actionOf(key(' '), false), actionOf(key('F1'), false)]).toEqual(['accept', 'accept']);
  });

  it('mean nothing while an input method composes or somebody writes', () => {
    const field = document.createElement('input');
    expect(actionOf(key('r', { isComposing: true }), false)).toBeNull();
    expect(actionOf(key('F1', { isComposing: true }), false)).toBeNull();
    expect(actionOf(key('r', { target: field }), false)).toBeNull();
    expect(actionOf(key(' ', { target: document.createElement('textarea') }), false)).toBeNull();
    expect(actionOf(key('F1', { target: field }), true)).toBe('accept');
    expect(actionOf(key('r'), true)).toBeNull();
    expect(actionOf(key('r', { ctrlKey: true }), false)).toBeNull();
  });

  it('are each used once, and every action has one', () => {
    const pressed = SHORTCUTS.map(({ key: name, alt }) => `${alt ? 'Alt+' : ''}${name}`);
    expect(new Set(pressed).size).toBe(pressed.length);
    expect(new Set(SHORTCUTS.map(({ action }) => action)).size).toBe(ACTIONS.length);
  });

  it('accept in a dialog by space only while something rings, and never while writing', () => {
    const box = Object.assign(document.createElement('input'), { type: 'radio' });
    expect(actionOf(key(' ', { target: box }), true, true)).toBe('accept');
    expect(actionOf(key(' ', { target: box }), true, false)).toBeNull();
    expect(actionOf(key('1', { target: box }), true, true)).toBeNull();
    expect(actionOf(key(' ', { target: document.createElement('textarea') }), true, true)).toBeNull();
  });
});

describe('the server clock', () => {
  it('prefers the measurement with the shortest way', () => {
    let local = 1_000;
    const clock = new ServerClock(() => local);
    clock.heard(51_000);
    expect(clock.now()).toBe(51_000);
    local = 2_000;
    clock.measured(52_100, 1_900);
    expect(clock.offset).toBe(50_150);
    local = 9_000;
    clock.measured(99_000, 5_000);
    expect(clock.offset).toBe(50_150);
  });
});

describe('times', () => {
  const at = Date.UTC(2026, 10, 23, 16, 5, 9);
  it('are those of the server, not of this computer', () => {
    expect(timeOfDay(at, 'Asia/Shanghai')).toBe('00:05:09');
    expect(fullTime(at, 'Asia/Shanghai')).toBe('2026-11-24 00:05:09');
    expect(shortDate(at, 'Asia/Shanghai')).toBe('11-24 00:05');
  });
  it('count up and down', () => {
    expect([0, 59_999, 61_000, 3_723_000, -5_000].map(clockLength)).toEqual([
      '0:00',
      '0:59',
      '1:01',
      '1:02:03',
      '−0:05',
    ]);
  });
  it('group telephone numbers', () => {
    expect(phoneGroups('13945104827')).toBe('139 4510 4827');
    expect(phoneGroups('0451-84671203')).toBe('0451 8467 1203');
    expect(phoneGroups('120')).toBe('120');
  });
});

describe('what is kept offline', () => {
  beforeEach(() => sessionStorage.clear());

  it('is open incidents only, with their age, and nothing after sign-out', () => {
    keep(sessionStorage, [card({ id: 'a' }), card({ id: 'b', phase: 'resolved' })], 77);
    expect(kept(sessionStorage)).toMatchObject({ at: 77, incidents: [{ id: 'a' }] });
    keep(sessionStorage, [], 78);
    expect(kept(sessionStorage)?.incidents).toEqual([]);
    forget(sessionStorage);
    expect(kept(sessionStorage)).toBeNull();
    expect(sessionStorage.length).toBe(0);
  });

  it('is bounded, and one’s own come first', () => {
    const many = Array.from({ length: KEPT_LIMIT + 20 }, (_, n) => card({ id: `i${n}` }));
    keep(sessionStorage, [...many, card({ id: 'mine', phase: 'talking', mine: true, priority: 4 })], 1);
    const incidents = kept(sessionStorage)?.incidents ?? [];
    expect(incidents).toHaveLength(KEPT_LIMIT);
    expect(incidents[0]?.id).toBe('mine');
  });

  it('does not stumble over a spoilt store', () => {
    sessionStorage.setItem('anling.open-incidents', '{"at":');
    expect(kept(sessionStorage)).toBeNull();
  });
});
