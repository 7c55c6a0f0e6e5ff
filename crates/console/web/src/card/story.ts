// For: what a history line says beside its name: its arguments in words, by the kind of event.
// May not know: the card's other parts. The order of the arguments is the server's; anything unknown is shown as it came.
import { argument, aside, code, language, named, t } from '../i18n/words.svelte';
import type { Card, StoryLine } from '../wire/wire';

const listed = (parts: (string | undefined)[]) => parts.filter(Boolean).join(' · ');

/** Whom a telephone call went to: nothing for the resident, else the place in the list of contacts. */
function callee(card: Card, order: string | undefined): string {
  if (!order) return named(card.resident?.name ?? '', card.resident?.name_latin) || t('story_resident');
  const contact = card.resident?.contacts.find((one) => String(one.order) === order);
  if (!contact) return t('story_contact', { n: order });
  return named(contact.name, contact.name_en) + aside(named(contact.relation, contact.relation_en));
}

/** A line's name: what a cancel is, is not said with the words of a press. */
export function title(line: StoryLine): string {
  return line.kind === 'AlarmJoined' && line.args[0] === 'cancel'
    ? t('story_cancel')
    : code('story', line.kind);
}

/** Why an offer was made; the first because somebody called, which needs no words. */
function cause(ring: string, why: string): string {
  return why === 'ring' && ring === '1' ? '' : argument(why);
}

/** The words after a line's name. */
export function details(card: Card, line: StoryLine): string {
  const args = language() === 'en' && line.args_en?.length ? line.args_en : line.args;
  const last = args[args.length - 1] ?? '';
  switch (line.kind) {
    case 'AlarmJoined':
      return args[0] === 'cancel' ? '' : listed([code('kind', args[0]), t('presses', { n: args[1] ?? '' })]);
    case 'Offered':
      return listed([
        ...args.slice(0, -2),
        cause(last, args[args.length - 2] ?? ''),
        args[args.length - 2] === 'support' ? '' : t('ring_n', { n: last }),
      ]);
    case 'OfferShown':
      return listed([args[0], args[1] === 'silent' ? t('story_silent') : '']);
    case 'DutyPhoneRung':
      return listed([args[0], t('story_attempt', { n: args[1] ?? '' }), argument(args[2] ?? '')]);
    case 'Held':
    case 'ResponderSent':
    case 'ResponderSetOut':
    case 'ResponderDelayed':
      return listed([argument(args[0] ?? ''), t('why_minutes', { n: args[1] ?? '' })]);
    case 'ContactTried':
      return listed([callee(card, args[0]), code('result', args[1])]);
    case 'HandedOver':
      return args.join(' → ');
    default:
      return listed(args.map(argument));
  }
}
