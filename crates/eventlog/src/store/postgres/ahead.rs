//! Deciding a batch before the head row is ours.
//!
//! For: appends of our own that fit, which nearly all do: what their streams are like is looked up without holding
//! anybody up, or follows from what they expect; the decision is sent with the question whether it still stands.
//! May not know: repeats, refusals, doors, what outside programs write: all that is decided under the head row (`session`).

use std::collections::{HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::assumed::{Assumed, Heard};
use super::look::Wanted;
use super::session::{Planned, Session, planned};
use super::trouble::Trouble;
use crate::event::Expected;
use crate::name::{Position, StreamName};
use crate::store::plan::{Known, goes_by_ids, lives_wanted, members};
use crate::store::{Answer, Committed, Write};

/// What is assumed of a batch's streams.
struct Assumption {
    known: Known,
    /// The numbers of those that are there.
    ids: HashMap<StreamName, i64>,
}

impl Session {
    /// Makes a batch durable if it can be decided beforehand and the decision still stands under the head row. `None`:
    /// nothing was written.
    pub(super) async fn commit_ahead(
        &mut self,
        batch: &[Write],
        now: Option<i64>,
    ) -> Result<Option<Committed>, Trouble> {
        let ours = |write: &Write| matches!(write, Write::Append(_));
        if !batch.iter().all(ours) || !lives_wanted(batch).is_empty() {
            return Ok(None);
        }
        let Assumption { known, ids } = self.assume(batch).await?;
        // Only repeats need more than that.
        if !known.further_ids(batch).is_empty() || !known.wanted_places(batch).is_empty() {
            return Ok(None);
        }
        let draft = planned(known.clone(), Position::START, 0, batch);
        if draft.events.is_empty() || !draft.answers.iter().all(fits) {
            return Ok(None);
        }
        let mut seen = HashSet::new();
        let heads = members(batch).filter(|member| seen.insert(&member.stream));
        let heads = heads.map(|member| (member.stream.as_str(), known.head(&member.stream)));
        let assumed = Assumed::new(&draft.events, heads.collect(), &ids);
        if !assumed.is_small() {
            return Ok(None);
        }
        // Before it is asked: once the message is answered the row is free, and others may have written, and been seen, since.
        let seen_before = self.link.seen();
        let heard = self.send(&assumed, seen_before, now).await?;
        if self.left_at.take() != Some(heard.before) {
            self.lives.clear();
        }
        if !heard.written {
            // Somebody wrote to one of the streams meanwhile; or the log is shorter than it was.
            self.link.check_head(heard.before, seen_before)?;
            return Ok(None);
        }
        for (stream, id) in assumed.numbered(&heard) {
            self.ids.insert(stream, id);
        }
        let Planned {
            answers,
            events,
            last,
            ..
        } = planned(known, heard.before, heard.now, batch);
        self.left_at = Some(last);
        self.link.saw(last);
        Ok(Some(Committed {
            answers,
            events,
            head: last,
        }))
    }

    /// What an append expects is assumed of its stream; what goes by ids, and streams without a known number, are looked up.
    async fn assume(&mut self, batch: &[Write]) -> Result<Assumption, Trouble> {
        let mut known = Known::default();
        let mut ids = HashMap::new();
        let mut wanted = HashSet::new();
        let mut met = HashSet::new();
        for member in members(batch) {
            let stream = &member.stream;
            let first = met.insert(stream);
            match member.expected {
                Expected::Exact(revision) if first => match self.ids.get(stream) {
                    Some(id) => {
                        known.set_head(stream, revision);
                        ids.insert(stream.clone(), id);
                    }
                    None => drop(wanted.insert((stream, None))),
                },
                Expected::Any | Expected::StreamExists => {
                    let id = member.events.first().map(|event| event.id);
                    wanted.insert((stream, id.filter(|_| goes_by_ids(member))));
                }
                // One that is there: likely a repeat.
                Expected::NoStream if self.ids.get(stream).is_some() => {
                    wanted.insert((stream, None));
                }
                Expected::Exact(_) | Expected::NoStream => {}
            }
        }
        let wanted = Wanted::these(wanted);
        let found = wanted.look_up(&mut self.connection).await?;
        let mut rows = HashMap::new();
        wanted.learn(&found, &mut known, &mut rows)?;
        for (stream, row) in rows {
            self.ids.insert(stream.clone(), row.id);
            ids.insert(stream, row.id);
        }
        Ok(Assumption { known, ids })
    }

    /// One message: the head row, the batch under it, the commit.
    async fn send(
        &mut self,
        assumed: &Assumed<'_>,
        seen: Position,
        now: Option<i64>,
    ) -> Result<Heard, Trouble> {
        let arguments = assumed.literals(seen, now, &self.channel)?;
        let sql = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; EXECUTE take_head_row; EXECUTE write_assumed ({arguments}); COMMIT"
        );
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection);
        let (rows, warned) = self.ear.listen(asked).await;
        let rows = rows?;
        self.heed(warned)?;
        Heard::from_rows(&rows)
    }
}

fn fits(answer: &Answer) -> bool {
    matches!(answer, Answer::Append(Ok(appended)) if !appended.duplicate)
}
