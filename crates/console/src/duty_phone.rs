//! What came of a duty phone's ring: `POST /v1/duty-phone/answers`.
//!
//! For: a signed answer from the telephone system (1: accepted, 2: declined), acted on once.
//! May not know: who rings telephones; the two meet in the log.

use crate::{
    app::App,
    http,
    names::{PHONE_OPERATOR, party_of},
    orders,
    problem::{Answer, Failure},
    viewer::duty_site,
};
use axum::{
    Json,
    extract::{Request, State},
};
use domain::{
    Actor, CommandId, OperatorId,
    incident::{Incident, IncidentCommand},
    party::Party,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;
use uuid::Uuid;
use wire::console::{CommandOut, DutyPhoneAnswer, PartyName};

/// The header that carries the signature: `t=<unix seconds>,v1=<hex of HMAC-SHA-256 of "t.body">`.
pub const SIGNATURE: &str = "anling-signature";

/// How far a signature's time may be from ours, in seconds.
pub const TOLERANCE_S: i64 = 300;

/// Names the ids of commands that answers become: the same call and digit is one command.
const ANSWER: Uuid = Uuid::from_u128(0x7b1c_0d3e_6a52_4f0e_9c44_2f1d_8e0a_6b77);

/// `POST /v1/duty-phone/answers`.
pub(crate) async fn answers(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Json<CommandOut>> {
    let secret = app.options.webhook_secret.as_deref();
    let secret = secret.ok_or_else(|| Failure::not_found("door"))?;
    let header = request.headers().get(SIGNATURE);
    let header = header.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let header = header.to_owned();
    let body = http::body(request).await?;
    let now_s = app.casebook.now().0.div_euclid(1_000);
    if !is_signed(secret, &header, &body, now_s) {
        return Err(unsigned());
    }
    let told: DutyPhoneAnswer = serde_json::from_slice(&body).map_err(|error| {
        Failure::malformed(format!(
            "the answer does not read: column {}",
            error.column()
        ))
    })?;
    let incident = http::incident_id(&told.incident)?;
    let party = party(&told.party).ok_or_else(|| Failure::malformed("party: no such party"))?;
    let operator = operator(&party).ok_or_else(|| Failure::malformed("party: has no desk"))?;
    if told.call.is_empty() || told.call.chars().count() > domain::ID_LIMIT {
        return Err(Failure::malformed("call: 1 to 64 characters"));
    }
    let folded = app.casebook.fold_incident(incident).await;
    let folded = folded.map_err(|e| Failure::unavailable(e.to_string()))?;
    let command = match told.digit {
        // A desk that was rung for support answers for it; the call stays whose it is.
        1 if folded
            .as_ref()
            .is_some_and(|it| rings_for_support(it, &party)) =>
        {
            IncidentCommand::AnswerSupport { operator, party }
        }
        1 => IncidentCommand::Accept { operator, party },
        2 => IncidentCommand::Decline {
            party,
            operator,
            reason: told.answered_by.map_or_else(String::new, |who| {
                who.chars().take(domain::incident::TEXT_LIMIT).collect()
            }),
        },
        _ => return Err(Failure::malformed("digit: 1 accepts, 2 declines")),
    };
    let name = format!("{}\n{}\n{}", told.call, told.incident, told.digit);
    let command_id = CommandId(Uuid::new_v5(&ANSWER, name.as_bytes()));
    let asked = app.casebook.asked(Actor::Gateway, None, command);
    let acted = app.casebook.act(incident, command_id, asked).await;
    app.metrics.command(acted.is_ok());
    let board = app.shared.board();
    let acted = acted.map_err(|error| orders::refused(&board.city, folded.as_ref(), error))?;
    Ok(Json(CommandOut {
        revision: acted.revision.0,
        position: acted.position.0,
        repeated: acted.repeated,
    }))
}

/// Whether support that was asked for is what this desk was rung for; also once somebody answers for it, so that the same
/// answer told again acts once.
fn rings_for_support(incident: &Incident, party: &Party) -> bool {
    let support = incident.support.as_ref().filter(|_| incident.is_open());
    let rung = support.is_some_and(|support| support.parties.iter().any(|r| &r.party == party));
    rung && incident
        .ringing()
        .is_none_or(|offer| offer.rung(party).is_none())
}

fn unsigned() -> Failure {
    Failure::forbidden(format!(
        "the answer must carry a fresh {SIGNATURE} header made with the shared secret"
    ))
}

/// Whether the shared secret signed this body within the tolerance. Takes as long for a wrong signature as for a right one.
pub(crate) fn is_signed(secret: &[u8], header: &str, body: &[u8], now_s: i64) -> bool {
    let part = |name: &str| {
        let mut parts = header.split(',');
        parts.find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(time), Some(signature)) = (part("t"), part("v1")) else {
        return false;
    };
    let fresh = time
        .parse::<i64>()
        .is_ok_and(|t| now_s.abs_diff(t) <= TOLERANCE_S.unsigned_abs());
    let (Some(given), true) = (unhex(signature), fresh) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return false;
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&given).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    bytes.chunks(2).map(pair).collect()
}

fn party(name: &PartyName) -> Option<Party> {
    match name {
        PartyName::Text(text) => match text.split_once(':') {
            Some((word, id)) => party_of(word, Some(id)),
            None => party_of(text, None),
        },
        PartyName::Fields { party, id } => party_of(party, id.as_deref()),
    }
}

/// The operator in whose name a duty phone accepts: `phone-<site>`.
fn operator(party: &Party) -> Option<OperatorId> {
    let site = duty_site(party)?;
    OperatorId::parse(&format!("{PHONE_OPERATOR}{site}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(secret: &[u8], time: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        let bytes = mac.finalize().into_bytes();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        format!("t={time},v1={hex}")
    }

    #[test]
    fn only_a_fresh_signature_over_this_body_by_this_secret_counts() {
        let header = sign(b"s", 1_000, b"{}");
        assert!(is_signed(b"s", &header, b"{}", 1_000));
        assert!(is_signed(b"s", &header, b"{}", 1_300));
        assert!(!is_signed(b"s", &header, b"{}", 1_301));
        assert!(!is_signed(b"s", &header, b"{ }", 1_000));
        assert!(!is_signed(b"z", &header, b"{}", 1_000));
        for odd in [
            "",
            "t=1000",
            "v1=ff",
            "t=x,v1=ff",
            "t=1000,v1=f",
            "t=1000,v1=zz",
        ] {
            assert!(!is_signed(b"s", odd, b"{}", 1_000), "{odd}");
        }
    }

    #[test]
    fn a_party_is_read_in_both_spellings() {
        let read = |text: &str| {
            serde_json::from_str(text)
                .ok()
                .and_then(|name| party(&name))
        };
        assert_eq!(read(r#""city_desk""#), Some(Party::CityDesk));
        assert_eq!(
            read(r#"{"party":"site","id":"s-1"}"#),
            read(r#""site:s-1""#)
        );
        assert!(read(r#""site:s-1""#).is_some());
        assert_eq!(read(r#""site""#), None);
        assert_eq!(read("7"), None);
    }
}
