//! The console door: session, lists, and the WebSocket.

use crate::{
    card::{Card, PartyView},
    problem::Problem,
};
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
    /// `POST /v1/session`.
    pub struct SignIn { pub name: String, pub password: String }
    /// `POST /v1/session/phone`: the one-time token of a QR code.
    pub struct PhoneSignIn { pub token: String }
    /// `POST /v1/residents/by-phone`: the number as it is written down anywhere, with spaces, +86, without the area code.
    pub struct PhoneAsked { pub phone: String }
    /// Whose number it is; only those whom the asker may look at.
    pub struct ResidentsFound {
        pub residents: Vec<ResidentFound>,
        /// Records are still being indexed: there may be more.
        pub incomplete: bool,
    }
    pub struct ResidentFound {
        pub id: String,
        pub name: String,
        pub name_latin: String,
        pub community: String,
        pub community_en: String,
        /// It is a contact's number, not their own.
        pub of_contact: bool,
        /// An open incident of theirs that the asker sees.
        pub incident: Option<String>,
    }
    /// The answer to a sign-in, and `GET /v1/session`.
    pub struct Session {
        /// For programs: `Authorization: Bearer …`. Only in the answer to a sign-in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub token: Option<String>,
        pub me: Me,
    }
    /// Who is signed in.
    pub struct Me {
        pub operator: String,
        pub name: String,
        pub name_en: String,
        pub post: String,
        pub post_en: String,
        /// `operator`, `district_manager`, `administrator`, `auditor`.
        pub role: String,
        /// `site`, `district`, `city`.
        pub scope: String,
        pub scope_id: Option<String>,
        pub scope_name: String,
        pub scope_name_en: String,
        /// Set on the carer's phone.
        pub responder: Option<String>,
        /// Where they may take duty.
        pub parties: Vec<PartyView>,
    }
    /// `GET /v1/about`, open to everybody: what the sign-in page needs.
    pub struct About {
        pub version: String,
        pub protocol: u32,
        pub demo: bool,
        pub time_zone: String,
        /// What a browser that cannot show the page tells people to ring.
        pub duty_phone: String,
        /// Demo roles as buttons; empty outside the demo.
        pub demo_accounts: Vec<DemoAccount>,
        /// How much faster responders drive, in the demo.
        pub drive_speed: Option<u32>,
    }
    pub struct DemoAccount { pub name: String, pub password: String, pub label: String, pub label_en: String, pub role: String }
    /// `POST /v1/phone-links`: lets a responder's phone in by QR.
    pub struct PhoneLinkIn { pub responder: String }
    pub struct PhoneLink {
        pub url: String,
        /// An SVG image of the QR code.
        pub qr_svg: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub expires_at: i64,
    }
    /// `GET /v1/sites`.
    pub struct SiteView {
        pub id: String,
        /// `station`, `facility`, `district_desk`, `city_desk`.
        pub kind: String,
        pub name: String,
        pub name_en: String,
        pub district: String,
        pub lon: f64,
        pub lat: f64,
        pub phone: String,
        pub open_now: bool,
        pub on_duty: u32,
        /// Live consoles with proven sound.
        pub with_sound: u32,
        pub load: u32,
        pub capacity: u16,
        pub can_answer: bool,
        pub can_send: bool,
    }
    /// `GET /v1/map`: what does not move.
    pub struct MapView {
        pub barriers: Vec<BarrierView>,
        pub crossings: Vec<CrossingView>,
        pub districts: Vec<DistrictView>,
    }
    pub struct CrossingView { pub id: String, pub name: String, pub name_en: String, pub lon: f64, pub lat: f64, pub open: bool, pub foot_only: bool }
    /// A river, or what else is crossed at crossings only.
    pub struct BarrierView {
        pub id: String,
        pub name: String,
        pub name_en: String,
        /// Longitude, latitude, degrees; a river's downstream.
        pub points: Vec<[f64; 2]>,
    }
    pub struct DistrictView { pub id: String, pub name: String, pub name_en: String, pub lon: f64, pub lat: f64 }
    /// `GET /v1/incidents`.
    pub struct IncidentPage {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub position: u64,
        pub incidents: Vec<Card>,
        /// Pass as `after` for the next page; absent at the end.
        pub next: Option<String>,
    }
    /// `GET /v1/incidents/{id}/events`: the story with log positions, for the replay's slider.
    pub struct IncidentStory {
        pub incident: String,
        pub events: Vec<crate::card::StoryLine>,
        /// Moments of the queue around it: positions and times of every incident event between its first and last, at most 5,000.
        pub around: Vec<Moment>,
    }
    pub struct Moment {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub position: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub at: i64,
    }
    /// `GET /v1/incidents/{id}/targets`: who a call could be given to; `people` are on duty at a live console.
    pub struct Targets {
        /// Stations and facilities, soonest first.
        pub sites: Vec<TargetSite>,
        pub people: Vec<TargetPerson>,
    }
    pub struct TargetSite {
        pub site: String,
        /// From there to the call; absent when the place is not known or there is no way.
        pub seconds: Option<u32>,
    }
    pub struct TargetPerson {
        pub operator: String,
        pub name: String,
        pub name_en: String,
        pub post: String,
        pub post_en: String,
        /// For which they are on duty.
        pub party: PartyView,
    }
    /// `POST /v1/incidents/{id}/claim`: why the record of whom an unproved device claims to be is looked up: `call_back`,
    /// `send_somebody`.
    pub struct ClaimIn { pub reason: String }
    /// What is needed to find out, and no more.
    pub struct ClaimedRecord {
        pub name: String,
        pub name_latin: String,
        pub phone: String,
        pub address_line: String,
        pub address_line_en: String,
        /// The key is destroyed; nothing personal is left.
        pub erased: bool,
    }
    /// `POST /v1/incidents/{id}/commands`, and `command` over the WebSocket.
    pub struct CommandIn {
        /// A UUID made by the sender; repeated, it gets its first result.
        pub id: String,
        /// The card's revision on the screen.
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        pub seen: Option<u64>,
        /// When it happened, by the server's clock as far as the sender knows it, of a report that was kept back: believed
        /// when it lies between the sending (or the acceptance) and now and at most twelve hours back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(type = "number", optional))]
        pub at: Option<i64>,
        #[serde(rename = "do")]
        pub act: Act,
    }
    /// What was done with a command.
    pub struct CommandOut {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub revision: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub position: u64,
        /// It was done before; this is that result.
        pub repeated: bool,
    }
}

/// `POST /v1/duty-phone/answers`, from the telephone system that was told to ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DutyPhoneAnswer {
    /// The call's own name; an answer told again acts once.
    pub call: String,
    /// The incident it rang for.
    pub incident: String,
    /// Who was rung.
    pub party: PartyName,
    /// 1 accepts, 2 declines.
    pub digit: u8,
    /// Who says they are speaking, if asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
}

/// A party in either spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PartyName {
    /// `site:daoli-03`, `district_desk:230102`, `city_desk`.
    Text(String),
    /// The same in two fields.
    Fields {
        /// `site`, `district_desk`, `city_desk`.
        party: String,
        /// The site or district.
        #[serde(default)]
        id: Option<String>,
    },
}

/// What an operator or responder asks of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Act {
    Accept,
    Decline {
        reason: String,
    },
    StartTalk,
    StillOnIt,
    Hold {
        reason: String,
        minutes: u32,
    },
    EndHold,
    /// `order` 0 is the resident.
    TryContact {
        order: u8,
        result: String,
    },
    SendResponder {
        responder: String,
    },
    /// On the way, after they were sent.
    SetOut {
        responder: String,
    },
    /// `minutes` from now.
    DelayResponder {
        responder: String,
        minutes: u32,
    },
    Arrive {
        responder: String,
    },
    ReturnResponder {
        responder: String,
    },
    /// `120`, `119`, `110`.
    CallService {
        service: String,
    },
    AskSupport,
    /// A desk answers for support that was asked for; the owner keeps the call.
    AnswerSupport,
    AddNote {
        text: String,
    },
    /// To a party: `site`, `district_desk`, `city_desk`, with its id.
    Transfer {
        party: String,
        id: Option<String>,
        reason: String,
    },
    HandOver {
        to: String,
    },
    Resolve {
        reason: String,
        actions: Vec<String>,
        outcome: String,
        note: Option<String>,
    },
    Reopen {
        cause: String,
    },
    FollowUp {
        text: Option<String>,
    },
    CloseReview {
        text: Option<String>,
    },
}

/// From the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are named as elsewhere")]
pub enum FromPage {
    /// First message of a live page. `console` is the tab's own name, kept over reconnects; `position` the last one
    /// it has, absent on the first connection.
    Resume {
        console: String,
        #[cfg_attr(feature = "ts", ts(type = "number | null"))]
        position: Option<u64>,
    },
    /// Take duty at a party (one of `Me.parties`), with or without proven sound.
    SignOn {
        party: String,
        id: Option<String>,
        sound: bool,
    },
    SignOff,
    /// The page's sound works or has stopped working.
    Sound {
        proven: bool,
    },
    Command {
        incident: String,
        command: CommandIn,
    },
    /// The card is on the screen; `sounded` when its tone was started.
    Shown {
        incident: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        revision: u64,
        sounded: bool,
    },
    /// Replay only: show the board as of this position.
    Seek {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        position: u64,
    },
    Ping {
        n: u32,
    },
}

/// To the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are named as elsewhere")]
pub enum ToPage {
    Hello {
        protocol: u32,
        version: String,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        position: u64,
        /// The server's clock, for countdowns.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        now: i64,
        me: Me,
        /// Where duty is taken now.
        duty: Option<PartyView>,
        replay: bool,
        demo: bool,
    },
    /// Everything this person may see; what is not in it is gone.
    Snapshot {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        position: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        now: i64,
        cards: Vec<Card>,
        counts: Counts,
    },
    /// What changed since the last message.
    Changes {
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        position: u64,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        now: i64,
        changes: Vec<Change>,
        counts: Counts,
    },
    Duty {
        duty: Option<PartyView>,
        sound: bool,
    },
    /// The answer to a command: exactly one of the two is set.
    Result {
        command: String,
        done: Option<CommandOut>,
        refused: Option<Problem>,
    },
    Pong {
        n: u32,
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        now: i64,
    },
    /// What makes the whole less safe than it should be; empty when all is well. Said after `hello`, and when it changes.
    Health { troubles: Vec<Trouble> },
    /// The session has ended; sign in again.
    SignedOut { why: String },
}

/// One thing that is not as it should be, for the page to put into words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trouble {
    /// `one_copy`: no synchronous standby. `unsafe_database`: it may lose what it confirmed. `log_away`: the log does not
    /// answer. `no_dispatcher`: none is running.
    pub code: String,
    /// It lasts until somebody changes how the house is set up: the page may put it aside.
    pub standing: bool,
    /// Since when, if that was seen.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub since: Option<i64>,
    /// What else the words need: of `unsafe_database` the settings that are off.
    pub args: Vec<String>,
}

/// One change of the board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "c", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are named as elsewhere")]
pub enum Change {
    Upsert {
        card: Card,
    },
    /// `why`: `accepted_elsewhere`, `closed`, `out_of_scope`. `by` names who has it now.
    Remove {
        id: String,
        why: String,
        by: Option<String>,
        by_en: Option<String>,
    },
}

/// Numbers of the status bar, in this person's scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export, export_to = "wire.ts"))]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Counts {
    pub waiting: u32,
    pub in_hand: u32,
    pub held: u32,
    pub closed_today: u32,
    pub sites_open: u32,
    pub sites_with_sound: u32,
    pub operators_on_duty: u32,
}
