//! Where outgoing requests may go: one pure policy over URLs and addresses,
//! asked when an endpoint is registered and again for every connection.
//!
//! An address is allowed when it is reachable by everyone on the internet, or
//! when the operator's list names its range. Everything else is refused, also
//! when it hides inside an IPv6 address.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Longest URL of an endpoint, bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The scheme of the sandbox's own inbox: `inbox:<name>`.
pub const INBOX_SCHEME: &str = "inbox";
/// Where the sandbox's own inboxes are below its origin; a name follows.
pub const INBOX_PATH: &str = "/sandbox/v1/inbox";
/// Longest name of an inbox, bytes.
pub const INBOX_NAME_BYTES_MAX: usize = 64;
/// Ports below this one are privileged.
const PRIVILEGED_PORT_END: u16 = 1_024;

/// Why a request may not go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressRefusal {
    /// The text is no absolute URL, too long, or spelled ambiguously.
    #[error("the url is malformed")]
    Malformed,
    /// Neither `https` nor another scheme that this installation allows.
    #[error("the url's scheme is not allowed")]
    Scheme,
    /// The URL carries a user name or password.
    #[error("the url carries credentials")]
    Credentials,
    /// The port is not one that webhooks go to.
    #[error("port {0} is not allowed")]
    Port(u16),
    /// The name is one of private networks.
    #[error("the host name belongs to a private network")]
    Name,
    /// The address is not public and not in an allowed range.
    #[error("the address is not public")]
    Address,
}

/// Which ports may be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// Any: the sandbox.
    Any,
    /// 80, 443 and all that need no privilege.
    Usual,
    /// These only.
    Only(Vec<u16>),
}

/// The operator's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Plain HTTP is allowed beside HTTPS.
    pub allow_http: bool,
    /// The machine itself is allowed, and so is the name `localhost`.
    pub allow_loopback: bool,
    /// `inbox:<name>` is allowed: the sandbox has such an inbox.
    pub allow_inbox: bool,
    /// Which ports may be named.
    pub ports: Ports,
    /// Ranges that are allowed though they are not public.
    pub allowed: Vec<IpNet>,
}

impl Default for Policy {
    /// What a live installation has: HTTPS to public addresses.
    fn default() -> Self {
        Self { allow_http: false, allow_loopback: false, allow_inbox: false, ports: Ports::Usual, allowed: Vec::new() }
    }
}

impl Policy {
    /// What a sandbox has: also plain HTTP, any port, the machine itself and
    /// the inbox.
    #[must_use]
    pub fn sandbox() -> Self {
        Self { allow_http: true, allow_loopback: true, allow_inbox: true, ports: Ports::Any, allowed: Vec::new() }
    }

    /// Whether an endpoint with this URL may be registered. A name's
    /// addresses are not known here; they are checked when connecting.
    ///
    /// # Errors
    /// Says what is wrong with the URL.
    pub fn check_url(&self, text: &str) -> Result<(), EgressRefusal> {
        match inbox_name(text) {
            Some(name) if self.allow_inbox => name.map(|_| ()),
            Some(_) => Err(EgressRefusal::Scheme),
            None => self.target(text).map(|_| ()),
        }
    }

    /// The URL to connect to, checked. The parsed form is what must be used
    /// from here on, so that nobody reads the text in another way.
    ///
    /// # Errors
    /// Says what is wrong with the URL.
    pub fn target(&self, text: &str) -> Result<Url, EgressRefusal> {
        let spelled_plainly = text.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\');
        if text.len() > URL_BYTES_MAX || !spelled_plainly {
            return Err(EgressRefusal::Malformed);
        }
        let url = Url::parse(text).map_err(|_| EgressRefusal::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(EgressRefusal::Scheme),
        }
        let (_, rest) = text.split_once("://").ok_or(EgressRefusal::Malformed)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(EgressRefusal::Malformed);
        }
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(EgressRefusal::Credentials);
        }
        self.check_port(url.port_or_known_default().unwrap_or_default())?;
        match url.host().ok_or(EgressRefusal::Malformed)? {
            Host::Ipv4(address) => self.check_address(IpAddr::V4(address))?,
            Host::Ipv6(address) => self.check_address(IpAddr::V6(address))?,
            Host::Domain(name) => self.check_name(name)?,
        }
        Ok(url)
    }

    /// Whether a connection to this address may be made.
    ///
    /// # Errors
    /// [`EgressRefusal::Address`] when it may not.
    pub fn check_address(&self, address: IpAddr) -> Result<(), EgressRefusal> {
        let plain = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        };
        let listed = self.allowed.iter().any(|range| range.contains(&plain));
        let own = self.allow_loopback && plain.is_loopback();
        if listed || own || is_public(plain) { Ok(()) } else { Err(EgressRefusal::Address) }
    }

    fn check_port(&self, port: u16) -> Result<(), EgressRefusal> {
        let allowed = match &self.ports {
            Ports::Any => port != 0,
            Ports::Usual => matches!(port, 80 | 443) || port >= PRIVILEGED_PORT_END,
            Ports::Only(ports) => ports.contains(&port),
        };
        if allowed { Ok(()) } else { Err(EgressRefusal::Port(port)) }
    }

    /// Names that can only mean a private network are refused early, so that
    /// the mistake shows at registration. Safety does not rest on this.
    fn check_name(&self, name: &str) -> Result<(), EgressRefusal> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.is_empty() {
            return Err(EgressRefusal::Malformed);
        }
        if last == "localhost" {
            return if self.allow_loopback { Ok(()) } else { Err(EgressRefusal::Name) };
        }
        let private = !name.contains('.')
            || matches!(last, "local" | "internal" | "intranet" | "lan" | "localdomain" | "onion" | "invalid")
            || name.ends_with(".home.arpa");
        if private && self.allowed.is_empty() { Err(EgressRefusal::Name) } else { Ok(()) }
    }
}

/// The name in `inbox:<name>`; none for other URLs.
///
/// # Errors
/// [`EgressRefusal::Malformed`] for a name of other characters than letters,
/// digits, `-`, `_` and `.`, or a longer one than 64.
#[must_use]
pub fn inbox_name(url: &str) -> Option<Result<&str, EgressRefusal>> {
    let (scheme, name) = url.split_once(':')?;
    if !scheme.eq_ignore_ascii_case(INBOX_SCHEME) {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=INBOX_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
    Some(if fits { Ok(name) } else { Err(EgressRefusal::Malformed) })
}

/// True when everyone on the internet means the same machine by it.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IANA registry of special addresses, and one cloud's metadata service
/// that answers on an otherwise public address.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0 | 10 | 127, _, _, _)          // this network, private, loopback
        | (100, 64..=127, _, _)          // carrier-grade NAT
        | (169, 254, _, _)               // link-local, metadata services
        | (172, 16..=31, _, _)           // private
        | (192, 0, 0 | 2, _)             // protocol assignments, documentation
        | (192, 88, 99, _)               // 6to4 relays
        | (192, 168, _, _)               // private
        | (198, 18 | 19, _, _)           // benchmarking
        | (198, 51, 100, _)              // documentation
        | (203, 0, 113, _)               // documentation
        | (168, 63, 129, 16)             // a cloud's metadata service
        | (224..=255, _, _, _) // multicast, reserved, broadcast
    )
}

/// Only the global unicast space, without what is special in it. Addresses
/// that carry an IPv4 address count as that one where networks really use
/// them so (NAT64); the abandoned tunnels (6to4, Teredo, compatible) are
/// refused whatever they carry.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    if (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0) {
        let [g1, g2] = g.to_be_bytes();
        let [h1, h2] = h.to_be_bytes();
        return is_public_v4(Ipv4Addr::new(g1, g2, h1, h2));
    }
    let special = matches!(
        (a, b),
        (0x2001, 0..=0x1ff | 0xdb8)      // protocol assignments, Teredo, benchmarking; documentation
        | (0x2002, _)                    // 6to4
        | (0x3fff, 0..=0xfff)            // documentation
        | (0x3ffe, _) // the former test network
    );
    let global = (a & 0xe000) == 0x2000;
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "1.1.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 \
        198.20.0.1 223.255.255.255 2606:4700::1111 2001:4860:4860::8888 64:ff9b::101:101 \
        ::ffff:1.1.1.1";

    const OTHERS: &str = "0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 169.254.169.254 \
        168.63.129.16 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 \
        198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 \
        :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::1.1.1.1 64:ff9b::7f00:1 \
        64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 \
        2001:2::1 2001:db8::1 2002:7f00:1::1 2002:101:101::1 3fff::1 3ffe::1 5f00::1 fc00::1 \
        fd00:ec2::254 fe80::1 fec0::1 ff02::1";

    #[test]
    fn knows_public_addresses_from_others() {
        let refused = Err(EgressRefusal::Address);
        for (addresses, expected) in [(PUBLIC, Ok(())), (OTHERS, refused)] {
            for address in addresses.split_whitespace() {
                let judged = Policy::default().check_address(address.parse().unwrap());
                assert_eq!(judged, expected, "{address}");
            }
        }
    }

    #[test]
    fn the_operators_ranges_are_allowed_and_no_more() {
        let policy =
            Policy { allowed: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()], ..Policy::default() };
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd00::5", true),
            ("fd01::5", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(policy.check_address(address.parse().unwrap()).is_ok(), allowed, "{address}");
        }
        assert_eq!(policy.check_url("https://receiver/hook"), Ok(()), "short names resolve in the operator's network");
        assert_eq!(policy.check_url("https://localhost/hook"), Err(EgressRefusal::Name));
    }

    #[test]
    fn urls_are_judged_in_both_modes() {
        use EgressRefusal::{Address, Credentials, Malformed, Name, Port, Scheme};
        for (url, live, sandbox) in [
            ("https://example.com/hook?x=1#y", Ok(()), Ok(())),
            ("https://example.com:8443/", Ok(()), Ok(())),
            ("https://example.com:22/", Err(Port(22)), Ok(())),
            ("https://example.com:0/", Err(Port(0)), Err(Port(0))),
            ("http://example.com/", Err(Scheme), Ok(())),
            ("ftp://example.com/", Err(Scheme), Err(Scheme)),
            ("https://user:secret@example.com/", Err(Credentials), Err(Credentials)),
            ("https://@example.com/", Err(Credentials), Err(Credentials)),
            ("https://example.com/@me", Ok(()), Ok(())),
            ("https:example.com/", Err(Malformed), Err(Malformed)),
            ("https:///example.com/", Err(Malformed), Err(Malformed)),
            ("https://exa\tmple.com/", Err(Malformed), Err(Malformed)),
            ("https:\\\\example.com\\", Err(Malformed), Err(Malformed)),
            ("/hook", Err(Malformed), Err(Malformed)),
            ("", Err(Malformed), Err(Malformed)),
            ("http://localhost:3000/", Err(Scheme), Ok(())),
            ("https://api.localhost/", Err(Name), Ok(())),
            ("https://2130706433/", Err(Address), Ok(())),
            ("https://192.168.1.1/", Err(Address), Err(Address)),
            ("https://printer.local/", Err(Name), Err(Name)),
            ("inbox:demo", Err(Scheme), Ok(())),
            ("inbox:a/b", Err(Scheme), Err(Malformed)),
            ("inbox:", Err(Scheme), Err(Malformed)),
        ] {
            assert_eq!(Policy::default().check_url(url), live, "live {url}");
            assert_eq!(Policy::sandbox().check_url(url), sandbox, "sandbox {url}");
        }
    }
}
