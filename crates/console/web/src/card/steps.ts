// For: which steps make sense for a card as it is, and which one is suggested next.
// May not know: who may do what; the server refuses, and its words are shown.
import type { Card, ResponderLegView } from '../wire/wire';

export type Step =
  | 'accept'
  | 'answer_support'
  | 'decline'
  | 'start_talk'
  | 'send'
  | 'arrive'
  | 'delay'
  | 'came_back'
  | 'phone_link'
  | '120'
  | '119'
  | '110'
  | 'note'
  | 'ask_support'
  | 'hold'
  | 'end_hold'
  | 'transfer'
  | 'still_on_it'
  | 'resolve'
  | 'reopen'
  | 'follow_up'
  | 'close_review';

/** Steps in the order shown. */
export function stepsOf(card: Card): Step[] {
  if (card.phase === 'resolved')
    return ['follow_up', 'reopen', 'note', ...(card.review_open ? ['close_review' as const] : [])];
  if (!card.mine && card.owner && (card.support_as || card.helps)) {
    const helping: Step[] = card.support_as ? ['answer_support'] : [];
    // Whoever does not answer may be relieved of it; that is no offer, so there is nothing to decline.
    if (card.accept_as) helping.push('accept');
    if (card.helps) helping.push('send', ...(comingLegs(card).length > 0 ? ['arrive' as const] : []));
    return [...helping, '120', '119', '110', 'note'];
  }
  if (!card.mine) return card.accept_as ? ['accept', 'decline', 'note'] : ['note'];
  const steps: Step[] = [];
  if (card.phase === 'held') steps.push('end_hold');
  if (card.asked) steps.push('still_on_it');
  if (card.phase !== 'on_site') steps.push('start_talk');
  steps.push('send');
  if (comingLegs(card).length > 0) steps.push('arrive');
  steps.push('120', '119', '110', 'note');
  if (card.responders.length > 0 && (!card.support || card.support.answered_at !== null))
    steps.push('ask_support');
  if (card.phase !== 'held') steps.push('hold');
  steps.push('transfer', 'resolve');
  return steps;
}

/** Those who were sent and have not said that they are there. */
export function comingLegs(card: Card): ResponderLegView[] {
  return card.responders.filter((leg) => leg.arrived_at === null);
}

/** What can be done about those who were sent: their buttons stand beside their names, not among the steps. */
export function legSteps(card: Card): Step[] {
  if (!(card.mine || card.helps) || card.phase === 'resolved' || card.responders.length === 0) return [];
  const steps: Step[] = [...(comingLegs(card).length > 0 ? ['delay' as const] : []), 'came_back'];
  return card.mine ? [...steps, 'phone_link'] : steps;
}

/** The step that usually comes next; its button stands out. */
export function nextStep(card: Card): Step | null {
  if (card.support_as && card.owner && !card.mine) return 'answer_support';
  if (card.helps && !card.mine) return comingLegs(card).length > 0 ? null : 'send';
  switch (card.phase) {
    case 'waiting':
    case 'offered':
      return 'accept';
    case 'accepted':
      return 'start_talk';
    case 'talking':
      return card.responders.length > 0 ? 'arrive' : 'send';
    case 'underway':
      return 'arrive';
    case 'on_site':
      return 'resolve';
    case 'held':
      return 'end_hold';
    case 'resolved':
      return 'follow_up';
    default:
      return null;
  }
}
