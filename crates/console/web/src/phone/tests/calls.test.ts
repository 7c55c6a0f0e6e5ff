// For: whose call it is, what rings, what comes next, and what the phone keeps of it.
// May not know: the screen, the line.
import { beforeEach, describe, expect, it } from 'vitest';
import { card, SITE } from '../../core/tests/cards';
import type { Card, Me, OwnerView, ResidentView, ResponderLegView } from '../../wire/wire';
import { tokenOf } from '../api';
import { myCalls, nextStep, position, ringsHere, unsent, withReports, type Report } from '../calls';
import { forget, keep, kept } from '../keep';

const ME: Me = {
  operator: 'op',
  name: '赵丽华',
  name_en: 'Zhao Lihua',
  post: '护理员',
  post_en: 'Carer',
  role: 'operator',
  scope: 'site',
  scope_id: 'st-1',
  scope_name: '尚志服务站',
  scope_name_en: 'Shangzhi',
  responder: 'r',
  parties: [SITE],
};
const OWNER: OwnerView = {
  operator: 'op',
  name: '王值班',
  name_en: 'Wang Zhiban',
  post: '值班员',
  post_en: 'Operator',
  carer: null,
  party: SITE,
  since: 0,
  first_step: false,
  unreachable: false,
};
const NOBODY: ReadonlySet<string> = new Set();

function leg(change: Partial<ResponderLegView> = {}): ResponderLegView {
  const plain = { responder: 'r', name: '赵丽华', name_en: 'Zhao Lihua', kind: 'carer', phone: null };
  const way = { sent_at: 0, set_out_at: null, eta: 300_000, delayed: false };
  return {
    ...plain,
    ...way,
    arrived_at: null,
    arrival_recorded_at: null,
    from_lon: null,
    from_lat: null,
    ...change,
  };
}

function rung(declined = false): Partial<Card> {
  const party = {
    party: SITE,
    since: 0,
    shown: true,
    sounded: true,
    unseen: false,
    phone_attempts: 0,
    declined,
  };
  return {
    accept_as: SITE,
    offer: { ring: 0, round: 1, offered_at: 0, widens_at: 15_000, rung: [party], candidates: [] },
  };
}

const report = (act: Report['act'], revision: number | null = null): Report => ({
  incident: 'a',
  act,
  at: 60_000,
  revision,
});

describe('what rings on the phone', () => {
  it('is what rings at the carer’s site, although the phone takes no duty', () => {
    expect(ringsHere(card(rung()))).toBe(true);
  });

  it('is not what the site declined, what somebody has, or what may not be accepted here', () => {
    expect(ringsHere(card(rung(true)))).toBe(false);
    expect(ringsHere(card({ ...rung(), owner: OWNER }))).toBe(false);
    expect(ringsHere(card({ ...rung(), accept_as: null }))).toBe(false);
  });
});

describe('whose call it is', () => {
  it('is theirs when they are sent, not when a colleague is', () => {
    const sent = card({ owner: OWNER, mine: true, responders: [leg()] });
    const other = card({ id: 'b', owner: OWNER, mine: true, responders: [leg({ responder: 'x' })] });
    expect(myCalls([sent, other], ME, NOBODY).map(({ id }) => id)).toEqual(['a']);
  });

  it('is theirs when they accepted it on this phone; what the desk accepted is only offered to them', () => {
    const accepted = card({ owner: OWNER, mine: true });
    expect(myCalls([accepted], ME, NOBODY)).toEqual([]);
    expect(unsent([accepted], ME, NOBODY).map(({ id }) => id)).toEqual(['a']);
    expect(myCalls([accepted], ME, new Set(['a'])).map(({ id }) => id)).toEqual(['a']);
    expect(unsent([accepted], ME, new Set(['a']))).toEqual([]);
  });

  it('puts the way before the visit, then the more pressing', () => {
    const there = card({ id: 'there', responders: [leg({ arrived_at: 9 })] });
    const later = card({ id: 'later', priority: 2, responders: [leg()] });
    const first = card({ id: 'first', priority: 1, responders: [leg()] });
    expect(myCalls([there, later, first], ME, NOBODY).map(({ id }) => id)).toEqual([
      'first',
      'later',
      'there',
    ]);
  });

  it('goes through accept, depart, arrive, resolve; a way the desk reported is confirmed first', () => {
    const step = (change: Partial<ResponderLegView>) =>
      nextStep(card({ owner: OWNER, responders: [leg(change)] }), ME);
    expect(nextStep(card(), ME)).toBe('accept');
    expect(nextStep(card({ owner: OWNER }), ME)).toBe('depart');
    expect(step({})).toBe('depart');
    expect(step({ set_out_at: 1 })).toBe('arrive');
    expect(step({ set_out_at: 1, arrived_at: 2 })).toBe('resolve');
  });
});

describe('a card with what was reported', () => {
  it('shows departure, delay, arrival and 120 before the server has confirmed them', () => {
    const reports = [
      report({ act: 'send_responder', responder: 'r' }),
      report({ act: 'delay_responder', responder: 'r', minutes: 10 }),
    ];
    const onWay = withReports(card({ owner: OWNER }), reports, ME);
    expect(onWay.responders[0]).toMatchObject({
      responder: 'r',
      delayed: true,
      eta: 660_000,
      arrived_at: null,
    });
    const more = [
      ...reports,
      report({ act: 'arrive', responder: 'r' }),
      report({ act: 'call_service', service: '120' }),
    ];
    const there = withReports(card({ owner: OWNER }), more, ME);
    expect(there.responders[0]?.arrived_at).toBe(60_000);
    expect([there.phase, there.services]).toEqual(['on_site', [{ service: '120', at: 60_000 }]]);
  });

  it('shows that a carer the desk sent has set out, and that support was asked for', () => {
    const there = card({ owner: OWNER, responders: [leg()] });
    const reports = [report({ act: 'set_out', responder: 'r' }), report({ act: 'ask_support' })];
    const shown = withReports(there, reports, ME);
    expect(shown.responders[0]?.set_out_at).toBe(60_000);
    expect(shown.support).toMatchObject({ asked_at: 60_000, answered_at: null });
  });

  it('never shows an acceptance before it is certain', () => {
    expect(withReports(card(), [report({ act: 'accept' })], ME)).toMatchObject({ owner: null, mine: false });
  });

  it('leaves out what the card contains already and what is about another call', () => {
    const shown = card({ revision: 5, responders: [leg()] });
    const arrive = { act: 'arrive', responder: 'r' } as const;
    expect(withReports(shown, [report(arrive, 5)], ME)).toEqual(shown);
    expect(withReports(shown, [{ ...report(arrive), incident: 'b' }], ME)).toEqual(shown);
    expect(withReports(shown, [report(arrive, 6)], ME).responders[0]?.arrived_at).toBe(60_000);
  });
});

describe('what the phone keeps', () => {
  beforeEach(() => localStorage.clear());
  const rest = { me: ME, heardAt: 1, offset: 0, accepted: ['a'] };
  const resident = { name: '孙桂兰', earlier: [{ id: 'z' }] } as unknown as ResidentView;

  it('is the call as it is needed on the way, without the desk’s history', () => {
    keep(localStorage, { ...rest, calls: [card({ resident, responders: [leg()] })] });
    const [call] = kept(localStorage)?.calls ?? [];
    expect(call?.resident?.name).toBe('孙桂兰');
    expect(call?.resident?.earlier).toEqual([]);
    expect(kept(localStorage)?.accepted).toEqual(['a']);
  });

  it('is nothing personal once the call is over, and nothing at all after sign-out', () => {
    keep(localStorage, { ...rest, calls: [card({ resident })] });
    keep(localStorage, { ...rest, accepted: [], calls: [] });
    expect(JSON.stringify({ ...localStorage })).not.toContain('孙桂兰');
    forget(localStorage);
    expect(localStorage).toHaveLength(0);
  });

  it('is nothing when it cannot be read', () => {
    localStorage.setItem('anling.m.kept', '{"me":1');
    expect(kept(localStorage)).toBeNull();
  });
});

describe('addresses', () => {
  it('gives map programs a metre, longitude and latitude apart, or nothing', () => {
    expect(position(card({ lon: 126.6187049, lat: 45.7 }))).toEqual({ lon: '126.61870', lat: '45.70000' });
    expect(position(card({ lon: null }))).toBeNull();
  });

  it('takes the token out of the fragment', () => {
    expect(tokenOf('#t=a-b_c')).toBe('a-b_c');
    expect(tokenOf('#t=')).toBeNull();
    expect(tokenOf('')).toBeNull();
  });
});
