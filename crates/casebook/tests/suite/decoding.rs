//! Stored bytes that nobody of ours wrote: events, metadata, sealed values, key files.
//!
//! For: that whatever stands in a log is read as it stands, passed over, or refused by its event and place without what
//! stood there; that what was read folds; that a sealed value opens only as it was sealed.
//! May not know: rules; which events can follow which.

use crate::common;
use crate::odd::{self, Changes, changed};
use base64::{Engine, engine::general_purpose::STANDARD};
use casebook::{
    Binding, Case, MasterKey, MasterKeyError, Stored, Unreadable,
    codec::{self, Meta},
    streams,
};
use domain::{Sealed, care::Care, incident};
use eventlog::{EventId, Position, Recorded, Revision, StreamName};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};
use std::{fs, path::PathBuf, sync::OnceLock};
use uuid::Uuid;

/// Stands in no message.
const HUSH: &str = "hush-hush";

const ID: Uuid = Uuid::from_u128(0xe1e2);

/// The stored names of each family, and how its streams begin.
fn families() -> Vec<(&'static str, &'static [&'static str])> {
    fn of<E: Stored>(begins: &'static str) -> (&'static str, &'static [&'static str]) {
        (begins, E::NAMES)
    }
    use domain::{area, care, crossing, device, operator, resident, site};
    vec![
        of::<incident::IncidentEvent>(streams::INCIDENT),
        of::<care::CareEvent>(streams::CARE),
        of::<device::DeviceEvent>(streams::DEVICE),
        of::<device::DeviceEvent>(streams::UNVERIFIED),
        of::<resident::ResidentEvent>(streams::RESIDENT),
        of::<site::SiteEvent>(streams::SITE),
        of::<operator::OperatorEvent>(streams::OPERATOR),
        of::<operator::ResponderEvent>(streams::RESPONDER),
        of::<crossing::CrossingEvent>(streams::CROSSING),
        of::<area::CityEvent>(streams::CITY),
        of::<area::DistrictEvent>(streams::DISTRICT),
        of::<area::CommunityEvent>(streams::COMMUNITY),
        of::<area::GridEvent>(streams::GRID),
        of::<area::BarrierEvent>(streams::BARRIER),
        (streams::POLICY, &[]),
        ("orders", &[]),
    ]
}

/// Every body of the golden files, with its stored name.
fn golden() -> &'static [(String, String)] {
    static ALL: OnceLock<Vec<(String, String)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
        let mut all = Vec::new();
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let name = stem.split('.').next().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            all.extend(text.lines().map(|line| (name.clone(), line.to_owned())));
        }
        all.sort();
        all
    })
}

fn stream_of(name: &str) -> &'static str {
    let all = families();
    let found = all.into_iter().find(|(_, names)| names.contains(&name));
    found.unwrap().0
}

fn recorded(begins: &str, name: &str, body: &[u8], meta: &[u8]) -> Recorded {
    Recorded {
        position: Position(7),
        stream: StreamName::new(format!("{begins}-x")).unwrap(),
        revision: Revision(3),
        id: EventId(ID),
        kind: name.into(),
        recorded_at: 0,
        body: body.to_vec().into(),
        meta: meta.to_vec().into(),
    }
}

/// The body it would be stored with; `None` of what is not ours.
fn written(case: &Case) -> Option<Vec<u8>> {
    let body = match case {
        Case::Incident(it) => codec::encode(it),
        Case::Care(it) => codec::encode(it),
        Case::Device(it) => codec::encode(it),
        Case::Resident(it) => codec::encode(it),
        Case::Site(it) => codec::encode(it),
        Case::Operator(it) => codec::encode(it),
        Case::Responder(it) => codec::encode(it),
        Case::Crossing(it) => codec::encode(it),
        Case::City(it) => codec::encode(it),
        Case::District(it) => codec::encode(it),
        Case::Community(it) => codec::encode(it),
        Case::Grid(it) => codec::encode(it),
        Case::Barrier(it) => codec::encode(it),
        Case::Foreign => return None,
    };
    Some(body.unwrap())
}

/// An event in the stream of its family: read as what it would be written as, or refused in words.
fn holds(name: &str, body: &[u8], meta: &[u8]) -> Result<Option<Case>, TestCaseError> {
    let begins = stream_of(name);
    match casebook::read(&recorded(begins, name, body, meta)) {
        Ok(case) => {
            let body = written(&case);
            prop_assert!(body.is_some(), "{} is a name of ours", name);
            let again = casebook::read(&recorded(begins, name, &body.unwrap(), b""));
            prop_assert_eq!(again.as_ref(), Ok(&case));
            Ok(Some(case))
        }
        Err(error) => {
            let Unreadable {
                id, kind, stream, ..
            } = &error;
            prop_assert_eq!((id.0, kind.as_str()), (ID, name));
            let said = error.to_string();
            let id = ID.to_string();
            for part in [name, stream.as_str(), id.as_str(), "line ", "column "] {
                prop_assert!(said.contains(part), "{} in {}", part, said);
            }
            prop_assert!(!said.contains(HUSH), "{}", said);
            Ok(None)
        }
    }
}

/// What is written into a good example, beside what troubles any reader of JSON.
const PIECES: [&str; 6] = [
    "9",
    "9223372036854775807",
    HUSH,
    "\"at\":5,",
    "\"hush-hush\":{},",
    "\"said_at\":null,",
];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&[&odd::JSON[..], &PIECES].concat())
}

/// A number of a body in place of another, as large and small as they are written.
fn with_number(text: &str, which: Index, number: &str) -> String {
    let digit = |at: &usize| {
        let before = at.checked_sub(1).map(|it| text.as_bytes()[it]);
        text.as_bytes()[*at].is_ascii_digit() && before == Some(b':')
    };
    let starts: Vec<usize> = (0..text.len()).filter(digit).collect();
    let Some(start) = starts.get(which.index(starts.len().max(1))) else {
        return text.to_owned();
    };
    let rest = text[*start..].trim_start_matches(|it: char| it.is_ascii_digit());
    format!("{}{number}{rest}", &text[..*start])
}

fn number() -> impl Strategy<Value = String> {
    let edges = [
        "0",
        "-1",
        "255",
        "65536",
        "4294967295",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
    ];
    prop_oneof![
        select(edges.to_vec()).prop_map(str::to_owned),
        any::<i64>().prop_map(|it| it.to_string()),
    ]
}

#[test]
fn every_golden_body_reads_in_its_stream_before_it_is_changed() {
    assert!(golden().len() >= 77);
    for (name, body) in golden() {
        let read = holds(name, body.as_bytes(), b"").unwrap();
        assert!(read.is_some(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_under_a_name_of_ours_are_an_event_or_an_error_of_theirs(
        (name, _) in select(golden()), body in vec(any::<u8>(), 0..300), meta in vec(any::<u8>(), 0..60),
    ) {
        holds(&name, &body, &meta)?;
    }

    #[test]
    fn a_changed_body_is_read_as_it_stands_or_refused_without_what_stood_there(
        (name, body) in select(golden()), changes in changes(), meta in vec(any::<u8>(), 0..20),
    ) {
        holds(&name, &changed(&body, changes), &meta)?;
    }

    #[test]
    fn a_body_with_any_number_anywhere_is_read_and_folds(
        (name, body) in select(golden()), which in any::<Index>(), number in number(),
        before in vec(select(golden()), 0..12),
    ) {
        let body = with_number(&body, which, &number);
        let events: Vec<(String, String)> = before.into_iter().chain([(name, body)]).collect();
        let opened = golden().iter().find(|(name, _)| name == "IncidentOpened").cloned();
        let (mut call, mut care) = (None, Care::default());
        for (revision, (name, body)) in (0..).zip(opened.into_iter().chain(events)) {
            match holds(&name, body.as_bytes(), b"")? {
                Some(Case::Incident(it)) => {
                    call = incident::evolve(call, revision, &it);
                    prop_assert!(call.is_some(), "an opened call stays one after {}", name);
                }
                Some(Case::Care(it)) => care = domain::care::evolve(care, &it),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_not_of_a_streams_family_is_passed_over_whatever_it_holds(
        (begins, names) in select(families()), (name, line) in select(golden()), other in "[A-Za-z]{1,20}",
        body in vec(any::<u8>(), 0..60),
    ) {
        for name in [name, other].iter().filter(|it| !names.contains(&it.as_str())) {
            for body in [line.as_bytes(), &body] {
                let read = casebook::read(&recorded(begins, name, body, b""));
                prop_assert_eq!(read, Ok(Case::Foreign));
            }
        }
    }

    #[test]
    fn any_metadata_reads_as_far_as_it_goes_and_is_written_as_it_was_read(changes in changes(), any in vec(any::<u8>(), 0..80)) {
        let whole = Meta {
            command: Some(ID),
            act: Some("accept".to_owned()),
            ..Meta::about(ID).caused_by(EventId(ID))
        };
        let text = serde_json::to_string(&whole).unwrap();
        for bytes in [changed(&text, changes), any] {
            let read = Meta::read(&bytes);
            let again = Meta::read(&serde_json::to_vec(&read).unwrap());
            prop_assert_eq!(again, read);
        }
    }

    #[test]
    fn a_key_file_holds_a_key_or_is_named_and_left_as_it_is(changes in changes(), any in vec(any::<u8>(), 0..300), made_up in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let bytes = if made_up { any } else { changed(format!("{}\n", STANDARD.encode([7; 32])), changes) };
        fs::write(&path, &bytes).unwrap();
        match MasterKey::load_or_create(&path) {
            Ok(key) => {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let said = STANDARD.decode(text.trim()).unwrap();
                prop_assert!(MasterKey::from_bytes(said.try_into().unwrap()).is(&key));
            }
            Err(error) => {
                prop_assert!(matches!(error, MasterKeyError::NotAKey { .. }), "{}", error);
                prop_assert!(error.to_string().contains("master.key"), "{}", error);
            }
        }
        prop_assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sealed_value_opens_only_as_it_was_sealed(part in 0..3usize, changes in changes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sealed, read, opened) = runtime.block_on(async {
            let vault = common::memory().await.vault().clone();
            let stream = StreamName::new("resident-r-1").unwrap();
            let at = Binding { stream: &stream, event: EventId(ID), field: "profile" };
            let sealed = vault.seal("resident-r-1", at, HUSH.as_bytes()).await.unwrap();
            let mut read = sealed.clone();
            let text = [&mut read.key, &mut read.nonce, &mut read.boxed];
            let text = text.into_iter().nth(part).unwrap();
            *text = String::from_utf8_lossy(&changed(&*text, changes)).into_owned();
            let opened = vault.open_sealed(&read, at).await;
            (sealed, read, opened)
        });
        match opened {
            Ok(plain) => {
                prop_assert_eq!(&plain[..], HUSH.as_bytes());
                prop_assert_eq!(read, sealed);
            }
            Err(_) => prop_assert_ne!(read, sealed),
        }
    }

    #[test]
    fn a_sealed_value_is_stored_and_read_as_it_is(key in ".{0,80}", nonce in ".{0,40}", boxed in ".{0,80}") {
        let sealed = Sealed { key, nonce, boxed };
        let text = serde_json::to_string(&sealed).unwrap();
        prop_assert_eq!(serde_json::from_str::<Sealed>(&text).unwrap(), sealed);
    }
}
