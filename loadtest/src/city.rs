//! The city the load is made for: its accounts and devices, as the demo writes them.
//!
//! For: reading `demo-accounts.json` and `demo-devices.csv`, and choosing who sits at the consoles.
//! May not know: how a city is made.

use crate::{Doing, Failure};
use serde::Deserialize;
use std::path::Path;

/// A device with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Device {
    pub id: String,
    pub key: String,
    pub resident: String,
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// To sign in with.
    pub name: String,
    /// To sign in with.
    pub password: String,
    /// `operator`, `district_manager`, `administrator`.
    pub role: String,
    /// `site:…`, `district:…`, `city`.
    pub scope: String,
}

/// Reads the accounts.
pub fn accounts(path: &Path) -> Result<Vec<Account>, Failure> {
    let text = std::fs::read_to_string(path).doing(&format!("read {}", path.display()))?;
    serde_json::from_str(&text).doing(&format!("read {}", path.display()))
}

/// Reads the devices; one of each resident, so that every press opens an incident of its own.
pub fn devices(path: &Path) -> Result<Vec<Device>, Failure> {
    let text = std::fs::read_to_string(path).doing(&format!("read {}", path.display()))?;
    let mut residents = std::collections::HashSet::new();
    Ok(text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut cells = line.split(',');
            Some(Device {
                id: cells.next()?.to_owned(),
                key: cells.next()?.to_owned(),
                resident: cells.next()?.to_owned(),
            })
        })
        .filter(|device| residents.insert(device.resident.clone()))
        .collect())
}

/// A seat at a district's desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who sits there.
    pub account: Account,
    /// Which of the consoles of the same district it is, from 0; they share the district's calls.
    pub turn: usize,
    /// How many consoles the district has.
    pub of: usize,
}

/// Seats for `count` consoles spread over the districts: each district's desk first, then its second operator, then its
/// manager; when all are taken, a second console of each. Empty when no account is scoped to a district.
pub fn seats(accounts: &[Account], count: usize) -> Vec<Seat> {
    let district = |account: &Account| {
        let desk = account.scope.strip_prefix("site:desk-");
        let manager = account.scope.strip_prefix("district:");
        let district = desk.filter(|of| *of != "city").or(manager);
        district.map(str::to_owned)
    };
    let mut places: Vec<(usize, String, &Account)> = Vec::new();
    for account in accounts {
        if let Some(district) = district(account) {
            let layer = places.iter().filter(|(_, of, _)| *of == district).count();
            places.push((layer, district, account));
        }
    }
    places.sort_by_key(|(layer, ..)| *layer);
    let taken: Vec<_> = places
        .iter()
        .cycle()
        .take(if places.is_empty() { 0 } else { count })
        .collect();
    let in_district =
        |upto: usize, of: &str| taken[..upto].iter().filter(|(_, d, _)| d == of).count();
    taken
        .iter()
        .enumerate()
        .map(|(n, (_, district, account))| Seat {
            account: (*account).clone(),
            turn: in_district(n, district),
            of: in_district(taken.len(), district),
        })
        .collect()
}

/// Somebody who may see every incident, to check them afterwards; rather one who is shown no records of closed ones, for
/// each record shown is written down.
pub fn overseer(accounts: &[Account]) -> Option<&Account> {
    let city = |account: &&Account| account.scope == "city";
    let all = || accounts.iter().filter(city);
    all()
        .find(|account| account.role == "operator")
        .or(all().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, role: &str, scope: &str) -> Account {
        Account {
            name: name.into(),
            password: String::new(),
            role: role.into(),
            scope: scope.into(),
        }
    }

    #[test]
    fn seats_go_round_the_districts_before_a_second_one_is_taken() {
        let accounts = [
            account("desk-a-1", "operator", "site:desk-a"),
            account("desk-a-2", "operator", "site:desk-a"),
            account("desk-b-1", "operator", "site:desk-b"),
            account("carer", "operator", "site:a-01"),
            account("city", "operator", "site:desk-city"),
            account("manager-b", "district_manager", "district:b"),
        ];
        let seats = seats(&accounts, 5);
        let named: Vec<_> = seats
            .iter()
            .map(|s| (s.account.name.as_str(), s.turn, s.of))
            .collect();
        assert_eq!(
            named,
            [
                ("desk-a-1", 0, 3),
                ("desk-b-1", 0, 2),
                ("desk-a-2", 1, 3),
                ("manager-b", 1, 2),
                ("desk-a-1", 2, 3)
            ]
        );
    }

    #[test]
    fn a_city_without_desks_has_no_seats() {
        assert!(seats(&[account("carer", "operator", "site:a-01")], 3).is_empty());
    }
}
