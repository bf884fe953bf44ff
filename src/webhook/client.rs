//! The HTTP client of webhooks. Private, loopback and link-local addresses are refused when it connects, after the name
//! was resolved, so a name that changes its address between check and call gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A client that follows no redirects and, unless allowed, connects to public addresses only.
pub fn build(allow_private: bool, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .pool_max_idle_per_host(64)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("sala/", env!("CARGO_PKG_VERSION")));
    let builder = if allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
    builder.build()
}

struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A name that leads to private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NotPublic;

/// Whether a call failed because its host has no public address: another try would end the same way.
pub fn leads_to_private_address(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<NotPublic>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// Whether a URL names its host by a private address. Such an address is not resolved, so it is checked here.
pub fn names_private_address(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
}

/// Whether an address is one of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT, RFC 6598
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)); // benchmarking, RFC 2544
    !(reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Mapped (::ffff:a.b.c.d) and, as some systems still take them, compatible ones (::a.b.c.d).
    if let Some(inner) = address.to_ipv4() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    let embeds_v4 = first == 0x2002 || (first == 0x64 && second == 0xff9b);
    // Unique local, link-local, and the site-local ones of old (RFC 3879).
    let local = (first & 0xfe00) == 0xfc00 || matches!(first & 0xffc0, 0xfe80 | 0xfec0);
    // Teredo (2001::/32) leads to an IPv4 address, too; 100::/64 leads nowhere.
    let documentation = (first == 0x2001 && matches!(second, 0xdb8 | 0)) || first == 0x100;
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || local
        || documentation
        || embeds_v4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_public_from_private() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "fec0::1",
            "2001::1",
            "100::1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(private.parse().expect("address")), "{private}");
        }
        for public in ["8.8.8.8", "203.0.114.1", "2606:4700::1111"] {
            assert!(is_public(public.parse().expect("address")), "{public}");
        }
        assert!(names_private_address(&"http://[::1]:80/".parse().expect("url")));
        assert!(!names_private_address(&"https://example.com/".parse().expect("url")));
    }
}
