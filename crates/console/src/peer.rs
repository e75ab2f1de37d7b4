//! From where a request comes: the address of the connection, or the one that
//! a trusted proxy passed on.

use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address. Behind trusted proxies it is the last address in
/// `X-Forwarded-For` that is none of theirs; what stands before that one could
/// be made up.
pub(crate) fn place_of(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|range| range.contains(ip));
    let mut nearest = peer?.ip().to_canonical();
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|l| l.split(','))
        .collect();
    for said in lines.into_iter().rev() {
        if !is_trusted(&nearest) {
            break;
        }
        let Some(next) = read(said.trim()) else { break };
        nearest = next;
    }
    Some(nearest)
}

/// An address, some proxies add a port to it.
fn read(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    let ip = ip.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "::1/128"].map(|range| range.parse().unwrap()).to_vec();
        for (peer, said, expected) in [
            ("192.0.2.1:5", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1:5", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1:5", &["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1:5", &["1.2.3.4", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.0.0.1:5", &["198.51.100.7:443"], "198.51.100.7"),
            ("[::1]:5", &["[2001:db8::1]:9"], "2001:db8::1"),
            ("[::1]:5", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1:5", &["unknown"], "10.0.0.1"),
            ("10.0.0.1:5", &[], "10.0.0.1"),
            ("[::ffff:10.0.0.1]:5", &["198.51.100.7"], "198.51.100.7"),
        ] {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let found = place_of(Some(peer.parse().unwrap()), &headers, &trusted);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {said:?}");
        }
        assert_eq!(place_of(None, &HeaderMap::new(), &trusted), None);
    }
}
