//! Who really asks, when a proxy stands before the doors.
//!
//! For: the address that limits count by, out of `X-Forwarded-For`, from proxies named in the settings only.
//! May not know: what the address is used for.

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::HeaderMap,
    middleware::{self, Next},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The same routes; whatever a trusted proxy passes on counts as coming from where the proxy says.
pub(crate) fn behind(proxies: &[IpAddr], router: Router) -> Router {
    if proxies.is_empty() {
        return router;
    }
    let proxies: Arc<[IpAddr]> = proxies.into();
    router.layer(middleware::from_fn(
        move |mut request: Request, next: Next| {
            let proxies = Arc::clone(&proxies);
            async move {
                let (headers, peer) = (request.headers(), request.extensions().get());
                if let Some(ConnectInfo(peer)) = peer {
                    let asker = SocketAddr::new(asker(&proxies, *peer, headers), 0);
                    request.extensions_mut().insert(ConnectInfo(asker));
                }
                next.run(request).await
            }
        },
    ))
}

/// The last address on the way that is not a trusted proxy's. What stands before it was written by the asker.
fn asker(proxies: &[IpAddr], peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let mut asker = peer.ip().to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let mut way = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    while proxies.contains(&asker) {
        match way
            .next()
            .and_then(|said| said.trim().parse::<IpAddr>().ok())
        {
            Some(before) => asker = before.to_canonical(),
            None => break,
        }
    }
    asker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_as_far_as_proxies_reach() {
        let proxies: [IpAddr; 2] = ["127.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let here = "127.0.0.1:50000";
        let cases: [(&str, &[&str], &str); 8] = [
            (here, &["203.0.113.7"], "203.0.113.7"),
            (here, &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            (
                here,
                &["198.51.100.1", "203.0.113.7, 10.0.0.2"],
                "203.0.113.7",
            ),
            (here, &["2001:db8::7"], "2001:db8::7"),
            (here, &[], "127.0.0.1"),
            (here, &["198.51.100.1, nonsense"], "127.0.0.1"),
            ("[::ffff:127.0.0.1]:50000", &["203.0.113.7"], "203.0.113.7"),
            ("203.0.113.9:50000", &["198.51.100.1"], "203.0.113.9"),
        ];
        for (peer, lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let asker = asker(&proxies, peer.parse().unwrap(), &headers);
            assert_eq!(asker.to_string(), expected, "{peer} {lines:?}");
        }
    }
}
