// For: cards for tests, complete and plain; each test changes what it is about.
// May not know: the tests.
import type { Card } from '../../wire/wire';

export function card(change: Partial<Card> = {}): Card {
  return {
    id: 'a',
    revision: 3,
    alarm_revision: 0,
    priority: 1,
    phase: 'offered',
    kind: 'sos',
    first_kind: 'sos',
    last_kind: 'sos',
    kinds: ['sos'],
    opened_at: 1_000,
    changed_at: 1_000,
    presses: 1,
    last_press_at: 1_000,
    cancel_said: false,
    unverified: false,
    problems: [],
    district: '230102',
    place: '道里 尚志',
    place_en: 'Daoli Shangzhi',
    lon: 126.6,
    lat: 45.7,
    device: null,
    claim: null,
    resident: null,
    owner: null,
    mine: false,
    rings_me: false,
    accept_as: null,
    support: null,
    support_as: null,
    offer: null,
    deadline: null,
    asked: null,
    responders: [],
    can_send: [],
    contact_tries: [],
    services: [],
    lapses: 0,
    accepted_at: null,
    closing: null,
    review_open: false,
    previous: null,
    story: [],
    ...change,
  };
}

export const SITE = { party: 'site', id: 'st-1', name: '尚志服务站', name_en: 'Shangzhi', phone: null };
