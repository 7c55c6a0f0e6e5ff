//! Evidence with a checkpoint kept outside, and checkpoints that leave the house.
//!
//! For: what an outer party holds, and what it can check with it.
//! May not know: the command line.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Direction, Position, Recorded};
use notary::{Checkpoint, Ledger, Notary, NotaryOptions, Outlets, Pack, PackError, Prover};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::{Bench, Kind, append, signer};

async fn stream(bench: &Bench, name: &str) -> Vec<Arc<Recorded>> {
    let log = bench.open().await;
    let all = log
        .read_all(Position::START, Direction::Forward, 1_000)
        .await;
    log.close().await;
    let mut all = all.unwrap();
    all.retain(|record| record.stream.as_str() == name);
    all
}

#[tokio::test]
async fn a_pack_proves_that_it_extends_a_checkpoint_kept_outside() {
    let bench = Bench::new(Kind::Sqlite, 5).await;
    let records = stream(&bench, "incident-1").await;
    let ledger = bench.ledger().await.unwrap();
    let notes = ledger.checkpoints(0, 10).await.unwrap();
    let (outer, last) = (&notes[1].note, &notes[4].note);
    let (signer, mut prover) = (signer(), Prover::new(&ledger));
    let verifier = signer.verifier();
    // The last of the stream's records is after the last checkpoint.
    let refused = Pack::make(&mut prover, verifier, last, None, &records).await;
    assert!(matches!(
        refused,
        Err(PackError::NotSignedYet {
            position: 603,
            size: 600
        })
    ));
    let signed = &records[..120];
    let pack = Pack::make(&mut prover, verifier, last, Some(outer), signed).await;
    let pack = pack.unwrap();
    let proven = pack.check().unwrap();
    assert_eq!(proven.kept_outside.unwrap().size, 240);
    assert_eq!(proven.records.len(), 120);
    let again = Pack::read(&serde_json::to_vec(&pack).unwrap()).unwrap();
    assert_eq!(again, pack);

    let mut changed = pack.clone();
    changed.kept_outside.as_mut().unwrap().proof.pop();
    assert!(matches!(changed.check(), Err(PackError::NotExtended)));
    let mut changed = pack.clone();
    changed.kept_outside.as_mut().unwrap().proof.swap(0, 1);
    assert!(matches!(changed.check(), Err(PackError::NotExtended)));
    // A checkpoint of another history, signed by whoever holds the key.
    let other = Checkpoint {
        root: notary::Hash::empty(),
        ..Checkpoint::open(outer, verifier).unwrap()
    };
    let mut changed = pack.clone();
    changed.kept_outside.as_mut().unwrap().checkpoint = other.sign(&signer);
    assert!(matches!(changed.check(), Err(PackError::NotExtended)));
    let mut changed = pack;
    changed.events.remove(7);
    assert!(matches!(changed.check(), Err(PackError::Missing(7))));
}

#[tokio::test]
async fn checkpoints_leave_the_house_by_file_and_by_webhook() {
    // The binary chooses the TLS back end; the client asks for one even when it speaks plain HTTP.
    drop(rustls::crypto::ring::default_provider().install_default());
    let bench = Bench::empty(Kind::Sqlite);
    let file = bench.dir.path().join("outside.txt");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("\u{2014} anling/bench") {
            let mut bytes = [0; 4096];
            let count = socket.read(&mut bytes).await.unwrap();
            heard.extend_from_slice(&bytes[..count]);
        }
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        socket.write_all(answer).await.unwrap();
        String::from_utf8(heard).unwrap()
    });
    let log = bench.open().await;
    append(&log, 1).await;
    let options = NotaryOptions {
        signer: Some(signer()),
        holder: "bench".to_owned(),
        outlets: Outlets {
            file: Some(file.clone()),
            webhook: Some(format!("http://{address}/checkpoints")),
            every: Duration::from_secs(3_600),
        },
    };
    let ledger = Ledger::open_sqlite(bench.dir.path()).await.unwrap();
    let notary = Notary::start(log.clone(), ledger, options);
    let figures = notary.figures();
    // The last one leaves at the latest with the process.
    notary.stop().await;
    log.close().await;
    let now = figures();
    assert_eq!((now.published, now.unpublished), (1, None));
    assert!(heard.await.unwrap().contains("POST /checkpoints"));
    let text = std::fs::read_to_string(&file).unwrap();
    let note = text.strip_suffix("-\n").unwrap();
    let outer = Checkpoint::open(note, signer().verifier()).unwrap();
    let report = bench.verify_against(signer().verifier(), Some(outer)).await;
    assert_eq!(report.unwrap().against, Some(1));
}
