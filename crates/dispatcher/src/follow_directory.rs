//! The directory as the dispatcher's door to residents.
//!
//! For: [`Places`] over the real directory.
//! May not know: incidents.

use crate::{
    orders::site_of_party,
    places::{Home, Places, Unanswered},
};
use async_trait::async_trait;
use directory::{Directory, DirectoryError, ProfileError};
use domain::{DeviceId, DistrictId, ResidentId, geography::Place, party::Party, resident::Profile};
use eventlog::Position;

impl From<DirectoryError> for Unanswered {
    fn from(error: DirectoryError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl Places for Directory {
    async fn reached(&self, position: Position) -> Result<(), Unanswered> {
        Ok(self.caught_up(position).await?)
    }

    async fn wearer(&self, device: &DeviceId) -> Result<Option<Option<ResidentId>>, Unanswered> {
        let row = self.device(device).await?;
        Ok(row.map(|row| row.resident.clone()))
    }

    async fn home(&self, resident: &ResidentId) -> Result<Option<Home>, Unanswered> {
        let Some(row) = self.resident(resident).await? else {
            return Ok(None);
        };
        let (place, keyholder) = match self.profile_of(&row).await {
            Ok(profile) => {
                let home = Place {
                    lon_e6: profile.lon_e6,
                    lat_e6: profile.lat_e6,
                };
                (Some(home), keyholder(&profile).is_some())
            }
            Err(ProfileError::Erased | ProfileError::NotFound) => {
                (Directory::home(self, resident).await?, false)
            }
            Err(ProfileError::Unavailable(why)) => return Err(Unanswered(why)),
        };
        Ok(Some(Home {
            district: row.district,
            place,
            station: row.home_station,
            keyholder,
        }))
    }

    async fn number(
        &self,
        party: &Party,
        resident: Option<&ResidentId>,
    ) -> Result<Option<String>, Unanswered> {
        if *party != Party::Keyholder {
            let city = self.city();
            return Ok(site_of_party(&city, party).map(|site| site.duty_phone.clone()));
        }
        let Some(resident) = resident else {
            return Ok(None);
        };
        match self.profile(resident).await {
            Ok(profile) => Ok(keyholder(&profile)),
            Err(ProfileError::Erased | ProfileError::NotFound) => Ok(None),
            Err(ProfileError::Unavailable(why)) => Err(Unanswered(why)),
        }
    }

    fn district_name(&self, district: &DistrictId) -> Option<String> {
        let city = self.city();
        city.district(district).map(|one| one.name.clone())
    }
}

/// The number of the first contact who has a key.
fn keyholder(profile: &Profile) -> Option<String> {
    let with_key = |contact: &&domain::resident::Contact| contact.has_key;
    let found = profile.contacts.iter().find(with_key);
    found
        .map(|contact| contact.phone.clone())
        .filter(|phone| !phone.is_empty())
}
