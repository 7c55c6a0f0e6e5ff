//! The guarded door to the log with a certificate: a client that trusts who signed it gets in with a password, one that does
//! not, or speaks clear text, does not.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, Store};
use kurrentdb::{Client, ClientSettings, Error, EventData, ReadAllOptions, StreamPosition};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use std::{fs, path::Path, time::Duration};

/// A city's own authority, and a certificate it signed for the door; the authority's is what clients are given.
fn certify(dir: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let door = CertificateParams::new(names).unwrap();
    let door = door.signed_by(&key, &authority).unwrap();
    fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    fs::write(dir.join("door.pem"), door.pem()).unwrap();
    fs::write(dir.join("door.key"), key.serialize_pem()).unwrap();
}

fn client(node: &Node, who: &str, rest: &str) -> Client {
    let url = format!(
        "kurrentdb://{who}@{}?maxDiscoverAttempts=2&{rest}",
        node.eventstore
    );
    let settings: ClientSettings = url.parse().unwrap();
    Client::new(settings).unwrap()
}

async fn count(client: &Client) -> Result<usize, Error> {
    let options = ReadAllOptions::default()
        .position(StreamPosition::Start)
        .max_count(50);
    let mut read = client.read_all(&options).await?;
    let mut count = 0;
    while read.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_the_citys_authority_gets_in_over_tls_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    certify(dir.path());
    let config = dir.path().join("anling.toml");
    // Named as they lie: beside the settings.
    let lines =
        "eventstore_certificate = \"door.pem\"\neventstore_certificate_key = \"door.key\"\n";
    fs::write(&config, lines).unwrap();
    let words = ["demo", "--no-cast", "--residents", "5", "--config"];
    let words = [&words[..], &[config.to_str().unwrap()]].concat();
    let node = Store::Sqlite.start_with(&data, &words).await;
    let accounts = node.accounts();
    let admin = accounts.iter().find(|it| it.role == "administrator");
    let who = admin.map(|it| format!("{}:{}", it.name, it.password));
    let who = who.unwrap();

    let ca = dir.path().join("ca.pem");
    let trusting = client(&node, &who, &format!("tls=true&tlsCaFile={}", ca.display()));
    assert!(count(&trusting).await.unwrap() > 20);
    let event = EventData::json("Noted", &json!({})).unwrap();
    trusting
        .append_to_stream("external-1", &Default::default(), event)
        .await
        .unwrap();
    let wrong = client(
        &node,
        "nobody:wrong",
        &format!("tls=true&tlsCaFile={}", ca.display()),
    );
    let refused = count(&wrong).await;
    assert!(matches!(refused, Err(Error::AccessDenied)), "{refused:?}");

    for stranger in ["tls=true", "tls=false"] {
        let reading = client(&node, &who, stranger);
        let refused = tokio::time::timeout(Duration::from_secs(30), count(&reading)).await;
        let refused = refused.expect("the client gives up");
        assert!(refused.is_err(), "{stranger}: {refused:?}");
    }
    node.stop().await;
}
