//! Who is at the other end: the connection's own address, or the one that a trusted proxy tells.
//!
//! The address is for the log and for slowing those who guess secrets. Nothing is allowed because of it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED: HeaderName = axum::http::header::FORWARDED;

/// More hops than this are not followed.
const MOST_HOPS: usize = 32;

/// Addresses of proxies: one, or a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let text = text.trim();
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Network).map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
    }
}

/// The address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Looks at the connection, and at the headers when a trusted proxy has made it.
    pub fn of(request: &Request, trusted: &[Network]) -> Peer {
        let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let address = connection.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip().to_canonical());
        Peer(behind(address, request.headers(), trusted))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Infallible> {
        Ok(parts.extensions.get::<Peer>().copied().unwrap_or(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST))))
    }
}

/// The caller behind a trusted proxy; the proxy itself when it does not tell.
fn behind(proxy: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    if !trusted.iter().any(|network| network.contains(proxy)) {
        return proxy;
    }
    let lines = |name: &HeaderName| -> Vec<&str> {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    };
    let (simple, standard) = (lines(&X_FORWARDED_FOR), lines(&FORWARDED));
    let simple_hops = || simple.iter().rev().flat_map(|line| line.rsplit(',')).map(node);
    let standard_hops = || standard.iter().rev().flat_map(|line| line.rsplit(',')).map(|hop| node(for_of(hop)));
    match (simple.is_empty(), standard.is_empty()) {
        (true, true) => proxy,
        (false, true) => nearest_stranger(proxy, simple_hops(), trusted),
        (true, false) => nearest_stranger(proxy, standard_hops(), trusted),
        (false, false) => {
            // A proxy writes one of the two and may pass the other on as the caller sent it.
            let told = nearest_stranger(proxy, simple_hops(), trusted);
            if told == nearest_stranger(proxy, standard_hops(), trusted) { told } else { proxy }
        }
    }
}

/// Goes from the server outwards: each proxy names the one before it, and the first that is not trusted is the caller.
/// What stands beyond it, the caller may have written.
fn nearest_stranger(proxy: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, trusted: &[Network]) -> IpAddr {
    let mut known = proxy;
    for hop in hops.take(MOST_HOPS) {
        let Some(address) = hop else { break };
        known = address;
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
    }
    known
}

/// The `for` parameter of a hop (RFC 7239, section 4).
fn for_of(hop: &str) -> &str {
    let parameters = hop.split(';').filter_map(|parameter| parameter.split_once('='));
    let found = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    found.map_or("", |(_, value)| value.trim().trim_matches('"'))
}

/// An address with or without its port; IPv6 in brackets or bare. Names such as `unknown` are none.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inside, _)| inside);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn caller(proxy: &str, headers: &[(&str, &str)]) -> String {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "::1", "2001:db8:1::/48"].map(|text| text.parse().expect("a network")).to_vec();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            map.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        behind(proxy.parse().expect("an address"), &map, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let spoofed = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")];
        assert_eq!(caller("192.0.2.1", &spoofed), "192.0.2.1");
        assert_eq!(caller("10.1.2.3", &spoofed), "203.0.113.7");
        assert_eq!(caller("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_is_the_caller() {
        let told = |value| caller("::1", &[("x-forwarded-for", value)]);
        assert_eq!(
            told("1.1.1.1, 203.0.113.7, 10.0.0.2"),
            "203.0.113.7",
            "what the caller wrote before does not count"
        );
        assert_eq!(told("10.0.0.3, 10.0.0.2"), "10.0.0.3", "a caller inside");
        assert_eq!(told("203.0.113.7:4711"), "203.0.113.7");
        assert_eq!(told("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(told("1.1.1.1, unknown, 10.0.0.2"), "10.0.0.2");
        assert_eq!(told("nonsense"), "::1");
        let lines = [("x-forwarded-for", "1.1.1.1, 203.0.113.7"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(caller("::1", &lines), "203.0.113.7");
    }

    #[test]
    fn the_standard_header_is_read_too() {
        let told = |value| caller("10.0.0.1", &[("forwarded", value)]);
        assert_eq!(told("for=1.1.1.1, For=\"[2001:db8:2::7]:4711\";proto=https;by=10.0.0.2"), "2001:db8:2::7");
        assert_eq!(told("proto=http;for=203.0.113.7 , for=\"[2001:db8:1::1]\""), "203.0.113.7");
        assert_eq!(told("for=_hidden"), "10.0.0.1");
        assert_eq!(told("proto=https"), "10.0.0.1");
    }

    #[test]
    fn two_headers_that_differ_are_not_believed() {
        let both = |standard| caller("10.0.0.1", &[("x-forwarded-for", "203.0.113.7"), ("forwarded", standard)]);
        assert_eq!(both("for=203.0.113.7"), "203.0.113.7");
        assert_eq!(both("for=198.51.100.1"), "10.0.0.1", "the caller may have sent it");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("proxy.example".parse::<Network>().is_err());
        assert!(" 10.0.0.1 ".parse::<Network>().is_ok());
    }
}
