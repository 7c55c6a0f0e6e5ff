//! Hearing the warnings of a COMMIT.
//!
//! For: a commit that PostgreSQL confirms with a warning ("canceling wait for synchronous replication") stands on one
//! machine only, and is not to be taken for durable.
//! May not know: what was committed. sqlx hands a server's notices to `tracing` and to nobody else, so they are heard there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Listens while a future runs.
pub(super) struct Ear {
    heard: Arc<Heard>,
    dispatch: Dispatch,
}

#[derive(Debug, Default)]
struct Heard(AtomicBool);

impl Ear {
    pub(super) fn new() -> Self {
        let heard = Arc::new(Heard::default());
        Self {
            dispatch: Dispatch::new(Arc::clone(&heard)),
            heard,
        }
    }

    /// Runs `work`, and says whether the server warned meanwhile.
    pub(super) async fn listen<T>(&self, work: impl Future<Output = T>) -> (T, bool) {
        self.heard.0.store(false, Ordering::SeqCst);
        let done = work.with_subscriber(self.dispatch.clone()).await;
        (done, self.heard.0.load(Ordering::SeqCst))
    }
}

fn is_warning(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "sqlx::postgres::notice" && *metadata.level() <= Level::WARN
}

impl Subscriber for Heard {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_warning(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_warning(metadata)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::WARN)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
