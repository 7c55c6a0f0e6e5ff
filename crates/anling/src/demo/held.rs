//! What a cast operator remembers of the calls on their screen.
//!
//! For: keeping little of many cards.
//! May not know: what is done about them (`hand`).

use super::carer::Leg;
use std::collections::{BTreeSet, HashMap};
use wire::{
    card::Card,
    console::{Change, FromPage, ToPage},
};

/// What of a card a cast operator goes by. Whole cards would be the most of a demo's memory: hundreds of operators hold
/// every call of theirs, and a card is some 10 KB.
pub(crate) struct Held {
    pub(crate) revision: u64,
    pub(crate) mine: bool,
    pub(crate) rings_me: bool,
    /// It is open, and they could accept it.
    pub(crate) acceptable: bool,
    /// They could answer for support.
    pub(crate) support: bool,
    pub(crate) closed: bool,
    pub(crate) asked: bool,
    pub(crate) phase: String,
    pub(crate) kind: String,
    pub(crate) device: Option<String>,
    /// Who would be sent.
    pub(crate) sendable: Option<String>,
    /// Who was sent and is not there yet.
    pub(crate) legs: Vec<Leg>,
    /// Somebody was there.
    pub(crate) visited: bool,
}

impl Held {
    fn of(card: &Card) -> Self {
        let free = card.can_send.iter().find(|option| !option.busy);
        let sendable = free.or(card.can_send.first());
        Self {
            revision: card.revision,
            mine: card.mine,
            rings_me: card.rings_me,
            acceptable: card.accept_as.is_some(),
            support: card.support_as.is_some(),
            closed: card.closing.is_some(),
            asked: card.asked.is_some(),
            phase: card.phase.clone(),
            kind: card.kind.clone(),
            device: card.device.as_ref().map(|device| device.id.clone()),
            sendable: sendable.map(|option| option.responder.clone()),
            legs: Leg::of(card),
            visited: card.responders.iter().any(|leg| leg.arrived_at.is_some()),
        }
    }
}

/// Updates the cards; returns a "shown" for each that rings.
pub(crate) fn take_in(cards: &mut HashMap<String, Held>, message: ToPage) -> Vec<FromPage> {
    let mut rings = Vec::new();
    let mut put = |cards: &mut HashMap<String, Held>, card: Card| {
        let before = cards.get(&card.id).is_some_and(|old| old.rings_me);
        if card.rings_me && !before {
            rings.push(FromPage::Shown {
                incident: card.id.clone(),
                revision: card.revision,
                sounded: true,
            });
        }
        let held = Held::of(&card);
        cards.insert(card.id, held);
    };
    match message {
        ToPage::Snapshot { cards: all, .. } => {
            let kept: BTreeSet<String> = all.iter().map(|card| card.id.clone()).collect();
            cards.retain(|id, _| kept.contains(id));
            for card in all {
                put(cards, card);
            }
        }
        ToPage::Changes { changes, .. } => {
            for change in changes {
                match change {
                    Change::Upsert { card } => put(cards, card),
                    Change::Remove { id, .. } => {
                        cards.remove(&id);
                    }
                }
            }
        }
        _ => {}
    }
    rings
}
