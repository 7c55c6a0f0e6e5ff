// For: which calls are this carer's, which ring, what the next step is, and how a call looks with what was reported but
// not yet confirmed.
// May not know: the screen, the line, the store. Cards are never changed, only replaced.
import type { Act, Card, Me, ResponderLegView } from '../wire/wire';

/** A report that the card does not show yet. `revision` is set once the server has it. */
export interface Report {
  readonly incident: string;
  readonly act: Act;
  /** By the server's clock, milliseconds. */
  readonly at: number;
  readonly revision: number | null;
}

export type Step = 'accept' | 'depart' | 'arrive' | 'resolve';

/** A way that nobody has estimated is taken to last this long, as the server takes it too. Milliseconds. */
const UNKNOWN_WAY_MS = 20 * 60_000;

/** It rings at this carer's site and nobody has it. The phone takes no duty, so the server does not say it in `rings_me`. */
export function ringsHere(card: Card): boolean {
  const party = card.accept_as;
  if (!party || card.owner || card.phase === 'resolved') return false;
  if (card.rings_me) return true;
  return (card.offer?.rung ?? []).some(
    (rung) => rung.party.party === party.party && rung.party.id === party.id && !rung.declined,
  );
}

/** The way of this carer; of an account that is nobody's who goes, the first way there is. */
export function myLeg(card: Card, me: Me): ResponderLegView | null {
  if (me.responder === null) return card.mine ? (card.responders[0] ?? null) : null;
  return card.responders.find((leg) => leg.responder === me.responder) ?? null;
}

/** Somebody at this carer's own desk has it. */
function ownSite(card: Card, me: Me): boolean {
  return card.owner !== null && (card.mine || card.owner.party.id === me.scope_id);
}

/** Calls this carer works on: sent there, or accepted on this phone; those on the way first, then the most pressing. */
export function myCalls(cards: Iterable<Card>, me: Me, accepted: ReadonlySet<string>): Card[] {
  const mine = [...cards].filter((card) => {
    if (card.phase === 'resolved') return false;
    if (myLeg(card, me)) return true;
    return me.responder === null ? card.mine : ownSite(card, me) && accepted.has(card.id);
  });
  const there = (card: Card) => Number(Boolean(myLeg(card, me)?.arrived_at));
  return mine.sort(
    (a, b) =>
      there(a) - there(b) || a.priority - b.priority || a.opened_at - b.opened_at || (a.id < b.id ? -1 : 1),
  );
}

/** Accepted at this carer's desk, and nobody goes yet: they may. */
export function unsent(cards: Iterable<Card>, me: Me, accepted: ReadonlySet<string>): Card[] {
  if (me.responder === null) return [];
  return [...cards].filter(
    (card) =>
      card.phase !== 'resolved' &&
      ownSite(card, me) &&
      card.responders.length === 0 &&
      !accepted.has(card.id),
  );
}

/** The one large button. */
export function nextStep(card: Card, me: Me): Step {
  if (!card.owner) return 'accept';
  const leg = myLeg(card, me);
  if (!leg) return 'depart';
  if (leg.arrived_at !== null) return 'resolve';
  return leg.set_out_at !== null ? 'arrive' : 'depart';
}

function withLeg(card: Card, responder: string, change: (leg: ResponderLegView) => ResponderLegView): Card {
  return {
    ...card,
    responders: card.responders.map((leg) => (leg.responder === responder ? change(leg) : leg)),
  };
}

function sent(card: Card, responder: string, at: number, me: Me): Card {
  if (card.responders.some((leg) => leg.responder === responder)) return card;
  const option = card.can_send.find((one) => one.responder === responder);
  const leg: ResponderLegView = {
    responder,
    name: option?.name ?? me.name,
    name_en: option ? option.name_en : me.name_en,
    kind: option?.kind ?? '',
    phone: null,
    sent_at: at,
    // Whoever sends themselves goes.
    set_out_at: responder === me.responder ? at : null,
    eta: at + (option?.seconds ? option.seconds * 1000 : UNKNOWN_WAY_MS),
    delayed: false,
    arrived_at: null,
    arrival_recorded_at: null,
    from_lon: null,
    from_lat: null,
  };
  return { ...card, phase: 'underway', responders: [...card.responders, leg] };
}

/** The card as it will look when one report has been taken. An acceptance is never shown before it is certain. */
function after(card: Card, { act, at }: Report, me: Me): Card {
  switch (act.act) {
    case 'send_responder':
      return sent(card, act.responder, at, me);
    case 'set_out':
      return withLeg(card, act.responder, (leg) => ({ ...leg, set_out_at: leg.set_out_at ?? at }));
    case 'delay_responder':
      return withLeg(card, act.responder, (leg) => ({
        ...leg,
        delayed: true,
        eta: at + act.minutes * 60_000,
      }));
    case 'arrive':
      return {
        ...withLeg(card, act.responder, (leg) => ({
          ...leg,
          set_out_at: leg.set_out_at ?? at,
          arrived_at: leg.arrived_at ?? at,
        })),
        phase: 'on_site',
      };
    case 'ask_support':
      return card.support && card.support.answered_at === null
        ? card
        : {
            ...card,
            support: {
              asked_at: at,
              by: me.name,
              by_en: me.name_en,
              by_responder: true,
              unanswered: false,
              rung: [],
              answered_by: null,
              answered_by_en: null,
              answered_at: null,
              answered_as: null,
            },
          };
    case 'call_service':
      return { ...card, services: [...card.services, { service: act.service, at }] };
    default:
      return card;
  }
}

/** The card with every report that it does not contain yet. */
export function withReports(card: Card, reports: readonly Report[], me: Me): Card {
  return reports
    .filter(
      ({ incident, revision }) => incident === card.id && (revision === null || revision > card.revision),
    )
    .reduce((shown, report) => after(shown, report, me), card);
}

/** What a carer needs on the way and nothing of the desk's: this is what the phone keeps. */
export function forTheWay(card: Card): Card {
  const resident = card.resident && { ...card.resident, earlier: [] };
  return { ...card, resident, offer: null, story: [], contact_tries: [] };
}

/** Degrees as map programs take them: five places are a metre. WGS-84. */
export function position(card: Card): { lon: string; lat: string } | null {
  if (card.lon === null || card.lat === null) return null;
  return { lon: card.lon.toFixed(5), lat: card.lat.toFixed(5) };
}
