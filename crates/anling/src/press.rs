//! `anling press`: one real press through the public door.
//!
//! For: trying a device's way without a device.
//! May not know: anything inside; it speaks the device protocol only.

use crate::{
    cli::Press,
    doors::Listening,
    failure::{Doing, Failure},
    settings::{Given, Settings, Store},
};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// How often the stage is asked for with `--follow`.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Sends the press and prints the answer.
pub(crate) async fn run(args: Press) -> Result<(), Failure> {
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let listening = Listening::read(&folder(&args)?)?;
            if listening.devices.is_none() {
                return Err(Failure::setting(
                    "the Anling of this folder hears no devices; give --url of one that has the role ingest",
                ));
            }
            format!("{}://{}", listening.scheme(), listening.devices_here())
        }
    };
    let (device, key) = device(&args)?;
    let press = args
        .press
        .clone()
        .unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    // A demo's certificate is its own; a named --url is checked as usual.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(args.url.is_none())
        .build()
        .doing("make a client")?;
    let body = json!({ "device": device, "press": press, "kind": args.kind });
    let answer = client
        .post(format!("{base}/v1/signals"))
        .bearer_auth(&key)
        .json(&body)
        .send()
        .await
        .map_err(|error| {
            Failure::new(format!(
                "the press did not get through: {error}; is Anling running at {base}?"
            ))
        })?;
    let status = answer.status();
    let text = answer.text().await.doing("read the answer")?;
    println!("{status}\n{text}");
    if !status.is_success() {
        return Err(Failure::new(
            "the press was not accepted; the answer above says why",
        ));
    }
    if args.follow {
        follow(&client, &base, &device, &key, &press).await
    } else {
        Ok(())
    }
}

async fn follow(
    client: &reqwest::Client,
    base: &str,
    device: &str,
    key: &str,
    press: &str,
) -> Result<(), Failure> {
    let mut last = String::new();
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    loop {
        ticks.tick().await;
        let answer = client
            .get(format!("{base}/v1/signals/{device}/{press}"))
            .bearer_auth(key)
            .send()
            .await
            .doing("ask how far help is")?;
        let stage: Value = answer.json().await.doing("read how far help is")?;
        let words = stage["say"].as_str().unwrap_or_default().to_owned();
        if words != last {
            println!("{:>9}  {words}", stage["stage"].as_str().unwrap_or("?"));
            last = words;
        }
        if stage["stage"] == "done" {
            return Ok(());
        }
    }
}

/// The folder of the Anling that is meant, as every command finds it.
fn folder(args: &Press) -> Result<PathBuf, Failure> {
    let store = Store {
        config: args.config.clone(),
        data: args.data.clone(),
        ..Store::default()
    };
    Ok(Settings::load(&Given {
        store,
        ..Given::default()
    })?
    .data)
}

/// The device given, or the first of the demo city.
fn device(args: &Press) -> Result<(String, String), Failure> {
    match (&args.device, &args.key) {
        (Some(device), Some(key)) => Ok((device.clone(), key.clone())),
        (wanted, _) => {
            let list = folder(args)?.join("demo-devices.csv");
            let text = std::fs::read_to_string(&list).map_err(|_| {
                Failure::setting("give --device and --key, or --data of a demo city")
            })?;
            text.lines()
                .skip(1)
                .map(|line| line.split(',').collect::<Vec<_>>())
                .find(|row| row.len() >= 2 && wanted.as_ref().is_none_or(|device| device == row[0]))
                .map(|row| (row[0].to_owned(), row[1].to_owned()))
                .ok_or_else(|| {
                    Failure::setting("that device is not in demo-devices.csv; give --key too")
                })
        }
    }
}
