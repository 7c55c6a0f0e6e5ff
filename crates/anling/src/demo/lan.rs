//! `--lan`: the demo on the local network, so that a real phone can press.
//!
//! For: a self-signed certificate, addresses of this machine, and a QR code in the terminal.
//! May not know: anything of the doors behind.

use super::people::DemoDevice;
use crate::{
    doors::Listening,
    failure::{Doing, Failure},
    folder::Folder,
    settings::Settings,
};
use axum_server::tls_rustls::RustlsConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// A free port of this machine, for the cast.
pub(crate) const ANY_LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const CERTIFICATE: &str = "lan-certificate.pem";
const KEY: &str = "lan-key.pem";

/// Opens the doors to the local network, unless an address was given. Panels stay on this machine: what they send is
/// clear text.
pub(crate) fn open(settings: &mut Settings) {
    for listen in [&mut settings.console_listen, &mut settings.devices_listen] {
        if listen.ip().is_loopback() {
            listen.set_ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        }
    }
}

/// The certificate in use and where phones find us.
pub(crate) struct Certificate {
    pub(crate) config: RustlsConfig,
    pub(crate) console_url: String,
    devices_url: String,
}

/// Reads the folder's certificate, or makes one for this machine's address.
pub(crate) async fn certificate(
    folder: &Folder,
    listening: &Listening,
) -> Result<Certificate, Failure> {
    let address = outward_address();
    let fresh = rcgen::generate_simple_self_signed(vec![
        address.to_string(),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ])
    .doing("make a certificate")?;
    if !folder.file(CERTIFICATE).exists() {
        folder.write_private(CERTIFICATE, fresh.cert.pem().as_bytes())?;
        folder.write_private(KEY, fresh.signing_key.serialize_pem().as_bytes())?;
    }
    let config = RustlsConfig::from_pem_file(folder.file(CERTIFICATE), folder.file(KEY))
        .await
        .doing("read the certificate")?;
    let url = |listen: &str| {
        let port = listen.rsplit(':').next().unwrap_or_default();
        format!("https://{address}:{port}")
    };
    Ok(Certificate {
        config,
        console_url: url(listening.console()),
        devices_url: url(&listening.devices_here()),
    })
}

impl Certificate {
    /// Prints the button page's address as text and as a QR code.
    pub(crate) fn greet(&self, device: Option<&DemoDevice>) {
        let Some(device) = device else { return };
        let url = format!(
            "{}/sos?device={}#key={}",
            self.devices_url, device.device, device.key
        );
        println!(
            "  手机扫码,就是一个呼叫按钮 / scan with a phone: it becomes a button (the certificate is self-signed)"
        );
        println!("  {url}");
        if let Ok(code) = qrcode::QrCode::new(url.as_bytes()) {
            println!(
                "{}",
                code.render::<qrcode::render::unicode::Dense1x2>()
                    .quiet_zone(true)
                    .build()
            );
        }
    }
}

/// The address the local network sees: the one a packet outwards would carry. Nothing is sent.
fn outward_address() -> IpAddr {
    let asked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        // TEST-NET-1 (RFC 5737): a route is looked up, no packet leaves.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    asked.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
