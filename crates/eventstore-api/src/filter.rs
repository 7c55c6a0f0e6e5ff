//! Filters of reads and subscriptions to all.
//!
//! For: prefixes, and regular expressions with look-around, as the clients send them, within limits.
//! May not know: where the events come from.

use std::sync::atomic::{AtomicU32, Ordering};

use eventlog::{Filter, Recorded, STREAM_NAME_BYTES};
use fancy_regex::{Regex, RegexBuilder};

use crate::fault::Fault;
use crate::limits::{PREFIXES, REGEX_BYTES, REGEX_COMPILED_BYTES, REGEX_GIVEN_UP, REGEX_STEPS};

/// Which name of an event is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Stream,
    Kind,
}

/// Picks events by a name.
#[derive(Debug)]
pub(crate) struct EventFilter {
    of: Of,
    rule: Rule,
    given_up: AtomicU32,
}

#[derive(Debug)]
enum Rule {
    Regex(Box<Regex>),
    /// Any of these; none picks everything.
    Prefixes(Vec<String>),
}

impl EventFilter {
    /// A filter as the protocol writes it: the expression if there is one, else the prefixes.
    pub(crate) fn new(of: Of, regex: &str, prefixes: Vec<String>) -> Result<Self, Fault> {
        let rule = if regex.is_empty() {
            if prefixes.len() > PREFIXES {
                let text = format!(
                    "a filter has at most {PREFIXES} prefixes, not {}",
                    prefixes.len()
                );
                return Err(Fault::invalid(text));
            }
            if prefixes.iter().any(|it| it.len() > STREAM_NAME_BYTES) {
                let text =
                    format!("a prefix is at most {STREAM_NAME_BYTES} bytes, as a stream's name");
                return Err(Fault::invalid(text));
            }
            Rule::Prefixes(prefixes)
        } else {
            Rule::Regex(Box::new(compile(regex)?))
        };
        Ok(Self {
            of,
            rule,
            given_up: AtomicU32::new(0),
        })
    }

    /// Whether an event is meant. One whose name an expression takes too long over is not.
    pub(crate) fn matches(&self, event: &Recorded) -> bool {
        let name = match self.of {
            Of::Stream => event.stream.as_str(),
            Of::Kind => &*event.kind,
        };
        match &self.rule {
            Rule::Prefixes(prefixes) => {
                prefixes.is_empty() || prefixes.iter().any(|it| name.starts_with(it.as_str()))
            }
            // One that was given up is not tried again, also where nobody asks [`Self::check`].
            Rule::Regex(_) if self.check().is_err() => false,
            Rule::Regex(regex) => regex.is_match(name).unwrap_or_else(|_| {
                self.given_up.fetch_add(1, Ordering::Relaxed);
                false
            }),
        }
    }

    /// The filter of an index, where the client asks for one by the name KurrentDB gives it: `$idx-ce-<category>`,
    /// `$idx-et-<type>` or `$idx-all`, as the only prefix of a stream's name.
    pub(crate) fn of_index(&self) -> Option<Filter> {
        let Rule::Prefixes(prefixes) = &self.rule else {
            return None;
        };
        let [index] = prefixes.as_slice() else {
            return None;
        };
        let index = index
            .strip_prefix("$idx-")
            .filter(|_| self.of == Of::Stream)?;
        if index == "all" {
            return Some(Filter::All);
        }
        let category = index
            .strip_prefix("ce-")
            .map(|it| Filter::Category(it.to_owned()));
        category.or_else(|| {
            index
                .strip_prefix("et-")
                .map(|it| Filter::Kind(it.to_owned()))
        })
    }

    /// Refuses to go on with an expression that takes too long again and again.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.given_up.load(Ordering::Relaxed) < REGEX_GIVEN_UP {
            return Ok(());
        }
        Err(Fault::invalid(format!(
            "the filter's regular expression takes more than {REGEX_STEPS} steps for one name; write a simpler one"
        )))
    }
}

fn compile(regex: &str) -> Result<Regex, Fault> {
    if regex.len() > REGEX_BYTES {
        return Err(Fault::invalid(format!(
            "a filter's regular expression has at most {REGEX_BYTES} bytes, not {}",
            regex.len()
        )));
    }
    let built = RegexBuilder::new(regex)
        .backtrack_limit(REGEX_STEPS)
        .delegate_size_limit(REGEX_COMPILED_BYTES)
        .build();
    built.map_err(|error| Fault::invalid(format!("the filter is no regular expression: {error}")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use eventlog::{EventId, Position, Revision, StreamName};
    use proptest::prelude::*;

    use super::*;

    fn event(stream: &str, kind: &str) -> Recorded {
        Recorded {
            position: Position(1),
            stream: StreamName::new(stream).unwrap(),
            revision: Revision(0),
            id: EventId(uuid::Uuid::nil()),
            kind: kind.into(),
            recorded_at: 0,
            body: Bytes::new(),
            meta: Bytes::new(),
        }
    }

    #[test]
    fn the_clients_own_look_ahead_keeps_system_events_out() {
        let python = r"^(?!(?:\$.+|PersistentConfig\d+|Result)$).+";
        for (regex, refused) in [
            (python, &["$metadata", "PersistentConfig1", "Result"][..]),
            (r"^[^\$].*", &["$metadata", "$>"][..]),
        ] {
            let filter = EventFilter::new(Of::Kind, regex, Vec::new()).unwrap();
            assert!(filter.matches(&event("a-1", "OrderCreated")));
            assert!(filter.matches(&event("a-1", "Results")));
            for kind in refused {
                assert!(!filter.matches(&event("a-1", kind)), "{regex}: {kind}");
            }
        }
    }

    #[test]
    fn an_expression_is_searched_for_anywhere_in_the_name() {
        let filter = EventFilter::new(Of::Stream, "der-7", Vec::new()).unwrap();
        assert!(filter.matches(&event("order-77", "Kind")));
        assert!(!filter.matches(&event("order-87", "Kind")));
    }

    #[test]
    fn prefixes_are_taken_literally_and_none_means_all() {
        let filter = EventFilter::new(Of::Stream, "", vec!["a.".into(), "b".into()]).unwrap();
        assert!(filter.matches(&event("a.x", "Kind")) && filter.matches(&event("bcd", "Kind")));
        assert!(!filter.matches(&event("ab", "Kind")));
        let all = EventFilter::new(Of::Stream, "", Vec::new()).unwrap();
        assert!(all.matches(&event("x", "Kind")));
    }

    #[test]
    fn an_index_is_asked_for_by_its_name() {
        let of = |prefix: &str| {
            let filter = EventFilter::new(Of::Stream, "", vec![prefix.to_owned()]).unwrap();
            filter.of_index()
        };
        assert_eq!(of("$idx-all"), Some(Filter::All));
        assert_eq!(
            of("$idx-ce-order"),
            Some(Filter::Category("order".to_owned()))
        );
        assert_eq!(of("$idx-et-Paid"), Some(Filter::Kind("Paid".to_owned())));
        assert_eq!(of("order-"), None);
    }

    #[test]
    fn a_hostile_expression_is_given_up_and_then_refused() {
        let filter = EventFilter::new(Of::Stream, r"^(?:a(?=a|b)|aa)*c$", Vec::new()).unwrap();
        let name = format!("{}b", "a".repeat(60));
        for _ in 0..REGEX_GIVEN_UP {
            assert!(filter.check().is_ok());
            assert!(!filter.matches(&event(&name, "Kind")));
        }
        let refused = filter.check().unwrap_err();
        assert!(
            matches!(&refused, Fault::Invalid(text) if text.contains("steps")),
            "{refused:?}"
        );
    }

    #[test]
    fn what_is_too_long_too_large_or_no_expression_is_refused() {
        let of = |regex: &str| EventFilter::new(Of::Kind, regex, Vec::new());
        assert!(of(&"a".repeat(REGEX_BYTES)).is_ok());
        for regex in [
            "a".repeat(REGEX_BYTES + 1),
            "(".to_owned(),
            r"(?=a)(((\w{100}){100}){100})".to_owned(),
            "(".repeat(1_000) + &")".repeat(1_000),
        ] {
            let refused = of(&regex).map(drop).unwrap_err();
            assert!(matches!(refused, Fault::Invalid(_)), "{refused:?}");
        }
        let many = vec![String::new(); PREFIXES + 1];
        assert!(EventFilter::new(Of::Kind, "", many).is_err());
    }

    proptest! {
        #[test]
        fn no_expression_is_too_strange(regex in r"[\(\)\[\]\{\}\|\*\+\?\\\^\$a-c0-9=!<,:]{0,40}", name in "[a-c0-9-]{1,30}") {
            if let Ok(filter) = EventFilter::new(Of::Stream, &regex, Vec::new()) {
                filter.matches(&event(&name, "Kind"));
            }
        }
    }
}
