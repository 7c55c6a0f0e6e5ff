//! The stored name of every event.
//!
//! For: names that are ours to keep for ever, beside the variants that bear them today.
//! May not know: the shapes; those are the events' own.
//!
//! Left is the variant as the code calls it now, right the name in the log. Renaming the left changes nothing stored.

use crate::codec::Stored;
use domain::{
    area::{BarrierEvent, CityEvent, CommunityEvent, DistrictEvent, GridEvent},
    care::CareEvent,
    crossing::CrossingEvent,
    device::DeviceEvent,
    incident::IncidentEvent,
    operator::{OperatorEvent, ResponderEvent},
    resident::ResidentEvent,
    site::SiteEvent,
};

macro_rules! stored {
    ($event:ident { $($variant:ident = $name:literal,)* }) => {
        impl Stored for $event {
            const NAMES: &'static [&'static str] = &[$($name,)*];

            fn stored_name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }

            fn variant_of(stored_name: &str) -> Option<&'static str> {
                match stored_name {
                    $($name => Some(stringify!($variant)),)*
                    _ => None,
                }
            }
        }
    };
}

stored!(IncidentEvent {
    IncidentOpened = "IncidentOpened",
    AlarmJoined = "AlarmJoined",
    Offered = "Offered",
    OfferShown = "OfferShown",
    OfferUnseen = "OfferUnseen",
    DutyPhoneRung = "DutyPhoneRung",
    OfferDeclined = "OfferDeclined",
    Escalated = "Escalated",
    Accepted = "Accepted",
    AcceptanceLapsed = "AcceptanceLapsed",
    TalkStarted = "TalkStarted",
    StillOnIt = "StillOnIt",
    ProgressOverdue = "ProgressOverdue",
    HandedOver = "HandedOver",
    Held = "Held",
    HoldEnded = "HoldEnded",
    ContactTried = "ContactTried",
    ResponderSent = "ResponderSent",
    ResponderSetOut = "ResponderSetOut",
    ResponderDelayed = "ResponderDelayed",
    ResponderArrived = "ResponderArrived",
    ResponderReturned = "ResponderReturned",
    EmergencyServiceCalled = "EmergencyServiceCalled",
    SupportAsked = "SupportAsked",
    SupportAnswered = "SupportAnswered",
    NoteAdded = "NoteAdded",
    ProtocolAnswered = "ProtocolAnswered",
    Transferred = "Transferred",
    Resolved = "Resolved",
    Reopened = "Reopened",
    FollowUpDone = "FollowUpDone",
    ReviewOpened = "ReviewOpened",
    ReviewClosed = "ReviewClosed",
});

stored!(CareEvent {
    CareOpened = "CareOpened",
    AlarmHandled = "AlarmHandled",
    CareClosed = "CareClosed",
    CareReopened = "CareReopened",
});

stored!(DeviceEvent {
    DeviceEnrolled = "DeviceEnrolled",
    AlarmReceived = "AlarmReceived",
    TestReceived = "TestReceived",
    TroubleReported = "TroubleReported",
    DeviceFellSilent = "DeviceFellSilent",
    DeviceReturned = "DeviceReturned",
    DeviceRetired = "DeviceRetired",
});

stored!(ResidentEvent {
    ResidentEnrolled = "ResidentEnrolled",
    ProfileChanged = "ProfileChanged",
    ResidentMoved = "ResidentMoved",
    ConsentGiven = "ConsentGiven",
    ResidentErased = "ResidentErased",
    LegalHoldPlaced = "LegalHoldPlaced",
    LegalHoldLifted = "LegalHoldLifted",
    RecordViewed = "RecordViewed",
});

stored!(SiteEvent {
    SiteOpened = "SiteOpened",
    HoursChanged = "HoursChanged",
    CapacityChanged = "CapacityChanged",
    OperatorSignedOn = "OperatorSignedOn",
    OperatorSignedOff = "OperatorSignedOff",
    ConsoleAttached = "ConsoleAttached",
    ConsoleDetached = "ConsoleDetached",
    SoundProven = "SoundProven",
    SoundLost = "SoundLost",
    SiteClosed = "SiteClosed",
});

stored!(OperatorEvent {
    OperatorAdded = "OperatorAdded",
    PasswordChanged = "PasswordChanged",
    OperatorRemoved = "OperatorRemoved",
    SignedIn = "SignedIn",
    SignedOut = "SignedOut",
    OperatorUnreachable = "OperatorUnreachable",
    OperatorBack = "OperatorBack",
});

stored!(ResponderEvent {
    ResponderAdded = "ResponderAdded",
    ResponderRemoved = "ResponderRemoved",
});

stored!(CrossingEvent {
    CrossingOpened = "CrossingOpened",
    CrossingClosed = "CrossingClosed",
});

stored!(CityEvent {
    CityDescribed = "CityDescribed",
});

stored!(DistrictEvent {
    DistrictDescribed = "DistrictDescribed",
    DistrictDissolved = "DistrictDissolved",
});

stored!(CommunityEvent {
    CommunityDescribed = "CommunityDescribed",
    CommunityDissolved = "CommunityDissolved",
});

stored!(GridEvent {
    GridAssigned = "GridAssigned",
});

stored!(BarrierEvent {
    BarrierDrawn = "BarrierDrawn",
    BarrierRemoved = "BarrierRemoved",
});
