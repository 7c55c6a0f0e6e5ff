//! The demo's roles: which accounts the cast plays, and which are offered to visitors as buttons.
//!
//! For: one button of each kind on the sign-in page, and somebody of the cast at every site.
//! May not know: how accounts are written down (`people`) or made in the log.

use super::people::DemoAccount;
use directory::harbin;
use domain::{
    operator::{Role, Scope},
    site::SiteKind,
};
use std::collections::BTreeSet;

/// Every account; the first of each site is the cast's, and some of the others become buttons.
pub(super) fn accounts(city: &harbin::CityPlan, password: &str) -> Vec<DemoAccount> {
    let mut manned = BTreeSet::new();
    let mut shown = BTreeSet::new();
    city.accounts
        .iter()
        .map(|account| {
            let site = match &account.scope {
                Scope::Site(site) => Some(site.clone()),
                _ => None,
            };
            let cast = site
                .as_ref()
                .is_some_and(|site| manned.insert(site.clone()));
            let record = city
                .sites
                .iter()
                .find(|record| Some(&record.site) == site.as_ref());
            let button = button(account, record)
                .filter(|(key, ..)| !cast && shown.insert(*key))
                .map(|(_, zh, en)| (zh, en));
            DemoAccount {
                name: account.operator.to_string(),
                password: password.to_owned(),
                role: role(account.role).to_owned(),
                scope: match &account.scope {
                    Scope::Site(site) => format!("site:{site}"),
                    Scope::District(district) => format!("district:{district}"),
                    Scope::City => "city".to_owned(),
                },
                site,
                cast,
                button,
            }
        })
        .collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Operator => "operator",
        Role::DistrictManager => "district_manager",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

/// One button of each kind; sites that are open day and night, so that the visitor's call comes at any hour.
fn button(
    account: &harbin::AccountPlan,
    record: Option<&domain::site::SiteRecord>,
) -> Option<(&'static str, String, String)> {
    let all_day = record.is_some_and(|record| record.hours.opens_min == record.hours.closes_min);
    match (account.role, record.map(|record| record.kind)) {
        (Role::Operator, Some(SiteKind::Station)) if all_day => {
            let record = record?;
            Some((
                "station",
                format!("服务站值班员 · {}", record.name),
                format!("Station operator · {}", record.name_latin),
            ))
        }
        (Role::Operator, Some(SiteKind::Facility)) if all_day => {
            let record = record?;
            Some((
                "facility",
                format!("养老机构值班员 · {}", record.name),
                format!("Facility operator · {}", record.name_latin),
            ))
        }
        (Role::Operator, Some(SiteKind::DistrictDesk)) => {
            let record = record?;
            Some((
                "desk",
                format!("区调度员 · {}", record.name),
                format!("District desk · {}", record.name_latin),
            ))
        }
        (Role::Operator, None) => Some((
            "supervisor",
            format!("值班长 · {}", account.name),
            "Shift supervisor".to_owned(),
        )),
        (Role::DistrictManager, _) => Some((
            "manager",
            format!("区经理 · {}", account.name),
            "District manager".to_owned(),
        )),
        (Role::Administrator, _) => {
            Some(("admin", "系统管理员".to_owned(), "Administrator".to_owned()))
        }
        _ => None,
    }
}

pub(super) fn buttons(accounts: &[DemoAccount]) -> Vec<wire::console::DemoAccount> {
    accounts
        .iter()
        .filter_map(|account| {
            let (label, label_en) = account.button.clone()?;
            Some(wire::console::DemoAccount {
                name: account.name.clone(),
                password: account.password.clone(),
                label,
                label_en,
                role: account.role.clone(),
            })
        })
        .collect()
}
