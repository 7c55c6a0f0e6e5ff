// For: the closing codes in the order shown, the commonest first, and what the card itself already says was done.
// May not know: their names.
import type { Card } from '../wire/wire';

// prettier-ignore
export const REASONS = [
  'FALL', 'FALL-NOINJ', 'UNWELL', 'CHEST', 'BREATH', 'STROKE?', 'PAIN', 'CONFUSED', 'ACCIDENT', 'LONELY', 'HELP-SMALL', 'MEDS',
  'NO-SPEECH', 'FIRE/SMOKE', 'CO/GAS', 'FLOOD', 'INTRUDER', 'LOCKED-OUT', 'WANDER', 'CARER-LATE', 'TEST', 'DEVICE-FAULT',
  'LOW-BATT', 'MAINS-LOST', 'LINE-LOST', 'TAMPER', 'UNKNOWN',
];
// prettier-ignore
export const ACTIONS = [
  'TALKED', 'STATION-VISIT', 'KEYHOLDER', 'VOLUNTEER', '120', '119', '110', 'FAMILY', 'GP', 'ENGINEER', 'CALLBACK', 'NONE',
];
// prettier-ignore
export const OUTCOMES = [
  'SAFE', 'LIFTED', 'TREATED-HOME', 'TO-HOSPITAL', 'FALSE', 'CANCELLED-BY-CALLER', 'REFUSED', 'NOT-FOUND', 'ADMITTED', 'TRANSFERRED',
  'DUPLICATE-OF', 'UNREACHED-ESCALATED', 'DECEASED',
];

/** Actions that the record already shows; the operator confirms or changes them. */
export function suggestion(card: Card): string[] {
  const had = (kind: string) => card.story.some((line) => line.kind === kind);
  const reached = card.contact_tries.some((one) => one.order === 0 && one.result === 'reached');
  const family = card.contact_tries.some(
    (one) => one.order > 0 && ['reached', 'on_the_way'].includes(one.result),
  );
  const arrived = card.responders.filter((leg) => leg.arrived_at !== null);
  return [
    had('TalkStarted') || reached ? 'TALKED' : '',
    arrived.some((leg) => leg.kind !== 'volunteer') ? 'STATION-VISIT' : '',
    arrived.some((leg) => leg.kind === 'volunteer') ? 'VOLUNTEER' : '',
    family ? 'FAMILY' : '',
    ...['120', '119', '110'].filter((service) => card.services.some((one) => one.service === service)),
  ].filter(Boolean);
}
