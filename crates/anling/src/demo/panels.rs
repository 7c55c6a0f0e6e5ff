//! The demo's alarm panels: some homes have one beside their button.
//!
//! For: their accounts, and their enrolment.
//! May not know: how panels speak.

use crate::{
    failure::{Doing, Failure},
    ground::Ground,
};
use directory::harbin;
use domain::{Actor, DeviceId};

/// Homes with a panel: the first ones, enough to try and few enough to leave the city as it is.
const PANELS: usize = 20;

/// The first account, of four digits as panels are set by hand.
const FIRST_ACCOUNT: usize = 1_000;

/// The account of the panel in the home of this resident, counted from 0.
pub(crate) fn account(nth: usize) -> Option<String> {
    (nth < PANELS).then(|| (FIRST_ACCOUNT + nth).to_string())
}

/// Enrols the panels. They show no key in clear text; the one that is kept is nobody's.
pub(crate) async fn enrol(ground: &Ground, plan: &harbin::Plan) -> Result<(), Failure> {
    let registrar = ground.directory.registrar();
    let mut last = ground.log.head();
    let homes = harbin::residents(plan).enumerate();
    for (account, home) in homes.map_while(|(nth, home)| Some((account(nth)?, home))) {
        let device = DeviceId::parse(&format!("dc09-{account}")).doing("name a panel")?;
        let key = uuid::Uuid::new_v4().to_string();
        let enrolled = registrar
            .enrol_device(Actor::Registrar, device, "panel", Some(home.resident), &key)
            .await
            .doing("enrol a panel of the demo city")?;
        last = enrolled.position;
    }
    let reached = ground.directory.caught_up(last).await;
    reached.doing("read the demo city")
}
