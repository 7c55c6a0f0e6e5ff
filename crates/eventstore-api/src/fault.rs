//! What a call can be refused for, and how each version of the protocol says it.
//!
//! For: one list of faults; status, trailers and details exactly as the clients expect them.
//! May not know: which call it was.

use std::collections::HashMap;

use eventlog::{AppendError, EVENT_BYTES, Expected, FollowError, ReadError, Revision, StreamName};
use prost::Message;
use prost_types::Any;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::members::Reached;
use crate::proto::{client, google::rpc, v2};

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The sender may not do this.
    AccessDenied,
    /// Nobody has this name and password.
    Unauthenticated,
    /// The stream was ended for ever.
    Tombstoned(StreamName),
    /// The stream is not at the revision expected.
    WrongExpected {
        stream: StreamName,
        expected: Expected,
        actual: Option<Revision>,
    },
    /// An event or an append is too large.
    TooLarge { size: usize, limit: usize },
    /// An event has no type or no content type.
    MissingMetadata(&'static str),
    /// The request says what cannot be.
    Invalid(String),
    /// The sender holds, or would hold, too much.
    TooMany(String),
    /// The queue is full.
    Busy,
    /// The store does not answer.
    Unavailable(String),
    /// The sender's own deadline has passed.
    TimedOut,
    /// One stream twice in one append of several.
    Twice(StreamName),
    /// An append of several that names none.
    Nothing,
    /// Checks of an append of several that do not hold: index, stream, expected, actual state.
    Inconsistent(Vec<(usize, String, i64, i64)>),
    /// Only the process named here can do it.
    NotLeader(Reached),
    /// About a group of competing consumers.
    Group(GroupFault, String, String),
}

/// What is wrong with a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupFault {
    Failed(String),
    Missing,
    Exists,
    Full,
    Dropped,
}

impl Fault {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongRevision {
                stream,
                expected,
                actual,
            } => Self::WrongExpected {
                stream,
                expected,
                actual,
            },
            AppendError::TooLarge { what, size, limit }
                if what.contains("bytes") && limit >= EVENT_BYTES =>
            {
                Self::TooLarge { size, limit }
            }
            AppendError::StreamDeleted { stream } => Self::Tombstoned(stream),
            AppendError::Unavailable(why) => Self::Unavailable(why),
            AppendError::Full => Self::Busy,
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooMany { .. } => Self::Invalid(error.to_string()),
            ReadError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<FollowError> for Fault {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Unread(error) => error.into(),
            FollowError::Full { .. } => Self::TooMany(error.to_string()),
            FollowError::Deleted => Self::Invalid(error.to_string()),
        }
    }
}

/// An expected revision as a number: -1 no stream, -2 any, -4 stream exists.
pub(crate) fn expected_number(expected: Expected) -> i64 {
    match expected {
        Expected::NoStream => -1,
        Expected::Any => -2,
        Expected::StreamExists => -4,
        Expected::Exact(revision) => signed(revision.0),
    }
}

/// An actual revision as a number: -1 no stream.
pub(crate) fn actual_number(actual: Option<Revision>) -> i64 {
    actual.map_or(-1, |revision| signed(revision.0))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Version 1: a code, words, and trailers for programs.
impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let (code, text) = fault.plain();
        let mut trailers = MetadataMap::new();
        for (key, value) in fault.trailers() {
            trailers.insert(key, plain_value(&value));
        }
        Self::with_metadata(code, text, trailers)
    }
}

/// A value of a trailer is ASCII; what is not, such as a stream's name in Chinese, is percent-encoded.
fn plain_value(text: &str) -> MetadataValue<tonic::metadata::Ascii> {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') {
            plain.push(char::from(byte));
        } else {
            plain.push_str(&format!("%{byte:02X}"));
        }
    }
    MetadataValue::try_from(plain).expect("printable ASCII is a valid value")
}

impl Fault {
    fn plain(&self) -> (Code, String) {
        match self {
            Self::AccessDenied => (Code::PermissionDenied, "Access Denied".to_owned()),
            Self::Unauthenticated => (
                Code::Unauthenticated,
                "no account has this name and password".to_owned(),
            ),
            Self::Tombstoned(stream) => (
                Code::FailedPrecondition,
                format!("Event stream '{stream}' is deleted."),
            ),
            Self::WrongExpected {
                stream,
                expected,
                actual,
            } => (
                Code::FailedPrecondition,
                format!(
                    "Append failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {}, Actual version: {}",
                    expected_number(*expected),
                    actual_number(*actual)
                ),
            ),
            Self::TooLarge { limit, .. } => (
                Code::InvalidArgument,
                format!("Maximum Append Size of {limit} Exceeded."),
            ),
            Self::MissingMetadata(property) => (
                Code::InvalidArgument,
                format!("Required Metadata Property '{property}' is missing"),
            ),
            Self::Invalid(text) => (Code::InvalidArgument, text.clone()),
            Self::TooMany(text) => (Code::ResourceExhausted, text.clone()),
            Self::Busy => (Code::Unavailable, "Server Is Too Busy".to_owned()),
            Self::Unavailable(why) => (Code::Unavailable, format!("Server Is Not Ready: {why}")),
            Self::TimedOut => (Code::Aborted, "Operation timed out".to_owned()),
            // Clients look at this text.
            Self::NotLeader(_) => (Code::NotFound, "Leader info available".to_owned()),
            Self::Twice(stream) => (
                Code::Aborted,
                format!("Stream '{stream}' is named twice in one append session"),
            ),
            Self::Nothing => (
                Code::FailedPrecondition,
                "an append session without requests".to_owned(),
            ),
            Self::Inconsistent(violations) => (
                Code::FailedPrecondition,
                format!("{} checks of the append do not hold", violations.len()),
            ),
            Self::Group(fault, stream, group) => fault.plain(stream, group),
        }
    }

    fn trailers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::AccessDenied => vec![("exception", "access-denied".to_owned())],
            Self::Tombstoned(stream) => vec![
                ("exception", "stream-deleted".to_owned()),
                ("stream-name", stream.to_string()),
            ],
            Self::WrongExpected {
                stream,
                expected,
                actual,
            } => vec![
                ("exception", "wrong-expected-version".to_owned()),
                ("stream-name", stream.to_string()),
                ("expected-version", expected_number(*expected).to_string()),
                ("actual-version", actual_number(*actual).to_string()),
            ],
            Self::TooLarge { limit, .. } => vec![
                ("exception", "maximum-append-size-exceeded".to_owned()),
                ("maximum-append-size", limit.to_string()),
            ],
            Self::MissingMetadata(_) => vec![
                ("exception", "missing-required-metadata-property".to_owned()),
                (
                    "required-metadata-properties",
                    "type,content-type".to_owned(),
                ),
            ],
            Self::NotLeader(leader) => vec![
                ("exception", "not-leader".to_owned()),
                ("leader-endpoint-host", leader.host.clone()),
                ("leader-endpoint-port", leader.port.to_string()),
            ],
            Self::Group(fault, stream, group) => {
                let mut trailers = vec![
                    ("exception", fault.name().to_owned()),
                    ("stream-name", stream.clone()),
                    ("group-name", group.clone()),
                ];
                if let GroupFault::Failed(reason) = fault {
                    trailers.push(("reason", reason.clone()));
                }
                trailers
            }
            _ => Vec::new(),
        }
    }
}

impl GroupFault {
    fn name(&self) -> &'static str {
        match self {
            Self::Failed(_) => "persistent-subscription-failed",
            Self::Missing => "persistent-subscription-does-not-exist",
            Self::Exists => "persistent-subscription-exists",
            Self::Full => "maximum-subscribers-reached",
            Self::Dropped => "persistent-subscription-dropped",
        }
    }

    fn plain(&self, stream: &str, group: &str) -> (Code, String) {
        let of = format!("Subscription group {group} on stream {stream}");
        match self {
            Self::Failed(reason) => (Code::Internal, format!("{of} failed: '{reason}'")),
            Self::Missing => (Code::NotFound, format!("{of} does not exist.")),
            Self::Exists => (Code::AlreadyExists, format!("{of} exists.")),
            Self::Full => (
                Code::FailedPrecondition,
                format!(
                    "Maximum subscriptions reached for subscription group {group} on stream {stream}"
                ),
            ),
            Self::Dropped => (Code::Cancelled, format!("{of} was dropped.")),
        }
    }
}

/// Inside an answer to a batch append: a status with one detail, which the clients insist on.
impl From<Fault> for rpc::Status {
    fn from(fault: Fault) -> Self {
        use rpc::Code;
        let (code, text, detail) = match fault {
            Fault::WrongExpected {
                stream: _,
                expected,
                actual,
            } => (
                Code::AlreadyExists,
                "WrongExpectedVersion".to_owned(),
                any("WrongExpectedVersion", &wrong_expected(expected, actual)),
            ),
            Fault::Tombstoned(stream) => {
                let detail = client::StreamDeleted {
                    stream_identifier: Some(crate::ids::stream_identifier(&stream)),
                };
                (
                    Code::NotFound,
                    "StreamDeleted".to_owned(),
                    any("StreamDeleted", &detail),
                )
            }
            Fault::AccessDenied | Fault::Unauthenticated => (
                Code::PermissionDenied,
                "AccessDenied".to_owned(),
                any("AccessDenied", &client::AccessDenied {}),
            ),
            Fault::TimedOut => (
                Code::DeadlineExceeded,
                "Timeout".to_owned(),
                any("Timeout", &client::Timeout {}),
            ),
            Fault::TooLarge { limit, .. } => {
                let detail = client::MaximumAppendSizeExceeded {
                    max_append_size: u32::try_from(limit).unwrap_or(u32::MAX),
                };
                (
                    Code::InvalidArgument,
                    "MaximumAppendSizeExceeded".to_owned(),
                    any("MaximumAppendSizeExceeded", &detail),
                )
            }
            Fault::Busy | Fault::Unavailable(_) => (
                Code::Unavailable,
                fault.plain().1,
                any("Unknown", &client::Unknown {}),
            ),
            other => {
                let (_, message) = other.plain();
                let detail = client::BadRequest {
                    message: message.clone(),
                };
                (Code::InvalidArgument, message, any("BadRequest", &detail))
            }
        };
        Self {
            code: code.into(),
            message: text,
            details: vec![detail],
        }
    }
}

fn any(name: &str, detail: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/event_store.client.{name}"),
        value: detail.encode_to_vec(),
    }
}

fn wrong_expected(expected: Expected, actual: Option<Revision>) -> client::WrongExpectedVersion {
    use client::wrong_expected_version::{
        CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Wanted,
    };
    client::WrongExpectedVersion {
        current_stream_revision_option: Some(match actual {
            Some(revision) => Current::CurrentStreamRevision(revision.0),
            None => Current::CurrentNoStream(()),
        }),
        expected_stream_position_option: Some(match expected {
            Expected::Any => Wanted::ExpectedAny(()),
            Expected::NoStream => Wanted::ExpectedNoStream(()),
            Expected::StreamExists => Wanted::ExpectedStreamExists(()),
            Expected::Exact(revision) => Wanted::ExpectedStreamPosition(revision.0),
        }),
    }
}

/// Version 2: the rich error model, a reason for programs before its typed details. The order matters to clients.
pub(crate) fn rich(fault: Fault) -> Status {
    let (code, text) = fault.plain();
    let (reason, detail) = match &fault {
        Fault::Tombstoned(stream) => (
            "STREAM_TOMBSTONED",
            Some(typed(
                "StreamTombstonedErrorDetails",
                &v2::StreamTombstonedErrorDetails {
                    stream: Some(stream.to_string()),
                },
            )),
        ),
        Fault::WrongExpected {
            stream,
            expected,
            actual,
        } => (
            "STREAM_REVISION_CONFLICT",
            Some(typed(
                "StreamRevisionConflictErrorDetails",
                &v2::StreamRevisionConflictErrorDetails {
                    stream: Some(stream.to_string()),
                    expected_revision: Some(expected_number(*expected)),
                    actual_revision: Some(actual_number(*actual)),
                },
            )),
        ),
        Fault::TooLarge { size, limit } if *limit == EVENT_BYTES => (
            "APPEND_RECORD_SIZE_EXCEEDED",
            Some(typed(
                "AppendRecordSizeExceededErrorDetails",
                &v2::AppendRecordSizeExceededErrorDetails {
                    stream: None,
                    record_id: None,
                    size: Some(i32::try_from(*size).unwrap_or(i32::MAX)),
                    max_size: Some(i32::try_from(*limit).unwrap_or(i32::MAX)),
                },
            )),
        ),
        Fault::TooLarge { size, limit } => (
            "APPEND_TRANSACTION_SIZE_EXCEEDED",
            Some(typed(
                "AppendTransactionSizeExceededErrorDetails",
                &v2::AppendTransactionSizeExceededErrorDetails {
                    size: Some(i32::try_from(*size).unwrap_or(i32::MAX)),
                    max_size: Some(i32::try_from(*limit).unwrap_or(i32::MAX)),
                },
            )),
        ),
        Fault::Twice(stream) => (
            "STREAM_ALREADY_IN_APPEND_SESSION",
            Some(typed(
                "StreamAlreadyInAppendSessionErrorDetails",
                &v2::StreamAlreadyInAppendSessionErrorDetails {
                    stream: Some(stream.to_string()),
                },
            )),
        ),
        Fault::Inconsistent(violations) => (
            "APPEND_CONSISTENCY_VIOLATION",
            Some(typed(
                "AppendConsistencyViolationErrorDetails",
                &inconsistent(violations),
            )),
        ),
        Fault::Nothing => ("APPEND_SESSION_NO_REQUESTS", None),
        Fault::AccessDenied | Fault::Unauthenticated => ("ACCESS_DENIED", None),
        Fault::TimedOut => ("OPERATION_TIMEOUT", None),
        Fault::Busy => ("SERVER_OVERLOADED", None),
        Fault::Unavailable(_) => ("SERVER_NOT_READY", None),
        _ => ("BAD_REQUEST", None),
    };
    let code = match fault {
        // An append of several that is too large is given up, not malformed.
        Fault::TooLarge { limit, .. } if limit != EVENT_BYTES => Code::Aborted,
        Fault::TimedOut => Code::DeadlineExceeded,
        _ => code,
    };
    let info = rpc::ErrorInfo {
        reason: reason.to_owned(),
        domain: "streams".to_owned(),
        metadata: HashMap::new(),
    };
    let mut details = vec![Any {
        type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
        value: info.encode_to_vec(),
    }];
    details.extend(detail);
    let status = rpc::Status {
        code: i32::from(code),
        message: text.clone(),
        details,
    };
    Status::with_details(code, text, status.encode_to_vec().into())
}

fn typed(name: &str, detail: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/kurrentdb.protocol.v2.streams.errors.{name}"),
        value: detail.encode_to_vec(),
    }
}

fn inconsistent(
    violations: &[(usize, String, i64, i64)],
) -> v2::AppendConsistencyViolationErrorDetails {
    use v2::consistency_violation::{StreamStateViolation, Type};
    let violation =
        |(index, stream, expected, actual): &(usize, String, i64, i64)| v2::ConsistencyViolation {
            check_index: Some(i32::try_from(*index).unwrap_or(i32::MAX)),
            r#type: Some(Type::StreamState(StreamStateViolation {
                stream: Some(stream.clone()),
                expected_state: Some(*expected),
                actual_state: Some(*actual),
            })),
        };
    v2::AppendConsistencyViolationErrorDetails {
        violations: violations.iter().map(violation).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_says_what_clients_look_for() {
        let status = Status::from(Fault::WrongExpected {
            stream: StreamName::new("呼叫-1").unwrap(),
            expected: Expected::StreamExists,
            actual: None,
        });
        let value = |key| status.metadata().get(key).unwrap().to_str().unwrap();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(value("exception"), "wrong-expected-version");
        assert_eq!(value("expected-version"), "-4");
        assert_eq!(value("actual-version"), "-1");
        assert_eq!(value("stream-name"), "%E5%91%BC%E5%8F%AB-1");
        assert!(
            status
                .message()
                .contains("Stream: 呼叫-1, Expected version: -4, Actual version: -1")
        );
    }

    #[test]
    fn every_fault_inside_a_batch_has_its_detail() {
        for fault in [
            Fault::AccessDenied,
            Fault::Busy,
            Fault::TimedOut,
            Fault::Nothing,
            Fault::TooLarge { size: 9, limit: 8 },
            Fault::Unavailable("gone".to_owned()),
        ] {
            let status = rpc::Status::from(fault.clone());
            assert_eq!(status.details.len(), 1, "{fault:?}");
            assert_ne!(status.code, 0, "{fault:?}");
        }
    }

    #[test]
    fn version_two_names_the_reason_before_the_details() {
        let status = rich(Fault::Twice(StreamName::new("a").unwrap()));
        let inner = rpc::Status::decode(status.details()).unwrap();
        let names: Vec<_> = inner
            .details
            .iter()
            .map(|any| any.type_url.rsplit('.').next())
            .collect();
        assert_eq!(
            names,
            [
                Some("ErrorInfo"),
                Some("StreamAlreadyInAppendSessionErrorDetails")
            ]
        );
        assert_eq!(status.code(), Code::Aborted);
    }
}
