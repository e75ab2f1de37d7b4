//! Hawk, as the original asks for it: a header that signs method, path, host
//! and port with a shared key (contract 2). Written here, because the library
//! of that name stands on another cryptographic provider.

mod header;
pub(super) mod seen;

pub(super) use header::{Header, HeaderFault};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a request is signed for, as the server saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// The method, upper case.
    pub(super) method: &'a str,
    /// Path and query, exactly as received.
    pub(super) resource: &'a str,
    /// The host that the client called, lower case.
    pub(super) host: &'a str,
    /// The port that it called.
    pub(super) port: u16,
}

/// The text that is signed.
pub(super) fn signed_text(header: &Header<'_>, target: Target<'_>) -> String {
    let mut text = String::with_capacity(192);
    let port = target.port.to_string();
    let ext = header.ext.unwrap_or_default().replace('\\', "\\\\").replace('\n', "\\n");
    for line in [
        "hawk.1.header",
        header.ts,
        header.nonce,
        target.method,
        target.resource,
        target.host,
        &port,
        header.hash.unwrap_or_default(),
        &ext,
    ] {
        text.push_str(line);
        text.push('\n');
    }
    if let Some(app) = header.app {
        for line in [app, header.dlg.unwrap_or_default()] {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The signature of a text, as it stands in headers.
pub(super) fn mac(key: &[u8], text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// The hash of a body. Parameters of the media type do not count.
pub(super) fn payload_hash(media_type: &str, body: &[u8]) -> String {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"hawk.1.payload\n");
    context.update(media_type.as_bytes());
    context.update(b"\n");
    context.update(body);
    context.update(b"\n");
    STANDARD.encode(context.finish())
}

/// What a client with a wrong clock is told: our time, signed with its key.
pub(super) fn stale_challenge(key: &[u8], now: i64) -> String {
    let tsm = mac(key, &format!("hawk.1.ts\n{now}\n"));
    format!("Hawk ts=\"{now}\", tsm=\"{tsm}\", error=\"Stale timestamp\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"test-hawk-key-0123456789";
    const PAYIN: &str = "018e5e83-ac50-4df0-a7e4-c9f15d493f90";

    fn signed(method: &str, resource: &str, (host, port): (&str, u16), hash: Option<&str>) -> String {
        let header = Header {
            id: "test-hawk-id",
            ts: "1700000000",
            nonce: "Ygvqdz",
            mac: "",
            hash,
            ext: None,
            app: None,
            dlg: None,
        };
        mac(KEY, &signed_text(&header, Target { method, resource, host, port }))
    }

    // conformance: bvnk 1
    #[test]
    fn the_vectors_are_reproduced() {
        let own = ("127.0.0.1", 8080);
        let read = format!("/payment/v1/payouts/{PAYIN}");
        let refund = format!("/payment/v1/payins/{PAYIN}/refund");
        let list = "/ledger/v1/transactions?walletId=a:24071743003474:xE95Oq7:1&page=0&size=10";
        let hash = payload_hash("application/json; charset=utf-8", b"{\"a\":1}");
        assert_eq!(hash, "qKG2AtsqLMhIdy7+OrxWG0bU8wTDncYSW0gmNukAKpI=");
        let table = [
            (signed("GET", &read, own, None), "APulaI53WGoqILMdUxIf6+zjqoNYEL5nDvQyGjIe7KE="),
            (signed("POST", &refund, own, None), "Rkrdp0vY4f/tYlx6SzjUgh6YJtfdUfsJLlN5vQHMV4s="),
            (signed("GET", list, ("api.sandbox.bvnk.com", 443), None), "orGUMy7p/4RN3x2kPJGQryOt+HDVJsyVI3I1odgDcks="),
            (signed("GET", &read, own, Some(&hash)), "k2PlYbLDNNzmHXvc7L7MKQIxaTYx89IZ7G7ZoBUfPvo="),
            (signed("POST", &refund, own, Some(&hash)), "tN1H6acAN7rJuCdJWHZmhoBAVou1CZtm18HrIFpkcBs="),
        ];
        for (number, (made, expected)) in table.into_iter().enumerate() {
            assert_eq!(made, expected, "V{}", number + 1);
        }
        let challenge = stale_challenge(KEY, 1_700_000_000);
        let expected = "Hawk ts=\"1700000000\", tsm=\"akZ9cTOk65+70f1ABEKSX8qed0Vz/3Ea0BD/HNEcftU=\", \
                        error=\"Stale timestamp\"";
        assert_eq!(challenge, expected);
    }
}
