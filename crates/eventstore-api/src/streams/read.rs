//! A read that ends: so many events of a stream, or of all.
//!
//! For: pages fetched as the client takes them, in the order of answers that clients expect.
//! May not know: subscriptions.

use std::collections::VecDeque;
use std::sync::Arc;

use eventlog::{
    Direction, Filter, Position, Predicate, Recorded, Resolved, Revision, StreamName, StreamPage,
    StreamRead,
};
use futures_util::stream;

use super::Answers;
use crate::door::Door;
use crate::fault::Fault;
use crate::filter::{EventFilter, Of};
use crate::ids::{IdForm, stream_identifier, stream_name};
use crate::limits::READY_BYTES;
use crate::log::Store;
use crate::pages::{PageSize, size};
use crate::proto::client::streams::read_req::Options;
use crate::proto::client::streams::read_req::options::all_options::AllOption;
use crate::proto::client::streams::read_req::options::filter_options::Filter as Expressed;
use crate::proto::client::streams::read_req::options::stream_options::RevisionOption;
use crate::proto::client::streams::read_req::options::uuid_option::Content as Form;
use crate::proto::client::streams::read_req::options::{
    AllOptions, FilterOption, FilterOptions, ReadDirection, StreamOption, StreamOptions,
};
use crate::proto::client::streams::{
    ReadResp,
    read_resp::{Content, StreamNotFound},
};
use crate::record::read_event;
use crate::seats::Seat;

/// Starts a read: its first page is read before the answer begins, so that a refusal comes before any message.
pub(crate) async fn read(
    door: &Door,
    options: Options,
    count: u64,
    seat: Seat,
) -> Result<Answers<ReadResp>, Fault> {
    let direction = match options.read_direction() {
        ReadDirection::Forwards => Direction::Forward,
        ReadDirection::Backwards => Direction::Backward,
    };
    let mut reader = Reader {
        ids: id_form(&options)?,
        links: options.resolve_links,
        told: options
            .control_option
            .is_some_and(|it| it.compatibility >= 1),
        filter: filter(options.filter_option)?,
        store: door.store.clone(),
        direction,
        left: count,
        size: PageSize::default(),
        ready: VecDeque::new(),
        next: None,
        _seat: seat,
    };
    match options.stream_option {
        Some(StreamOption::Stream(stream)) => reader.begin_stream(stream).await?,
        Some(StreamOption::All(all)) => reader.begin_all(&all).await?,
        None => return Err(Fault::invalid("a read needs a stream, or all")),
    }
    Ok(Box::pin(stream::unfold(reader, |mut reader| async {
        let answer = reader.answer().await?;
        Some((answer.map_err(Into::into), reader))
    })))
}

/// How ids are to be written; clients must say.
pub(crate) fn id_form(options: &Options) -> Result<IdForm, Fault> {
    let form = options
        .uuid_option
        .as_ref()
        .and_then(|it| it.content.as_ref());
    match form {
        Some(Form::String(_)) => Ok(IdForm::Text),
        Some(Form::Structured(_)) => Ok(IdForm::Structured),
        None => Err(Fault::invalid("a read needs uuid_option")),
    }
}

/// The filter of a read or a subscription; `None` without one.
pub(crate) fn filter(option: Option<FilterOption>) -> Result<Option<Arc<EventFilter>>, Fault> {
    let Some(FilterOption::Filter(FilterOptions { filter, .. })) = option else {
        return Ok(None);
    };
    let (of, expression) = match filter {
        Some(Expressed::StreamIdentifier(expression)) => (Of::Stream, expression),
        Some(Expressed::EventType(expression)) => (Of::Kind, expression),
        None => return Err(Fault::invalid("a filter needs an expression")),
    };
    let filter = EventFilter::new(of, &expression.regex, expression.prefix)?;
    Ok(Some(Arc::new(filter)))
}

/// The same for the log.
pub(crate) fn log_filter(filter: Option<Arc<EventFilter>>) -> Filter {
    match filter {
        None => Filter::All,
        Some(filter) => filter.of_index().unwrap_or_else(|| {
            Filter::Matching(Predicate::new(move |event: &Recorded| {
                filter.matches(event)
            }))
        }),
    }
}

/// A read under way.
struct Reader {
    store: Store,
    ids: IdForm,
    links: bool,
    /// The client wants to be told where the stream ends.
    told: bool,
    filter: Option<Arc<EventFilter>>,
    direction: Direction,
    /// Events that may still be given.
    left: u64,
    size: PageSize,
    /// Answers that wait to be taken.
    ready: VecDeque<Content>,
    /// Where the next page begins; `None` when there is none.
    next: Option<Place>,
    _seat: Seat,
}

#[derive(Clone)]
enum Place {
    /// Of a stream.
    Stream(StreamName, Revision),
    /// Of all: forward after it, backward from it.
    All(Filter, Position),
}

impl Reader {
    async fn begin_stream(&mut self, options: StreamOptions) -> Result<(), Fault> {
        let stream = stream_name(options.stream_identifier)?;
        let from = match (options.revision_option, self.direction) {
            (Some(RevisionOption::Revision(u64::MAX) | RevisionOption::End(_)), _)
            | (None, Direction::Backward) => Revision::END,
            (Some(RevisionOption::Revision(revision)), _) => Revision(revision),
            (Some(RevisionOption::Start(_)) | None, _) => Revision::FIRST,
        };
        let limit = self.size.of(self.left);
        match self.read_stream(&stream, from, limit).await? {
            StreamRead::Deleted => return Err(Fault::Tombstoned(stream)),
            StreamRead::Missing => {
                let stream_identifier = Some(stream_identifier(&stream));
                let missing = StreamNotFound { stream_identifier };
                self.ready.push_back(Content::StreamNotFound(missing));
            }
            StreamRead::Page(page) => {
                let nothing = page.events.is_empty() && from < page.first;
                if self.told && self.direction == Direction::Forward && nothing {
                    self.ready
                        .push_back(Content::FirstStreamPosition(page.first.0));
                }
                self.take_stream(stream, page);
            }
        }
        self.page().await
    }

    async fn begin_all(&mut self, options: &AllOptions) -> Result<(), Fault> {
        let forward = self.direction == Direction::Forward;
        let from = match options.all_option {
            Some(AllOption::Position(position)) => {
                if position.prepare_position > position.commit_position {
                    return Err(Fault::invalid("Trying to read from an invalid position."));
                }
                Position(position.commit_position)
            }
            Some(AllOption::Start(_)) => Position::START,
            Some(AllOption::End(_)) => Position::END,
            None if forward => Position::START,
            None => Position::END,
        };
        // The protocol's bounds are inclusive; forward, the log's are not.
        let from = if forward && from != Position::END {
            Position(from.0.saturating_sub(1))
        } else {
            from
        };
        let filter = log_filter(self.filter.clone());
        self.next = Some(Place::All(filter, from)).filter(|_| self.left > 0);
        self.page().await
    }

    /// Reads pages until there is something to say, or nothing more.
    async fn page(&mut self) -> Result<(), Fault> {
        while self.ready.is_empty() {
            let limit = self.size.of(self.left);
            match self.next.take() {
                None => return Ok(()),
                Some(Place::Stream(stream, from)) => {
                    match self.read_stream(&stream, from, limit).await? {
                        StreamRead::Deleted => return Err(Fault::Tombstoned(stream)),
                        // It was deleted since the last page.
                        StreamRead::Missing => {}
                        StreamRead::Page(page) => self.take_stream(stream, page),
                    }
                }
                Some(Place::All(filter, from)) => self.all_page(filter, from, limit).await?,
            }
        }
        Ok(())
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<StreamRead, Fault> {
        let outside = &self.store.outside;
        let read = outside.read_stream(stream, from, self.direction, limit, self.links);
        Ok(read.await?)
    }

    fn take_stream(&mut self, stream: StreamName, page: StreamPage) {
        let left_out = self.take(&page.events);
        let left_out = left_out.map(|event| event.revision);
        match left_out.or(page.next).filter(|_| self.left > 0) {
            Some(next) => self.next = Some(Place::Stream(stream, next)),
            None if self.told => {
                self.ready
                    .push_back(Content::LastStreamPosition(page.last.0));
            }
            None => {}
        }
    }

    async fn all_page(
        &mut self,
        filter: Filter,
        from: Position,
        limit: usize,
    ) -> Result<(), Fault> {
        let outside = &self.store.outside;
        let read = outside.read_all(&filter, from, self.direction, limit, self.links);
        let page = read.await?;
        if let Some(filter) = &self.filter {
            filter.check()?;
        }
        let left_out = self.take(&page.events);
        // The protocol's bounds are inclusive; forward, the log's are not.
        let left_out = left_out.map(|event| match self.direction {
            Direction::Forward => Position(event.position.0 - 1),
            Direction::Backward => event.position,
        });
        let next = left_out.or(page.next).filter(|_| self.left > 0);
        self.next = next.map(|next| Place::All(filter, next));
        Ok(())
    }

    /// Takes what may be held ready; gives back the first event that is left out, to be read again.
    fn take(&mut self, page: &[Resolved]) -> Option<Arc<Recorded>> {
        self.size.learn(page);
        let mut bytes = 0;
        for found in page {
            if bytes >= READY_BYTES {
                return found.original().cloned();
            }
            bytes += size(found);
            self.left = self.left.saturating_sub(1);
            let shown = read_event(found, self.ids);
            self.ready.push_back(Content::Event(shown));
        }
        None
    }

    async fn answer(&mut self) -> Option<Result<ReadResp, Fault>> {
        if let Err(fault) = self.page().await {
            self.next = None;
            return Some(Err(fault));
        }
        let content = Some(self.ready.pop_front()?);
        Some(Ok(ReadResp { content }))
    }
}
