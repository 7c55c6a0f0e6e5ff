//! `anling resident erase`, `hold`, `release`: through the running process when there is one.
//!
//! For: who asks and why, the questions asked back, and the answer.
//! May not know: what stands in the way (that is `domain::record`), how anybody is forgotten (that is `directory`).

use crate::{
    failure::{Doing, Failure},
    ground,
    operator::ground_alone,
    settings::{Given, Settings, Store},
};
use casebook::Casebook;
use clap::{Args, Subcommand};
use directory::{City, DirectoryError, Registrar, forgetting};
use domain::{
    Actor, OperatorId, ResidentId, SubjectId, Timestamp,
    record::{Hold, RecordRefusal},
};
use eventlog::admin::{self, AdminError, AdminReply, AdminRequest};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;

/// The admin command all of this goes by.
pub(crate) const COMMAND: &str = "resident";

#[derive(Subcommand)]
pub(crate) enum Resident {
    /// 抹去: forgets a resident for ever: name, telephone, address, notes; times and counts stay
    #[command(
        after_help = "Example:\n  anling resident erase R000123 --operator li --why 家属申请\n\nIt cannot be undone. The reason stays in the log: no name, number or address in it. Not while a call of theirs is open, or\na legal hold stands. Copies of keys (anling key backup) hold them until they expire: delete those. docs/forgetting.md"
    )]
    Erase(Erase),
    /// 证据保全: keeps a resident's record from being erased until a day is over
    #[command(
        after_help = "Example:\n  anling resident hold R000123 --case 2026-119 --until 2027-03-01 --operator li --why 投诉调查\n\nGiven again for the same case it changes day and reason. It ends by itself."
    )]
    Hold(Holding),
    /// 解除证据保全: ends a legal hold before its day
    #[command(
        after_help = "Example:\n  anling resident release R000123 --case 2026-119 --operator li --why 已结案"
    )]
    Release(Release),
}

#[derive(Args)]
pub(crate) struct Asker {
    /// Who asks for it; stands in the log
    #[arg(long, value_name = "OPERATOR")]
    operator: String,
    /// Why; stands in the log, so without names
    #[arg(long)]
    why: String,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Erase {
    /// The resident
    resident: String,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    asker: Asker,
}

#[derive(Args)]
pub(crate) struct Holding {
    /// The resident
    resident: String,
    /// The authority's number of the case
    #[arg(long)]
    case: String,
    /// The last day on which it holds, in China, as 2027-03-01
    #[arg(long, value_name = "DAY")]
    until: String,
    #[command(flatten)]
    asker: Asker,
}

#[derive(Args)]
pub(crate) struct Release {
    /// The resident
    resident: String,
    /// The authority's number of the case
    #[arg(long)]
    case: String,
    #[command(flatten)]
    asker: Asker,
}

/// What is asked of the running process.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    resident: ResidentId,
    operator: OperatorId,
    why: String,
    what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Erase,
    Hold { case: String, until: Timestamp },
    Release { case: String },
}

/// Carries out `anling resident …`.
pub(crate) async fn run(command: Resident) -> Result<(), Failure> {
    let (resident, what, asker, asks) = match command {
        Resident::Erase(args) => (args.resident, What::Erase, args.asker, !args.yes),
        Resident::Hold(args) => {
            let (case, until) = (args.case, day_over(&args.until)?);
            (args.resident, What::Hold { case, until }, args.asker, false)
        }
        Resident::Release(args) => {
            let case = args.case;
            (args.resident, What::Release { case }, args.asker, false)
        }
    };
    let wanted = Wanted {
        resident: ResidentId::parse(&resident).doing("read the resident's id")?,
        operator: OperatorId::parse(&asker.operator).doing("read --operator")?,
        why: asker.why.trim().to_owned(),
        what,
    };
    if asks {
        confirm(&wanted.resident)?;
    }
    let settings = Settings::load(&Given {
        store: asker.store,
        ..Given::default()
    })?;
    println!("{}", asked(&settings, wanted).await?);
    Ok(())
}

async fn asked(settings: &Settings, wanted: Wanted) -> Result<String, Failure> {
    // Several may write to a shared log: nobody need be asked, and nobody need be running.
    if let Some(database) = &settings.database {
        let log = ground::open_shared(database).await?;
        let book = ground::book(&log, settings).await?;
        let done = done(&book, wanted).await;
        log.close().await;
        return done.map_err(Failure::new);
    }
    let request = AdminRequest {
        command: COMMAND.to_owned(),
        args: serde_json::to_value(&wanted).map_err(Failure::new)?,
    };
    match admin::call(&settings.data, &request).await {
        Ok(AdminReply::Ok(said)) => serde_json::from_value(said).map_err(Failure::new),
        Ok(AdminReply::Error(text)) => Err(Failure::new(text)),
        Err(AdminError::NotRunning { .. }) => {
            let ground = ground_alone(settings).await?;
            let done = done(&ground.book, wanted).await;
            ground.close().await;
            done.map_err(Failure::new)
        }
        Err(error) => Err(Failure::new(error)),
    }
}

/// Answers for the admin socket.
pub(crate) async fn admin_reply(book: &Casebook, args: serde_json::Value) -> AdminReply {
    let wanted = match serde_json::from_value(args) {
        Ok(wanted) => wanted,
        Err(error) => return AdminReply::Error(format!("not about a resident: {error}")),
    };
    match done(book, wanted).await {
        Ok(said) => AdminReply::Ok(said.into()),
        Err(text) => AdminReply::Error(text),
    }
}

async fn done(book: &Casebook, wanted: Wanted) -> Result<String, String> {
    let words = |error: DirectoryError| error.to_string();
    let city = City::at(book, book.log().head()).await.map_err(words)?;
    if !city.operators.contains_key(&wanted.operator) {
        return Err(format!("there is no operator \"{}\"", wanted.operator));
    }
    let registrar = Registrar::new(book.clone());
    let (resident, why) = (wanted.resident, wanted.why);
    let profile = registrar.sealed_profile(&resident).await.map_err(words)?;
    if let Some(what) = profile.and_then(|profile| forgetting::named_in(&profile, &why)) {
        return Err(format!(
            "原因里有老人的个人信息 / --why holds the resident's {what}, and stays in the log for ever; say it without"
        ));
    }
    let by = Actor::Operator(wanted.operator);
    match wanted.what {
        What::Erase => {
            let erased = registrar.erase_resident(by, resident.clone(), &why).await;
            let before = match erased {
                Ok(_) => "",
                Err(DirectoryError::Refused(RecordRefusal::Erased)) => " (早已抹去 / was before)",
                Err(error) => return Err(error.to_string()),
            };
            // The followers do so too, and the next start: here so that it is done when this is said.
            let key = SubjectId::resident(&resident);
            let forgotten = book.vault().forget(key.as_str()).await;
            forgotten.map_err(|error| error.to_string())?;
            Ok(format!(
                "已抹去 / erased: {resident}{before}\n  密钥备份到期前仍含其密钥,请删除 / backups of keys hold theirs until they expire: delete them"
            ))
        }
        What::Hold { case, until } => {
            let hold = Hold { why, until };
            let held = registrar.hold_record(by, resident.clone(), &case, hold);
            held.await.map_err(words)?;
            Ok(format!("已保全 / held: {resident}, {case}"))
        }
        What::Release { case } => {
            let lifted = registrar.lift_hold(by, resident.clone(), &case, &why);
            lifted.await.map_err(words)?;
            Ok(format!("已解除 / released: {resident}, {case}"))
        }
    }
}

/// The first moment after a day in China.
fn day_over(day: &str) -> Result<Timestamp, Failure> {
    let bad = || Failure::setting(format!("--until {day} is no day; write it as 2027-03-01"));
    let date: jiff::civil::Date = day.parse().map_err(|_| bad())?;
    let next = date.tomorrow().map_err(|_| bad())?;
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let over = zone.to_timestamp(next.at(0, 0, 0, 0));
    let over = over.map_err(|_| bad())?;
    Ok(Timestamp(over.as_millisecond()))
}

/// Asks once more, as it cannot be undone.
fn confirm(resident: &ResidentId) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::setting(
            "抹去不可恢复;确定就加 --yes / it cannot be undone: say --yes if you are sure",
        ));
    }
    eprint!("抹去不可恢复;再写一遍编号 / it cannot be undone; write the id once more: ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).doing("read the id")?;
    match line.trim() == resident.as_str() {
        true => Ok(()),
        false => Err(Failure::new("没有抹去 / nothing was erased")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_ends_with_its_day_in_china() {
        // 2027-03-02T00:00+08:00
        assert_eq!(
            day_over("2027-03-01").unwrap(),
            Timestamp(1_803_916_800_000)
        );
        let bad = day_over("1.3.2027").unwrap_err().to_string();
        assert!(bad.contains("2027-03-01"), "{bad}");
    }
}
