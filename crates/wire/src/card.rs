//! Cards: an incident as one person at a console may see it.
//!
//! For: the computed views the console sends; `upsert` always carries a whole card. A field ending in `_en` is the English
//! form of the one it is named after (names of people and places in pinyin), empty where there is none.
//! May not know: events. What a person may not see is absent here, decided on the server.

use serde::{Deserialize, Serialize};

macro_rules! shapes {
    ($($(#[$meta:meta])* pub $word:tt $name:ident $body:tt)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[expect(missing_docs, reason = "fields are explained where their name does not")]
        pub $word $name $body
    )*};
}

shapes! {
    /// One incident.
    pub struct Card {
        pub id: String,
        /// Revision of the incident shown here: what commands carry as `seen`.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub revision: u64,
        /// Revision at which the last alarm joined.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub alarm_revision: u64,
        /// 1 to 4.
        pub priority: u8,
        /// `waiting`, `offered`, `accepted`, `talking`, `underway`, `on_site`, `held`, `resolved`.
        pub phase: String,
        /// What it is named by: the kind of its most pressing alarm, the latest among equals: `sos`, `fall` …
        pub kind: String,
        /// Kind of the opening alarm.
        pub first_kind: String,
        /// Kind of the last press.
        pub last_kind: String,
        /// Every kind that was said, in the order first said.
        pub kinds: Vec<String>,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub opened_at: i64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub changed_at: i64,
        pub presses: u32,
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub last_press_at: Option<i64>,
        pub cancel_said: bool,
        /// The device did not prove who it is.
        pub unverified: bool,
        /// Problems of the alarms, e.g. `unknown_device`.
        pub problems: Vec<String>,
        pub district: Option<String>,
        /// For the queue and the spoken line: `道里 尚志`.
        pub place: String,
        pub place_en: String,
        /// Degrees; the community's centre when the resident is erased; absent when unknown.
        pub lon: Option<f64>,
        pub lat: Option<f64>,
        pub device: Option<DeviceView>,
        /// Whom a known device that did not prove itself claims to speak for.
        pub claim: Option<ClaimView>,
        /// Absent when nobody is known or this person may not see it.
        pub resident: Option<ResidentView>,
        pub owner: Option<OwnerView>,
        /// The owner is whoever this card was made for.
        pub mine: bool,
        /// It rings for whoever this card was made for: make a sound.
        pub rings_me: bool,
        /// The party as which they may accept, when they may.
        pub accept_as: Option<PartyView>,
        /// Support was asked for beside the owner.
        pub support: Option<SupportView>,
        /// The desk as which they may answer for that support, when they may: `answer_support`.
        pub support_as: Option<PartyView>,
        /// Their desk was told or rung beside the owner: they may send somebody and speak for whoever was sent.
        pub helps: bool,
        pub offer: Option<OfferView>,
        /// Every open incident has one.
        pub deadline: Option<DeadlineView>,
        /// The owner is asked whether they are still on it.
        pub asked: Option<AskedView>,
        pub responders: Vec<ResponderLegView>,
        /// Who could be sent, soonest first, at most eight; only for whoever holds the call, may take it or helps.
        pub can_send: Vec<ResponderOption>,
        pub contact_tries: Vec<ContactTryView>,
        pub services: Vec<ServiceCallView>,
        pub lapses: u32,
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub accepted_at: Option<i64>,
        pub closing: Option<ClosingView>,
        pub review_open: bool,
        /// The incident just before, of the same person.
        pub previous: Option<String>,
        /// The last lines of its history, oldest first, at most forty.
        pub story: Vec<StoryLine>,
    }
    pub struct DeviceView {
        pub id: String,
        /// `pendant`, `watch`, `wall_button`, `panel`, `phone`.
        pub model: String,
        pub battery_pct: Option<u8>,
        /// What troubles it: `low_battery` …
        pub troubles: Vec<String>,
    }
    pub struct ResidentView {
        pub id: String,
        pub name: String,
        pub name_latin: String,
        pub age: u16,
        pub sex: String,
        pub phone: String,
        pub compound: String,
        pub building: String,
        pub unit: String,
        pub floor: String,
        pub door: String,
        pub access: String,
        /// The whole address in one line, to be read aloud.
        pub address_line: String,
        pub community: String,
        pub grid: u16,
        pub grid_worker: Option<String>,
        pub hearing: String,
        pub dialect: String,
        pub conditions: Vec<String>,
        pub medicines: Vec<String>,
        pub hospital: String,
        pub household: Vec<String>,
        pub contacts: Vec<ContactView>,
        pub home_station: Option<String>,
        pub notes: String,
        /// The key is destroyed; nothing personal is left.
        pub erased: bool,
        /// 证据保全: may not be erased; those that end last first.
        pub holds: Vec<HoldView>,
        /// Earlier incidents, newest first, at most five.
        pub earlier: Vec<EarlierView>,
        /// The same in English, as far as it is known; what people wrote freely has no English form.
        pub english: ResidentEnglish,
    }
    /// A legal hold on a record.
    pub struct HoldView {
        /// The authority's number.
        pub case: String,
        pub why: String,
        /// The first moment at which it holds no more, in milliseconds.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub until: i64,
    }
    /// A record's words in English: names of places and people in pinyin, sentences of the synthetic city translated. Lists
    /// have as many entries as the Chinese ones; empty where there is no English form.
    #[derive(Default)]
    pub struct ResidentEnglish {
        pub address_line: String,
        /// Building, unit, floor and door in one line.
        pub door: String,
        pub access: String,
        pub community: String,
        pub grid_worker: String,
        pub home_station: String,
        pub dialect: String,
        pub conditions: Vec<String>,
        pub medicines: Vec<String>,
        pub hospital: String,
        pub household: Vec<String>,
        pub notes: String,
    }
    pub struct ContactView {
        /// From 1.
        pub order: u8,
        pub name: String,
        pub name_en: String,
        pub relation: String,
        pub relation_en: String,
        pub phone: String,
        pub has_key: bool,
        pub minutes_away: Option<u16>,
    }
    pub struct EarlierView {
        pub id: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
        pub kind: String,
        pub reason: Option<String>,
        pub outcome: Option<String>,
    }
    /// Somebody who can be rung, with the name to show.
    pub struct PartyView {
        /// `site`, `district_desk`, `supervisor`, `city_desk`, `keyholder`.
        pub party: String,
        /// The site or district.
        pub id: Option<String>,
        pub name: String,
        pub name_en: String,
        pub phone: Option<String>,
    }
    pub struct OwnerView {
        pub operator: String,
        /// Of the responder who accepted on their own phone, when one did; else of the operator.
        pub name: String,
        pub name_en: String,
        pub post: String,
        pub post_en: String,
        /// That responder; the call is held in the name of `operator`'s account.
        pub carer: Option<String>,
        pub party: PartyView,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub since: i64,
        pub first_step: bool,
        /// No live console of theirs.
        pub unreachable: bool,
    }
    /// Nothing of it is proved, and nobody is named: the record opens by `POST /v1/incidents/{id}/claim`, with a reason.
    pub struct ClaimView {
        pub device: String,
        /// Where whoever has the device lives.
        pub community: String,
        pub community_en: String,
        /// Their home station, and its duty phone.
        pub station: Option<String>,
        pub station_en: Option<String>,
        pub station_phone: Option<String>,
        /// Whoever this card was made for holds the call.
        pub may_look_up: bool,
    }
    pub struct SupportView {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub asked_at: i64,
        /// Who asks, by working name.
        pub by: String,
        pub by_en: String,
        /// It was a responder on the spot or on the way.
        pub by_responder: bool,
        /// Nobody asked: it rings because the owner did not answer whether they are still on it.
        pub unanswered: bool,
        /// The desks that are rung for it.
        pub rung: Vec<RungView>,
        /// Who answers for it, since when and for which desk.
        pub answered_by: Option<String>,
        pub answered_by_en: Option<String>,
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub answered_at: Option<i64>,
        pub answered_as: Option<PartyView>,
    }
    pub struct OfferView {
        pub ring: u8,
        pub round: u32,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub offered_at: i64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub widens_at: i64,
        pub rung: Vec<RungView>,
        /// Why this site: every site weighed, soonest first.
        pub candidates: Vec<CandidateView>,
    }
    pub struct RungView {
        pub party: PartyView,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub since: i64,
        pub shown: bool,
        pub sounded: bool,
        pub unseen: bool,
        pub phone_attempts: u32,
        pub declined: bool,
    }
    pub struct CandidateView {
        pub site: String,
        pub name: String,
        pub name_en: String,
        pub seconds: Option<u32>,
        pub metres: Option<u32>,
        /// Name of the crossing used.
        pub via: Option<String>,
        pub via_en: Option<String>,
        pub home: bool,
        /// `closed`, `nobody_on_duty`, `cannot_answer`, `capability`, `full`, `no_way`, `retired`.
        pub ruled_out: Option<String>,
    }
    pub struct DeadlineView {
        /// `offer`, `widen`, `show`, `duty_phone`, `first_step`, `talk`, `arrival`, `on_site`, `wake`, `answer`,
        /// `support`.
        pub kind: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
        /// Name of the operator who owes it; absent: the dispatcher.
        pub owner: Option<String>,
        pub owner_en: Option<String>,
    }
    pub struct AskedView {
        pub about: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub answer_by: i64,
        pub escalated: bool,
    }
    pub struct ResponderLegView {
        pub responder: String,
        pub name: String,
        pub name_en: String,
        /// `carer`, `nurse`, `volunteer`, `grid_worker`.
        pub kind: String,
        pub phone: Option<String>,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub sent_at: i64,
        /// Set out; until then they were only sent.
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub set_out_at: Option<i64>,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub eta: i64,
        pub delayed: bool,
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub arrived_at: Option<i64>,
        /// When the arrival was recorded, if it was reported later than it happened.
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub arrival_recorded_at: Option<i64>,
        /// Where they set out, degrees.
        pub from_lon: Option<f64>,
        pub from_lat: Option<f64>,
    }
    pub struct ResponderOption {
        pub responder: String,
        pub name: String,
        pub name_en: String,
        pub kind: String,
        pub site: Option<String>,
        pub site_name: Option<String>,
        pub site_name_en: Option<String>,
        pub seconds: Option<u32>,
        /// On another call.
        pub busy: bool,
    }
    pub struct ContactTryView {
        /// 0 is the resident, otherwise the contact's place in the list.
        pub order: u8,
        /// `reached`, `no_answer`, `busy`, `wrong_number`, `on_the_way`, `voicemail`.
        pub result: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
    }
    pub struct ServiceCallView {
        /// `120`, `119`, `110`.
        pub service: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
    }
    pub struct ClosingView {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
        /// Of the responder who closed it on their own phone, when one did; else of the operator.
        pub by: Option<String>,
        pub by_en: Option<String>,
        pub reason: String,
        pub actions: Vec<String>,
        pub outcome: String,
        pub machine: bool,
    }
    /// One line of an incident's history; the page finds the words by `kind`.
    pub struct StoryLine {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub revision: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub position: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
        /// When it happened, if it was reported later: `at` is when it was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(type = "number", optional))]
        pub said_at: Option<i64>,
        /// Stored name of the event: `IncidentOpened` …
        pub kind: String,
        /// Who did it, by working name; absent: the machine.
        pub by: Option<String>,
        pub by_en: Option<String>,
        /// Names and numbers to fill the words with: parties, minutes, results, texts this person may read.
        pub args: Vec<String>,
        /// The same with the names in English; empty when there are none among them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "ts", ts(as = "Option<Vec<String>>", optional))]
        pub args_en: Vec<String>,
    }
}
