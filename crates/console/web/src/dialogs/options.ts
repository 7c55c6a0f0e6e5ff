// For: what a short list offers: reasons by their codes, people on the way, minutes of a delay.
// May not know: how it is shown.
import { code, codesOf, named, type Group } from '../i18n/words.svelte';
import type { ResponderLegView } from '../wire/wire';

export interface Option {
  readonly id: string;
  readonly text: string;
  readonly testid: string;
}

/** Minutes offered as a delay. */
export const DELAYS = [5, 10, 20] as const;

/** The codes of a group. */
export function codeOptions(group: Group): Option[] {
  return codesOf(group).map((one) => ({ id: one, text: code(group, one), testid: `${group}-${one}` }));
}

/** Those who were sent, by their place in the list. */
export function legOptions(legs: readonly ResponderLegView[]): Option[] {
  return legs.map((leg) => ({
    id: leg.responder,
    text: `${named(leg.name, leg.name_en)} · ${code('responder', leg.kind)}`,
    testid: `choose-${leg.responder}`,
  }));
}

/** Each of those on the way with each delay; the id is `responder minutes`. */
export function delayOptions(legs: readonly ResponderLegView[]): Option[] {
  return legs.flatMap((leg) =>
    DELAYS.map((minutes) => ({
      id: `${leg.responder} ${minutes}`,
      text: `${named(leg.name, leg.name_en)} +${minutes}′`,
      testid: `choose-delay-${minutes}`,
    })),
  );
}
