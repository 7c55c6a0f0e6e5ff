// For: where those on the way stand on the map, and where their names do.
// May not know: OpenLayers, colours.
import { describe, expect, it } from 'vitest';
import { nameAt, share } from './markers';

describe('a name on the map', () => {
  it('stands away from the incident it goes to', () => {
    expect(nameAt([100, 100], null)).toEqual({ x: 112, y: 100, align: 'left' });
    expect(nameAt([100, 100], [300, 100])).toEqual({ x: 112, y: 100, align: 'left' });
    expect(nameAt([100, 100], [150, 104])).toEqual({ x: 88, y: 100, align: 'right' });
    expect(nameAt([100, 100], [50, 100])).toEqual({ x: 112, y: 100, align: 'left' });
  });

  it('stands under the incident where both are in one place', () => {
    const { x, y, align } = nameAt([100, 100], [104, 98]);
    expect([x, align]).toEqual([104, 'center']);
    // Below the mark and its ring.
    expect(y).toBeGreaterThan(98 + 26);
  });
});

describe('the way by the clock', () => {
  it('never reaches the goal before somebody says so', () => {
    expect([share(0, 100, null, -5), share(0, 100, null, 50), share(0, 100, null, 900)]).toEqual([
      0, 0.5, 0.97,
    ]);
    expect(share(0, 100, 60, 60)).toBe(1);
    expect([share(0, 100, null, 5, 10), share(0, 100, null, 50, 10)]).toEqual([0.5, 0.97]);
  });
});
