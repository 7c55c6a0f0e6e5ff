//! What the demo says when it is ready: where everything is, and how to press.
//!
//! For: a newcomer's first look; every line of it works as it stands.
//! May not know: how the city was made or who plays in it.

use super::{Made, lan::Certificate, people::DemoDevice};
use crate::{cli::Demo, doors::Listening, settings::Settings};

/// What it is made of.
pub(super) struct Greeting<'a> {
    pub(super) args: &'a Demo,
    pub(super) settings: &'a Settings,
    pub(super) listening: &'a Listening,
    pub(super) public_url: &'a str,
    pub(super) made: Made,
    pub(super) new: bool,
    pub(super) tidied: usize,
    pub(super) device: Option<&'a DemoDevice>,
    pub(super) certificate: Option<&'a Certificate>,
}

/// Prints it.
pub(super) fn greet(greeting: &Greeting<'_>) {
    let Greeting {
        args,
        settings,
        listening,
        public_url,
        made,
        new,
        tidied,
        device,
        certificate,
    } = greeting;
    let since = jiff::Timestamp::from_millisecond(made.at)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default();
    println!();
    println!(
        "  安铃 Anling {} · 演示城市 demo city (合成数据 synthetic data)",
        env!("CARGO_PKG_VERSION")
    );
    println!(
        "  {}",
        if *new {
            format!(
                "新城市,{} 位老人 / a new city of {} residents",
                made.residents, made.residents
            )
        } else {
            format!("继续 {since} 建的城市 / continued from {since}")
        }
    );
    if *tidied > 0 {
        println!(
            "  停了一阵:{tidied} 件旧的求助已由系统办结并标明 / {tidied} old incidents were closed by the machine, marked as such"
        );
    }
    println!();
    println!("  控制台 console     {public_url}/");
    println!("  值班手机 phone     {public_url}/demo/phone");
    let (scheme, devices) = (listening.scheme(), listening.devices_here());
    println!("  设备 devices       {scheme}://{}", devices);
    if let Some(address) = &listening.dc09 {
        println!("  报警主机 panels    {address} (SIA DC-09, TCP)");
    }
    if let Some(device) = device {
        println!(
            "  按钮页 button      {scheme}://{}/sos?device={}#key={}",
            devices, device.device, device.key
        );
        println!();
        println!("  按一下 press:");
        let trusted = certificate.map_or_else(String::new, |certificate| {
            format!("--cacert '{}' ", certificate.file.display())
        });
        println!(
            "    curl {trusted}{scheme}://{}/v1/signals -H 'Authorization: Bearer {}' \\",
            devices, device.key
        );
        println!(
            // A number of its own each time, or a second press would be the first one sent again.
            "      -H 'Content-Type: application/json' -d '{{\"device\":\"{}\",\"press\":\"'$(date +%s)'\",\"kind\":\"sos\"}}'",
            device.device
        );
    }
    if let Some(certificate) = certificate {
        println!();
        println!(
            "  证书 certificate   {} (自签 self-signed)",
            certificate.file.display()
        );
        certificate.greet(*device);
    }
    println!();
    println!(
        "  数据 data          {} (demo-accounts.json, demo-devices.csv)",
        settings.data.display()
    );
    let cast = if args.no_cast {
        "没有 none".to_owned()
    } else {
        let (calls, speed) = (args.calls_per_minute, args.drive_speed);
        let s = if calls == 1 { "" } else { "s" };
        format!("每分钟 {calls} 次呼叫,行车 ×{speed} / {calls} call{s} a minute, driving ×{speed}")
    };
    println!("  演员 cast          {cast}");
    println!("  Ctrl-C 停止 stops; 再次启动,一切还在 start again and everything is still there");
    println!();
}
