// For: who meets 120, 119 or 110 at the door: only somebody who is there, on the way, or was reached for this call.
// May not know: the slip it is read from; both languages are made here, for whoever answers hears Chinese.
import { aside, code, inChinese, named, t } from '../i18n/words.svelte';
import type { Phrase } from '../i18n/zh';
import type { Card, ContactView, ResponderLegView } from '../wire/wire';

export interface Waits {
  readonly zh: string;
  readonly en: string;
  readonly phone: string;
}

type Fill = Record<string, string | number>;
type Who = { zh: string; en: string };

function said(who: Who, phrase: Phrase, phone: string, fill: Fill = {}): Waits {
  return { zh: `${who.zh}${inChinese.t(phrase, fill)}`, en: `${who.en} ${t(phrase, fill)}`, phone };
}

function responder(leg: ResponderLegView): Who {
  return {
    zh: `${leg.name}（${inChinese.code('responder', leg.kind)}）`,
    en: `${named(leg.name, leg.name_en)}${aside(code('responder', leg.kind))}`,
  };
}

function contact(one: ContactView): Who {
  return {
    zh: `${one.name}（${one.relation}）`,
    en: `${named(one.name, one.name_en)}${aside(named(one.relation, one.relation_en))}`,
  };
}

/** Contacts who were reached for this call, by the last try of each; those on the way first. */
function reached(card: Card): { one: ContactView; coming: boolean }[] {
  const contacts = card.resident && !card.resident.erased ? card.resident.contacts : [];
  const tried = contacts.flatMap((one) => {
    const last = [...card.contact_tries].reverse().find((it) => it.order === one.order);
    if (last?.result !== 'reached' && last?.result !== 'on_the_way') return [];
    return [{ one, coming: last.result === 'on_the_way' }];
  });
  return tried.sort(
    (a, b) => Number(b.coming) - Number(a.coming) || Number(b.one.has_key) - Number(a.one.has_key),
  );
}

/** Who waits downstairs, as it is true at `now`. */
export function waits(card: Card, now: number): Waits {
  const minutes = (leg: ResponderLegView) => Math.max(1, Math.ceil((leg.eta - now) / 60_000));
  const there = card.responders.find((leg) => leg.arrived_at !== null);
  if (there) return said(responder(there), 'slip_wait_there', there.phone ?? '');
  const coming = card.responders.filter((leg) => leg.set_out_at !== null).sort((a, b) => a.eta - b.eta)[0];
  if (coming) return said(responder(coming), 'slip_wait_coming', coming.phone ?? '', { n: minutes(coming) });
  const family = reached(card)[0];
  if (family)
    return said(contact(family.one), family.coming ? 'slip_wait_way' : 'slip_wait_key', family.one.phone);
  const sent = [...card.responders].sort((a, b) => a.eta - b.eta)[0];
  if (sent) {
    const who = responder(sent);
    const n = minutes(sent);
    return {
      zh: inChinese.t('slip_wait_sent', { name: who.zh, n }),
      en: t('slip_wait_sent', { name: who.en, n }),
      phone: sent.phone ?? '',
    };
  }
  return { zh: inChinese.t('slip_wait_nobody'), en: t('slip_wait_nobody'), phone: '' };
}
