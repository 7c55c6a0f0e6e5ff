//! The client process: many clients of one server, each with a connection of its own.
//!
//! For: the same events over either protocol; the figures go to standard output as JSON.
//! May not know: which server answers.

use kurrentdb::{AppendToStreamOptions, EventData};
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use tokio::time::{Duration, Instant};

use crate::cli::{Client as Args, Protocol};
use crate::event::{self, STREAMS};
use crate::figures::Cell;
use crate::raw::micros;
use crate::umadb::{self, Umadb};

/// A connected client.
enum Client {
    Kurrentdb(kurrentdb::Client),
    Umadb(Umadb),
}

pub(crate) async fn run(args: &Args) -> Result<(), Failure> {
    let mut clients = Vec::new();
    for _ in 0..args.count {
        clients.push(Client::connect(args).await?);
    }
    let measure = Duration::from_millis(args.measure_ms);
    let begins = Instant::now() + Duration::from_millis(args.warm_ms);
    let ends = begins + measure;
    let step = args.count as u64;
    let tasks = clients.into_iter().zip(0..).map(|(mut client, first)| {
        tokio::spawn(async move {
            let mut latencies = Latencies::default();
            let mut number = first;
            loop {
                let begun = Instant::now();
                if begun >= ends {
                    return Ok::<_, Failure>(latencies);
                }
                client.append(number).await?;
                let now = Instant::now();
                if begins <= now && now < ends {
                    latencies.add(micros(begun));
                }
                number += step;
            }
        })
    });
    let mut all = Latencies::default();
    for task in tasks.collect::<Vec<_>>() {
        all.merge(&task.await.doing("run a client")??);
    }
    let cell = serde_json::to_string(&Cell::of(&all, measure));
    println!("{}", cell.doing("write the figures")?);
    Ok(())
}

impl Client {
    async fn connect(args: &Args) -> Result<Self, Failure> {
        match args.speaks {
            Protocol::Kurrentdb => {
                let url = format!("kurrentdb://127.0.0.1:{}?tls=false", args.port);
                let settings = url.parse().doing("read the server's address")?;
                let client = kurrentdb::Client::new(settings).doing("connect")?;
                Ok(Self::Kurrentdb(client))
            }
            Protocol::Umadb => {
                let client = Umadb::connect(args.port).await.doing("connect")?;
                Ok(Self::Umadb(client))
            }
        }
    }

    /// Appends event `number` to its stream, whatever stands there, and waits for the answer.
    async fn append(&mut self, number: u64) -> Result<(), Failure> {
        let stream = event::stream(number, STREAMS);
        match self {
            Self::Kurrentdb(client) => {
                let options = AppendToStreamOptions::default();
                let event = EventData::binary(event::kind(number), event::body(number).into())
                    .id(event::id(number))
                    .metadata(event::meta(number).into());
                let answer = client.append_to_stream(stream, &options, event).await;
                answer.doing("append").map(drop)
            }
            Self::Umadb(client) => {
                let event = umadb::Event {
                    event_type: event::kind(number).to_owned(),
                    tags: vec![stream],
                    data: event::body(number).into(),
                    uuid: event::id(number).to_string(),
                    metadata: vec![umadb::MetadataEntry {
                        key: "meta".to_owned(),
                        value: event::meta(number),
                    }],
                };
                client.append(event).await.doing("append").map(drop)
            }
        }
    }
}
