//! Founding a city: its synthetic residents by the hundred thousand, before anybody is served.
//!
//! For: the demo's first start, on every core and in the largest commits.
//! May not know: how an event of an import is made (that is `import`); pacing beside presses: here there are none yet.

use std::sync::Arc;

use casebook::Meta;
use eventlog::Lane;
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::{
    error::DirectoryError,
    harbin::{AccountPlan, Plan, Residents},
    import::{Imported, Item},
    registrar::Registrar,
};

/// Residents in one atomic append: with their devices as many streams as the log takes in one.
const RESIDENTS_AT_ONCE: u32 = 32;

/// Appends under way at once: while the log commits one batch, the next is sealed. Ours: three full batches, some 8 MB.
const APPENDS_AT_ONCE: usize = 48;

impl Registrar {
    /// Like [`Registrar::import_city`], for a log that nobody else uses yet: on the urgent lane, which takes the largest
    /// batches and here holds up no alarm. Call it before the doors open.
    pub async fn found_city(
        &self,
        plan: &Plan,
        password: impl Fn(&AccountPlan) -> String + Send,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Imported, DirectoryError> {
        let places = Plan {
            residents: 0,
            ..plan.clone()
        };
        let people = 2 * u64::from(plan.residents);
        let mut total = people;
        let founded = self.import_city(&places, password, |done, all| {
            total = all + people;
            progress(done, total);
        });
        let mut done = founded.await?;

        let meta = Meta::about(Uuid::new_v4());
        let invent = Arc::new(Residents::new(plan));
        let firsts = (1..=plan.residents).step_by(RESIDENTS_AT_ONCE as usize);
        let appends = stream::iter(firsts)
            .map(|first| {
                let last = plan.residents.min(first + RESIDENTS_AT_ONCE - 1);
                let (registrar, meta, invent) = (self.clone(), meta.clone(), Arc::clone(&invent));
                async move {
                    let chunk = tokio::task::spawn_blocking(move || {
                        let resident = |n| Item::Resident(Box::new(invent.nth(n)));
                        (first..=last).map(resident).collect()
                    });
                    let chunk = chunk.await.map_err(|_| DirectoryError::Stopped)?;
                    registrar.import_chunk(Lane::Urgent, chunk, meta).await
                }
            })
            .buffered(APPENDS_AT_ONCE);
        let mut appends = std::pin::pin!(appends);
        while let Some((events, position)) = appends.try_next().await? {
            done.events += events;
            done.position = done.position.max(position);
            progress(done.events, total);
        }
        Ok(done)
    }
}
