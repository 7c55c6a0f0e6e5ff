//! Codes: what it was, what was done, how it ended; why a call is held, given away, declined or opened again.
//!
//! For: fields that are counted in reports and may therefore not be free text. Codes are versioned and never reused.
//! May not know: how they are shown; names in both languages stand in the page.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the code is its own name")]
        pub enum $name { $(#[serde(rename = $text)] $variant,)* }
        impl $name {
            /// Every code, in the order shown.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// The code as stored and shown.
            pub fn as_str(self) -> &'static str { match self { $($name::$variant => $text,)* } }
        }
    };
}

codes! {
    /// What it was.
    Reason {
        Fall = "FALL", FallNoInjury = "FALL-NOINJ", Unwell = "UNWELL", Chest = "CHEST", Breath = "BREATH", Stroke = "STROKE?", Pain = "PAIN",
        Confused = "CONFUSED", Fire = "FIRE/SMOKE", Gas = "CO/GAS", Flood = "FLOOD", Intruder = "INTRUDER", LockedOut = "LOCKED-OUT",
        Wander = "WANDER", CarerLate = "CARER-LATE", Meds = "MEDS", Lonely = "LONELY", HelpSmall = "HELP-SMALL", Test = "TEST",
        Accident = "ACCIDENT", NoSpeech = "NO-SPEECH", DeviceFault = "DEVICE-FAULT", LowBattery = "LOW-BATT", MainsLost = "MAINS-LOST",
        LineLost = "LINE-LOST", Tamper = "TAMPER", Unknown = "UNKNOWN",
    }
}
codes! {
    /// What was done; several may hold.
    Action {
        Talked = "TALKED", Keyholder = "KEYHOLDER", StationVisit = "STATION-VISIT", Volunteer = "VOLUNTEER", Ambulance = "120", Fire = "119",
        Police = "110", Doctor = "GP", Family = "FAMILY", Engineer = "ENGINEER", CallBack = "CALLBACK", None = "NONE",
    }
}
codes! {
    /// How it ended.
    Outcome {
        Safe = "SAFE", Lifted = "LIFTED", TreatedHome = "TREATED-HOME", ToHospital = "TO-HOSPITAL", Admitted = "ADMITTED", Deceased = "DECEASED",
        NotFound = "NOT-FOUND", Refused = "REFUSED", False = "FALSE", DuplicateOf = "DUPLICATE-OF", Transferred = "TRANSFERRED",
        CancelledByCaller = "CANCELLED-BY-CALLER", UnreachedEscalated = "UNREACHED-ESCALATED",
    }
}
codes! {
    /// Why a call waits.
    HoldReason {
        FamilyComing = "family_coming", CallBackLater = "call_back_later", WaitingAmbulance = "waiting_120",
        WaitingEngineer = "waiting_engineer", Asleep = "asleep", Other = "other",
    }
}
codes! {
    /// Why a call is given to somebody else.
    TransferReason {
        Nearer = "nearer", NoStaff = "no_staff", Capability = "capability", NotOurs = "not_ours", ShiftEnd = "shift_end",
    }
}
codes! {
    /// Why a site does not take what it was offered.
    DeclineReason {
        Away = "away", OnCall = "on_call", TooFar = "too_far", NoStaff = "no_staff", Other = "other",
    }
}
codes! {
    /// Why the record of whom an unproved device claims to be is looked up.
    ClaimReason {
        CallBack = "call_back", SendSomebody = "send_somebody",
    }
}
codes! {
    /// Why a closed call is opened again.
    ReopenCause {
        CalledAgain = "called_again", NotSafe = "not_safe", WrongCode = "wrong_code", FamilyAsked = "family_asked", Other = "other",
    }
}
