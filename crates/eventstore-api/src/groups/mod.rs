//! The service `PersistentSubscriptions`.

use std::sync::Arc;
use crate::door::Door;
#[derive(Clone)]
pub(crate) struct GroupsService(pub(crate) Arc<Door>);
pub(crate) async fn restart(_: &Door) -> Result<(), crate::fault::Fault> { Ok(()) }
