//! Every shape ever stored: one file per stored name, one body per line.
//!
//! For: that what we write is byte for byte what we wrote, and that every old body still reads.
//! May not know: rules; the samples need not make a story.
//!
//! `UPDATE_GOLDEN=1 cargo test` writes the files that are missing and touches no other. When a shape changes, its
//! file is kept as `<StoredName>.<schema>.json` before the new one is written.

mod samples;

use casebook::{
    Stored,
    codec::{self, Meta, SCHEMA},
};
use domain::Happened;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Calls a macro-like function for every family.
macro_rules! for_every_family {
    ($call:ident) => {
        $call(samples::incident());
        $call(samples::care());
        $call(samples::device());
        $call(samples::resident());
        $call(samples::site());
        $call(samples::operator());
        $call(samples::responder());
        $call(samples::crossing());
        $call(samples::city());
        $call(samples::district());
        $call(samples::communities());
        $call(samples::grid());
        $call(samples::barrier());
    };
}

fn by_name<E: Stored>(samples: Vec<Happened<E>>) -> BTreeMap<&'static str, Vec<Happened<E>>> {
    let mut by_name = BTreeMap::<_, Vec<_>>::new();
    for sample in samples {
        let name = sample.event.stored_name();
        by_name.entry(name).or_default().push(sample);
    }
    by_name
}

fn check<E: Stored + PartialEq + std::fmt::Debug>(samples: Vec<Happened<E>>) {
    for (name, samples) in by_name(samples) {
        let lines: Vec<String> = samples
            .iter()
            .map(|sample| String::from_utf8(codec::encode(sample).unwrap()).unwrap())
            .collect();
        let path = folder().join(format!("{name}.json"));
        if !path.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
        let golden = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; see this file's head", path.display()));
        let golden: Vec<&str> = golden.lines().collect();
        assert_eq!(lines, golden, "{name} is written otherwise than before");
        for (sample, line) in samples.into_iter().zip(golden) {
            let read = codec::decode::<E>(name, SCHEMA, line.as_bytes()).unwrap();
            assert_eq!(read, Some(sample), "{name} reads otherwise than before");
        }
    }
}

#[test]
fn every_event_is_written_and_read_as_its_golden_file_says() {
    for_every_family!(check);
}

#[test]
fn every_variant_has_a_sample_and_a_golden_file_and_no_two_families_share_a_name() {
    let mut seen = BTreeSet::new();
    let mut names_of = |names: &'static [&'static str], sampled: BTreeSet<&'static str>| {
        for name in names {
            assert!(sampled.contains(name), "{name} has no sample");
            let path = folder().join(format!("{name}.json"));
            assert!(path.exists(), "{name} has no golden file");
            assert!(seen.insert(*name), "{name} is stored by two families");
        }
    };
    fn sampled<E: Stored>(
        samples: Vec<Happened<E>>,
    ) -> (&'static [&'static str], BTreeSet<&'static str>) {
        let names = samples.iter().map(|sample| sample.event.stored_name());
        (E::NAMES, names.collect())
    }
    macro_rules! count {
        ($samples:expr) => {{
            let (names, found) = sampled($samples);
            names_of(names, found);
        }};
    }
    count!(samples::incident());
    count!(samples::care());
    count!(samples::device());
    count!(samples::resident());
    count!(samples::site());
    count!(samples::operator());
    count!(samples::responder());
    count!(samples::crossing());
    count!(samples::city());
    count!(samples::district());
    count!(samples::communities());
    count!(samples::grid());
    count!(samples::barrier());
}

#[test]
fn every_golden_file_still_reads_whatever_its_age() {
    let mut read = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (name, schema) = match stem.split_once('.') {
            Some((name, schema)) => (name, schema.parse().unwrap()),
            None => (stem.as_str(), SCHEMA),
        };
        for line in fs::read_to_string(&path).unwrap().lines() {
            assert!(reads(name, schema, line), "{}", path.display());
            read += 1;
        }
    }
    assert!(read >= 77, "only {read} bodies found");
}

/// Whether any family reads the body.
fn reads(name: &str, schema: u32, line: &str) -> bool {
    fn one<E: Stored>(name: &str, schema: u32, line: &str) -> bool {
        let read = codec::decode::<E>(name, schema, line.as_bytes());
        read.unwrap().is_some()
    }
    one::<domain::incident::IncidentEvent>(name, schema, line)
        || one::<domain::care::CareEvent>(name, schema, line)
        || one::<domain::device::DeviceEvent>(name, schema, line)
        || one::<domain::resident::ResidentEvent>(name, schema, line)
        || one::<domain::site::SiteEvent>(name, schema, line)
        || one::<domain::operator::OperatorEvent>(name, schema, line)
        || one::<domain::operator::ResponderEvent>(name, schema, line)
        || one::<domain::crossing::CrossingEvent>(name, schema, line)
        || one::<domain::area::CityEvent>(name, schema, line)
        || one::<domain::area::DistrictEvent>(name, schema, line)
        || one::<domain::area::CommunityEvent>(name, schema, line)
        || one::<domain::area::GridEvent>(name, schema, line)
        || one::<domain::area::BarrierEvent>(name, schema, line)
}

#[test]
fn metadata_is_written_as_it_always_was() {
    let id = uuid::Uuid::from_u128(7);
    let meta = Meta {
        command: Some(id),
        ..Meta::about(id).caused_by(eventlog::EventId(id))
    };
    let text = serde_json::to_string(&meta).unwrap();
    let seven = "00000000-0000-0000-0000-000000000007";
    assert_eq!(
        text,
        format!(
            r#"{{"correlation":"{seven}","causation":"{seven}","command":"{seven}","schema":1}}"#
        )
    );
    assert_eq!(Meta::read(text.as_bytes()), meta);
    assert_eq!(
        serde_json::to_string(&Meta::default()).unwrap(),
        r#"{"schema":1}"#
    );
}
