// For: the clock of a replay.
// May not know: the screen.
import { describe, expect, it } from 'vitest';
import { ASK_EVERY_MS, merged, Reel, ReplayClock, type Speed } from '../replay';

const moments = merged(
  [
    { position: 30, at: 5_000 },
    { position: 10, at: 1_000 },
  ],
  [
    { position: 10, at: 1_000 },
    { position: 20, at: 2_000 },
  ],
);

describe('the replay clock', () => {
  it('takes each position once, in order', () => {
    expect(moments.map(({ position }) => position)).toEqual([10, 20, 30]);
  });

  it('shows the last moment that had happened', () => {
    const clock = new ReplayClock(moments);
    expect(clock.position).toBe(10);
    clock.seek(4_999);
    expect(clock.position).toBe(20);
    clock.seek(5_000);
    expect(clock.position).toBe(30);
  });

  it('plays as many times faster as was chosen and stops at the end', () => {
    const clock = new ReplayClock(moments);
    clock.speed = 10;
    clock.frame(100);
    expect(clock.at).toBe(1_000);
    clock.playing = true;
    clock.frame(100);
    expect(clock.at).toBe(2_000);
    clock.frame(10_000);
    expect([clock.at, clock.playing]).toEqual([5_000, false]);
  });

  it('steps from event to event, both ways, and no further than the ends', () => {
    const clock = new ReplayClock(moments);
    clock.step(1);
    expect(clock.position).toBe(20);
    clock.step(1);
    clock.step(1);
    expect(clock.position).toBe(30);
    clock.step(-1);
    expect(clock.position).toBe(20);
    clock.step(1, [moments[2] ?? { position: 0, at: 0 }]);
    expect(clock.position).toBe(30);
  });

  it('stands on nothing without falling', () => {
    const clock = new ReplayClock([]);
    clock.step(1);
    clock.frame(5);
    expect([clock.position, clock.at]).toEqual([0, 0]);
  });
});

describe('what is on the screen of a replay', () => {
  /** Half a minute of a busy queue: something happens every few hundred milliseconds. */
  const busy = merged(
    Array.from({ length: 90 }, (_, n) => ({ position: 100 + n * 3, at: 50_000 + n * 340 })),
  );
  const newestAt = (at: number) => [...busy].reverse().find((moment) => moment.at <= at)?.position;

  /** Plays to the end on a screen of 60 frames a second; a board comes `away` milliseconds after it was asked for. */
  function play(speed: Speed, away: number): { at: number; position: number; asked: number }[] {
    const reel = new Reel(new ReplayClock(busy));
    reel.clock.speed = speed;
    reel.clock.playing = true;
    const screens = [];
    let coming: { position: number; due: number } | null = null;
    let asked = 0;
    for (let now = 0; now < 60_000; now += 1000 / 60) {
      if (coming && coming.due <= now) {
        expect(reel.arrived(coming.position)).toBe(true);
        coming = null;
      }
      reel.frame(1000 / 60);
      const wanted = reel.ask(now);
      if (wanted) {
        expect(coming).toBeNull();
        coming = { position: wanted.position, due: now + away };
        asked += 1;
      }
      if (reel.shown) screens.push({ ...reel.shown, asked });
      if (!reel.clock.playing && !coming && reel.shown?.position === reel.clock.position) break;
    }
    return screens;
  }

  it.each([
    [1, 40],
    [30, 5],
    [30, 400],
    [100, 40],
    [100, 2_000],
  ] as const)('is of one frame at ×%i with boards %i ms away', (speed, away) => {
    const screens = play(speed, away);
    for (const { at, position } of screens) expect(position).toBe(newestAt(at));
    for (const [n, { at }] of screens.entries()) expect(at).toBeGreaterThanOrEqual(screens[n - 1]?.at ?? 0);
    expect(screens.at(-1)).toMatchObject({ at: busy.at(-1)?.at, position: busy.at(-1)?.position });
  });

  it('keeps its speed but for the waiting', () => {
    const screens = play(30, 40);
    const seconds = screens.length / 60;
    const last = screens.at(-1);
    expect(seconds).toBeLessThan(1.2 * (30 / 30 + ((last?.asked ?? 0) * (40 + 1000 / 60)) / 1000));
    expect(last?.asked).toBeLessThan((seconds * 1000) / ASK_EVERY_MS + 2);
  });

  it('does not show a board that was not asked for, and asks again for a lost one', () => {
    const reel = new Reel(new ReplayClock(busy));
    expect(reel.ask(0)?.position).toBe(100);
    expect(reel.arrived(700)).toBe(false);
    expect(reel.shown).toBeNull();
    expect(reel.ask(1_000)).toBeNull();
    reel.lost();
    expect(reel.ask(1_000)?.position).toBe(100);
    expect(reel.arrived(100)).toBe(true);
    reel.clock.seek(60_000);
    reel.frame();
    expect(reel.shown).toEqual({ position: 100, at: 50_000 });
  });
});
