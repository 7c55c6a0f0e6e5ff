//! Consoles whose process is gone.
//!
//! For: writing down that nobody can be seen at them, when the process that served them does not come back to say so.
//! May not know: rules; what an operator who cannot be reached means is decided elsewhere.
//!
//! Where one process does everything it ends its own at its next start, and there is nothing to do here.

use casebook::{BookError, Casebook, Draft, Meta, streams};
use directory::{City, presence::Watch};
use domain::{Actor, NodeId, SiteId, site::SiteEvent};
use eventlog::{EventId, Expected, Lane};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

/// How often it is looked. Ours: short beside the time a process has to say that it lives.
const EVERY: Duration = Duration::from_secs(2);

/// Names the space of the events written here; fixed for ever.
const SPACE: Uuid = Uuid::from_u128(0x6b1d_93a4_0c5f_5e27_8a46_d7f2_15c8_4e90);

/// Looks now and then, one look at a time.
pub(crate) struct Deserted {
    casebook: Casebook,
    looking: JoinSet<Watch>,
    watch: Option<Watch>,
    looked_at: Instant,
}

impl Deserted {
    pub(crate) fn new(casebook: Casebook) -> Self {
        Self {
            casebook,
            looking: JoinSet::new(),
            watch: Some(Watch::default()),
            looked_at: Instant::now(),
        }
    }

    pub(crate) fn look(&mut self, city: &Arc<City>) {
        while let Some(ended) = self.looking.try_join_next() {
            // After a bug of ours everybody gets their time anew.
            self.watch = Some(ended.unwrap_or_default());
        }
        if self.looked_at.elapsed() < EVERY {
            return;
        }
        let Some(mut watch) = self.watch.take() else {
            return;
        };
        self.looked_at = Instant::now();
        let (casebook, city) = (self.casebook.clone(), Arc::clone(city));
        self.looking.spawn(async move {
            end_of_gone(&casebook, &city, &mut watch).await;
            watch
        });
    }
}

async fn end_of_gone(casebook: &Casebook, city: &City, watch: &mut Watch) {
    let consoles = city.duty.values().flat_map(|duty| duty.consoles.values());
    let nodes: BTreeSet<NodeId> = consoles.filter_map(|row| row.node.clone()).collect();
    let gone = match watch.gone(casebook.log(), &nodes).await {
        Ok(gone) => gone,
        Err(error) => return tracing::warn!(%error, "cannot see which processes live"),
    };
    for (node, epoch) in gone {
        tracing::warn!(%node, "a process is gone; its consoles are ended");
        for site in city.duty.keys() {
            if let Err(error) = end_at(casebook, city, site, &node, epoch).await {
                tracing::warn!(%error, "consoles were not ended; trying again");
            }
        }
    }
}

/// Ends a process's consoles at one site. Every dispatcher writes the same events, one by one, so they are there once.
async fn end_at(
    casebook: &Casebook,
    city: &City,
    site: &SiteId,
    node: &NodeId,
    epoch: u64,
) -> Result<(), BookError> {
    let rows = city.duty.get(site).into_iter().flat_map(|it| &it.consoles);
    let theirs = rows.filter(|(_, row)| row.node.as_ref() == Some(node));
    for (console, row) in theirs {
        let name = format!("{node}/{epoch}/{site}/{console}");
        let id = EventId(Uuid::new_v5(&SPACE, name.as_bytes()));
        let event = SiteEvent::ConsoleDetached {
            site: site.clone(),
            operator: row.operator.clone(),
            console: console.clone(),
            node: Some(node.clone()),
        };
        let draft = Draft::new(id, casebook.now(), Actor::Dispatcher, event);
        let stream = streams::site(site);
        let meta = Meta::default();
        casebook
            .append(Lane::Urgent, &stream, Expected::Any, vec![draft], meta)
            .await?;
    }
    Ok(())
}
