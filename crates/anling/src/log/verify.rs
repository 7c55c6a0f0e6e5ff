//! `anling log verify` and `anling log public-key`.
//!
//! For: saying in plain words whether the log is as it was signed, and where it is not.
//! May not know: trees; `notary` looks.

use super::{Beside, bar};
use crate::{
    failure::{Doing, Failure},
    notarize,
};
use notary::{Checkpoint, Report, Verification, Verifier};
use std::path::Path;

/// Carries out `anling log verify`.
pub(crate) async fn run(
    at: Beside,
    public_key: Option<&str>,
    against: Option<&Path>,
) -> Result<(), Failure> {
    let ledger = at.ledger().await?;
    let (verifier, from) = notarize::verifier(public_key, &at.settings, ledger.as_ref()).await?;
    let against = against.map(|path| outer(path, &verifier)).transpose()?;
    let bar = bar(
        "核验 verifying",
        at.log.stored_head().await.map_err(Failure::new)?.0,
    );
    let verification = Verification {
        log: &at.log,
        ledger: ledger.as_ref(),
        verifier: &verifier,
        against,
    };
    let report = verification.run(|done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let report = report.map_err(Failure::new)?;
    at.log.close().await;
    print(&report, &verifier, &from);
    match report.findings.len() {
        0 => Ok(()),
        count => Err(Failure::new(match report.first() {
            Some(first) => format!(
                "核验未通过 / verification failed: {count} findings, the first at position {first}"
            ),
            None => format!("核验未通过 / verification failed: {count} findings"),
        })),
    }
}

/// Carries out `anling log public-key`.
pub(crate) async fn public_key(at: Beside) -> Result<(), Failure> {
    let ledger = at.ledger().await?;
    let (verifier, _) = notarize::verifier(None, &at.settings, ledger.as_ref()).await?;
    at.log.close().await;
    println!("{verifier}");
    Ok(())
}

/// The last checkpoint in a file, which may hold many as the notary appends them.
pub(super) fn outer_note(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).doing(&format!("read {}", path.display()))?;
    let notes = text.split("\n-\n").filter(|note| !note.trim().is_empty());
    let note = notes.last().unwrap_or_default();
    let end = if note.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{note}{end}"))
}

fn outer(path: &Path, verifier: &Verifier) -> Result<Checkpoint, Failure> {
    Checkpoint::open(&outer_note(path)?, verifier)
        .map_err(|error| Failure::new(format!("the checkpoint in {}: {error}", path.display())))
}

fn print(report: &Report, verifier: &Verifier, from: &str) {
    for finding in &report.findings {
        let place = finding.position.map(|at| format!("{at}: "));
        println!("  ! {}{}", place.unwrap_or_default(), finding.text);
    }
    if report.cut {
        println!("  ! more were found; verification stopped here");
    }
    if report.findings.is_empty() {
        println!("日志完好 / the log is as it was signed");
    }
    println!("  记录 records      {}", report.records);
    let at = report
        .signed_at
        .and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    let at = at
        .map(|at| format!(", the last at {at}"))
        .unwrap_or_default();
    println!(
        "  已签 signed       {}, {} checkpoints hold{at}",
        report.signed, report.checkpoints
    );
    println!(
        "  未签 not signed   {} after the last checkpoint: nothing is proved of them",
        report.unsigned
    );
    if let Some(size) = report.against {
        println!("  外存 kept outside the checkpoint of {size} records holds");
    }
    println!("  公钥 public key   {verifier}\n                    from {from}");
}
