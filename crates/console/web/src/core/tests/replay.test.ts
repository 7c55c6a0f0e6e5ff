// For: the clock of a replay.
// May not know: the screen.
import { describe, expect, it } from 'vitest';
import { merged, ReplayClock } from '../replay';

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
