//! Which events a reader is about.
//!
//! For: subscriptions and filtered reads; what an index finds is read by that index, the rest is looked through.
//! May not know: regular expressions and other words of doors: they bring a [`Predicate`].

use std::sync::Arc;

use crate::event::Recorded;
use crate::limits::{FILTER_CATEGORIES, FILTER_PREFIXES};
use crate::name::StreamName;

/// Which events a reader is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every event.
    All,
    /// Those of the streams in one category.
    Category(String),
    /// Those of the streams in any of these categories, at most [`FILTER_CATEGORIES`].
    Categories(Vec<String>),
    /// Those of one stream.
    Stream(StreamName),
    /// Those of one type.
    Kind(String),
    /// Those of the streams whose names begin with any of these texts, at most [`FILTER_PREFIXES`].
    StreamPrefixes(Vec<String>),
    /// Those whose types' names begin with any of these texts, at most [`FILTER_PREFIXES`].
    KindPrefixes(Vec<String>),
    /// Those somebody else's rule picks.
    Matching(Predicate),
}

impl Filter {
    /// Whether an event is meant.
    pub fn matches(&self, event: &Recorded) -> bool {
        let begins = |text: &str, prefixes: &[String]| {
            let mut prefixes = prefixes.iter();
            prefixes.any(|prefix| text.starts_with(prefix.as_str()))
        };
        match self {
            Self::All => true,
            Self::Category(category) => event.stream.category() == category,
            Self::Categories(categories) => {
                let category = event.stream.category();
                categories.iter().any(|wanted| wanted == category)
            }
            Self::Stream(stream) => event.stream == *stream,
            Self::Kind(kind) => *event.kind == **kind,
            Self::StreamPrefixes(prefixes) => begins(event.stream.as_str(), prefixes),
            Self::KindPrefixes(prefixes) => begins(&event.kind, prefixes),
            Self::Matching(predicate) => (predicate.0)(event),
        }
    }

    /// How many names it holds and how many it may, when that is too many.
    pub(crate) fn over_limit(&self) -> Option<(usize, usize)> {
        let (asked, limit) = match self {
            Self::Categories(categories) => (categories.len(), FILTER_CATEGORIES),
            Self::StreamPrefixes(list) | Self::KindPrefixes(list) => (list.len(), FILTER_PREFIXES),
            _ => return None,
        };
        (asked > limit).then_some((asked, limit))
    }
}

/// A rule that picks events; asked once for each event that passes by, so it must be quick and never fail.
#[derive(Clone)]
pub struct Predicate(Arc<dyn Fn(&Recorded) -> bool + Send + Sync>);

impl Predicate {
    /// Picks the events for which `rule` is true.
    pub fn new(rule: impl Fn(&Recorded) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }
}

impl PartialEq for Predicate {
    /// The same rule, not an equal one.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Predicate {}

impl std::fmt::Debug for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Predicate")
    }
}
