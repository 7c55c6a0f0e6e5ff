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
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
};

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
    /// For programs that are to trust it.
    pub(crate) file: PathBuf,
    pub(crate) console_url: String,
    devices_url: String,
    /// Other machines reach us there.
    outside: bool,
}

/// Reads the folder's certificate, or makes one for the addresses of this machine. One that was made for others, in
/// another network, is made anew.
pub(crate) async fn certificate(
    folder: &Folder,
    listening: &Listening,
) -> Result<Certificate, Failure> {
    let network = outward_address();
    let (console, devices) = (listening.console(), listening.devices.as_deref());
    let console = found_at(console, network)?;
    let devices = found_at(devices.unwrap_or_default(), network)?;
    let file = folder.file(CERTIFICATE);
    if !covers(&file, &[console.ip(), devices.ip()]) {
        let names = [console.ip().to_string(), devices.ip().to_string()];
        let here = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let names: Vec<String> = names.into_iter().chain(here).collect();
        let fresh = rcgen::generate_simple_self_signed(names).doing("make a certificate")?;
        // The key first: a certificate that is there has its key.
        folder.write_private(KEY, fresh.signing_key.serialize_pem().as_bytes())?;
        folder.write_private(CERTIFICATE, fresh.cert.pem().as_bytes())?;
    }
    let config = RustlsConfig::from_pem_file(&file, folder.file(KEY));
    let config = config.await.doing("read the certificate")?;
    Ok(Certificate {
        config,
        file,
        console_url: format!("https://{console}"),
        devices_url: format!("https://{devices}"),
        outside: !devices.ip().is_loopback(),
    })
}

impl Certificate {
    /// Prints the button page's address as text and as a QR code.
    pub(crate) fn greet(&self, device: Option<&DemoDevice>) {
        if !self.outside {
            println!(
                "  没有找到局域网,只有本机能打开;连上网络后重新启动,或用 --console-listen 和 --devices-listen 指定地址"
            );
            println!(
                "  no local network was found, so no phone reaches this machine: join one and start again, or name an address with --console-listen and --devices-listen"
            );
            return;
        }
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

/// Where a door that listens there is found: at its own address, or, open to every network, at this machine's in the
/// local one; at this machine alone where there is none.
fn found_at(listens: &str, network: Option<IpAddr>) -> Result<SocketAddr, Failure> {
    let mut address: SocketAddr = listens.parse().doing("read a door's own address")?;
    if address.ip().is_unspecified() {
        address.set_ip(network.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    Ok(address)
}

/// Whether the certificate in this file names all of these addresses.
fn covers(file: &Path, addresses: &[IpAddr]) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_file(file) else {
        return false;
    };
    addresses.iter().all(|address| {
        let octets = match address {
            IpAddr::V4(four) => four.octets().to_vec(),
            IpAddr::V6(six) => six.octets().to_vec(),
        };
        // An iPAddress among the names (RFC 5280, section 4.2.1.6): its tag, its length, its octets.
        let length = u8::try_from(octets.len()).unwrap_or_default();
        let named = [&[0x87, length], octets.as_slice()].concat();
        certificate.windows(named.len()).any(|part| part == named)
    })
}

/// The address the local network sees: the one a packet outwards would carry. Nothing is sent. `None` without a network.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // TEST-NET-1 (RFC 5737): a route is looked up, no packet leaves.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_found_at_its_own_address_or_at_this_machines_in_the_local_network() {
        let network = Some("192.168.1.7".parse().unwrap());
        let found = |listens, network| found_at(listens, network).unwrap().to_string();
        assert_eq!(found("0.0.0.0:7300", network), "192.168.1.7:7300");
        assert_eq!(found("10.0.0.3:7300", network), "10.0.0.3:7300");
        assert_eq!(found("0.0.0.0:7300", None), "127.0.0.1:7300");
        assert_eq!(found("[2001:db8::1]:7300", network), "[2001:db8::1]:7300");
    }

    #[test]
    fn a_certificate_of_another_network_is_known_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("certificate.pem");
        let [here, elsewhere]: [IpAddr; 2] =
            ["192.168.1.7", "192.168.1.70"].map(|a| a.parse().unwrap());
        assert!(!covers(&file, &[here]), "there is none");
        let names = vec![here.to_string(), "localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(&file, made.cert.pem()).unwrap();
        assert!(covers(&file, &[here]));
        assert!(!covers(&file, &[here, elsewhere]));
    }
}
