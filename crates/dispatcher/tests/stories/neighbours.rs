//! A stand-in for the directory.
//!
//! For: stories that need a resident behind each device, and one who does not answer.
//! May not know: the log.

use crate::world::{DISTRICT, HOME};
use async_trait::async_trait;
use dispatcher::{Home, Places, Unanswered};
use domain::{DeviceId, DistrictId, ResidentId, party::Party};
use eventlog::Position;
use std::sync::{Arc, Mutex};

/// Knows resident `r-<n>` by device `d-<n>`; can be told not to answer.
#[derive(Clone, Default)]
pub(crate) struct FakePlaces {
    pub(crate) silent: Arc<Mutex<bool>>,
    pub(crate) keyholder: Arc<Mutex<bool>>,
}

#[async_trait]
impl Places for FakePlaces {
    async fn reached(&self, _: Position) -> Result<(), Unanswered> {
        self.answer(())
    }

    async fn wearer(&self, device: &DeviceId) -> Result<Option<Option<ResidentId>>, Unanswered> {
        let known = device.as_str().strip_prefix("d-");
        self.answer(known.map(|n| Some(ResidentId::parse(&format!("r-{n}")).unwrap())))
    }

    async fn home(&self, _: &ResidentId) -> Result<Option<Home>, Unanswered> {
        self.answer(Some(Home {
            district: DistrictId::parse(DISTRICT).unwrap(),
            place: Some(HOME),
            station: None,
            keyholder: *self.keyholder.lock().unwrap(),
        }))
    }

    async fn number(
        &self,
        party: &Party,
        _: Option<&ResidentId>,
    ) -> Result<Option<String>, Unanswered> {
        self.answer(Some(match party {
            Party::Keyholder => "13900000000".to_owned(),
            _ => "045112345678".to_owned(),
        }))
    }

    fn district_name(&self, _: &DistrictId) -> Option<String> {
        Some("道里区".to_owned())
    }
}

impl FakePlaces {
    fn answer<T>(&self, answer: T) -> Result<T, Unanswered> {
        match *self.silent.lock().unwrap() {
            true => Err(Unanswered("told to be silent".to_owned())),
            false => Ok(answer),
        }
    }
}
