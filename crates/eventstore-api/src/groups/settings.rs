//! Settings of a group as clients send them.
//!
//! For: both generations of fields: one client names streams in the newer, one in the older, one in both.
//! May not know: whether a group can work with them; the log says.

use std::time::Duration;

use eventlog::competing::{GroupFilter, GroupKey, Settings, Source, StartFrom, Strategy};

use super::{missing, of_all, of_stream};
use crate::fault::{Fault, GroupFault};
use crate::proto::client::persistent_subscriptions::{create_req, update_req};

/// Where a group begins, in the older field: from the end.
const END: u64 = u64::MAX;

/// 100-nanosecond ticks in a millisecond.
const TICKS: i64 = 10_000;

/// The fields both messages have.
macro_rules! settings {
    ($given:ident, $from:ident, $key:expr, $start_from:expr, $filter:expr, $strategy:expr) => {{
        use $from::settings::{CheckpointAfter, MessageTimeout};
        let count = |what: &str, number: i32| {
            u32::try_from(number).map_err(|_| failed($key, &format!("{what} must not be negative")))
        };
        let size = |what: &str, number: i32| {
            usize::try_from(number)
                .map_err(|_| failed($key, &format!("{what} must not be negative")))
        };
        Settings {
            resolve_links: $given.resolve_links,
            start_from: $start_from,
            filter: $filter,
            extra_statistics: $given.extra_statistics,
            message_timeout: match $given.message_timeout {
                Some(MessageTimeout::MessageTimeoutMs(ms)) => ms_of(i64::from(ms)),
                Some(MessageTimeout::MessageTimeoutTicks(ticks)) => ms_of(ticks / TICKS),
                None => Settings::default().message_timeout,
            },
            max_retry_count: count("the most retries", $given.max_retry_count)?,
            checkpoint_after: match $given.checkpoint_after {
                Some(CheckpointAfter::CheckpointAfterMs(ms)) => ms_of(i64::from(ms)),
                Some(CheckpointAfter::CheckpointAfterTicks(ticks)) => ms_of(ticks / TICKS),
                None => Settings::default().checkpoint_after,
            },
            min_checkpoint_count: count("the least checkpoint count", $given.min_checkpoint_count)?,
            max_checkpoint_count: count("the most checkpoint count", $given.max_checkpoint_count)?,
            max_subscriber_count: count("the most subscribers", $given.max_subscriber_count)?,
            live_buffer_size: size("the live buffer size", $given.live_buffer_size)?,
            read_batch_size: size("the read batch size", $given.read_batch_size)?,
            history_buffer_size: size("the history buffer size", $given.history_buffer_size)?,
            strategy: $strategy,
        }
    }};
}
pub(crate) fn to_create(options: create_req::Options) -> Result<(GroupKey, Settings), Fault> {
    use create_req::all_options::AllOption;
    use create_req::options::StreamOption;
    use create_req::stream_options::RevisionOption;
    let given = options.settings.ok_or_else(missing)?;
    let group = options.group_name;
    let older = given.revision;
    let mut filter = None;
    let (key, start_from) = match options.stream_option {
        Some(StreamOption::Stream(stream)) => {
            let start = match stream.revision_option {
                Some(RevisionOption::Revision(revision)) => place(revision),
                Some(RevisionOption::Start(_)) => StartFrom::Beginning,
                Some(RevisionOption::End(_)) | None => StartFrom::End,
            };
            (of_stream(stream.stream_identifier, group)?, start)
        }
        Some(StreamOption::All(all)) => {
            let start = match all.all_option {
                Some(AllOption::Position(at)) if at.prepare_position > at.commit_position => {
                    return Err(failed(
                        &of_all(group),
                        "the prepare position lies behind the commit position",
                    ));
                }
                Some(AllOption::Position(at)) => place(at.commit_position),
                Some(AllOption::Start(_)) => StartFrom::Beginning,
                Some(AllOption::End(_)) | None => StartFrom::End,
            };
            filter = group_filter(all.filter_option);
            (of_all(group), start)
        }
        None => (of_stream(options.stream_identifier, group)?, place(older)),
    };
    let named = given.consumer_strategy.as_str();
    let strategy = match (named, given.named_consumer_strategy()) {
        ("", create_req::ConsumerStrategy::DispatchToSingle) => Strategy::DispatchToSingle,
        ("", create_req::ConsumerStrategy::RoundRobin) => Strategy::RoundRobin,
        ("", create_req::ConsumerStrategy::Pinned) => Strategy::Pinned,
        (named, _) => Strategy::named(named)
            .ok_or_else(|| failed(&key, &format!("there is no strategy {named}")))?,
    };
    let settings = settings!(given, create_req, &key, start_from, filter, strategy);
    Ok((key, settings))
}

pub(crate) fn to_update(options: update_req::Options) -> Result<(GroupKey, Settings), Fault> {
    use update_req::all_options::AllOption;
    use update_req::options::StreamOption;
    use update_req::stream_options::RevisionOption;
    let given = options.settings.ok_or_else(missing)?;
    let group = options.group_name;
    let (key, start_from) = match options.stream_option {
        Some(StreamOption::Stream(stream)) => {
            let start = match stream.revision_option {
                Some(RevisionOption::Revision(revision)) => place(revision),
                Some(RevisionOption::Start(_)) => StartFrom::Beginning,
                Some(RevisionOption::End(_)) | None => StartFrom::End,
            };
            (of_stream(stream.stream_identifier, group)?, start)
        }
        Some(StreamOption::All(all)) => {
            let start = match all.all_option {
                Some(AllOption::Position(at)) => place(at.commit_position),
                Some(AllOption::Start(_)) => StartFrom::Beginning,
                Some(AllOption::End(_)) | None => StartFrom::End,
            };
            (of_all(group), start)
        }
        None => (
            of_stream(options.stream_identifier, group)?,
            place(given.revision),
        ),
    };
    let strategy = match given.named_consumer_strategy() {
        update_req::ConsumerStrategy::DispatchToSingle => Strategy::DispatchToSingle,
        update_req::ConsumerStrategy::RoundRobin => Strategy::RoundRobin,
        update_req::ConsumerStrategy::Pinned => Strategy::Pinned,
    };
    let settings = settings!(given, update_req, &key, start_from, None, strategy);
    Ok((key, settings))
}

fn place(revision: u64) -> StartFrom {
    match revision {
        END => StartFrom::End,
        place => StartFrom::Place(place),
    }
}

fn ms_of(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn failed(key: &GroupKey, why: &str) -> Fault {
    let source: &Source = &key.source;
    let fault = GroupFault::Failed(why.to_owned());
    Fault::Group(fault, source.to_string(), key.group.clone())
}

fn group_filter(option: Option<create_req::all_options::FilterOption>) -> Option<GroupFilter> {
    use create_req::all_options::FilterOption;
    use create_req::all_options::filter_options::Filter;
    let Some(FilterOption::Filter(filter)) = option else {
        return None;
    };
    Some(match filter.filter? {
        Filter::StreamIdentifier(it) if it.regex.is_empty() => {
            GroupFilter::StreamPrefixes(it.prefix)
        }
        Filter::StreamIdentifier(it) => GroupFilter::StreamRegex(it.regex),
        Filter::EventType(it) if it.regex.is_empty() => GroupFilter::KindPrefixes(it.prefix),
        Filter::EventType(it) => GroupFilter::KindRegex(it.regex),
    })
}
