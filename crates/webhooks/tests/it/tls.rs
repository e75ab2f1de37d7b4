//! Receivers with certificates of all kinds. The files in `tls/` belong to an
//! authority that exists in these tests only; `good.der` and `expired.der`
//! are its certificates for shop.example, `stray.der` is signed by itself.

use crate::egress::{Alternator, post};
use refundry_webhooks::{Answered, Egress, EgressOptions, Failed, Policy, TlsFault};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

const ROOT: &[u8] = include_bytes!("tls/root.der");
const GOOD: &[u8] = include_bytes!("tls/good.der");
const EXPIRED: &[u8] = include_bytes!("tls/expired.der");
const STRAY: &[u8] = include_bytes!("tls/stray.der");
const KEY: &[u8] = include_bytes!("tls/key.der");

/// A receiver for one connection; tells how much of a request it could read.
fn receiver(certificate: &'static [u8]) -> (u16, JoinHandle<usize>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut line, _) = listener.accept().unwrap();
        let mut session = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut session, &mut line);
        let heard = stream.read(&mut [0; 4_096]).unwrap_or(0);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        heard
    });
    (port, heard)
}

#[tokio::test]
async fn only_a_valid_certificate_of_a_known_authority_gets_the_event() {
    let refused = Err(Failed::Tls(TlsFault::Certificate));
    for (what, certificate, host, known, expected) in [
        ("valid", GOOD, "shop.example", true, Ok(Answered { status: 200, retry_after: None })),
        ("of an unknown authority", GOOD, "shop.example", false, refused),
        ("expired", EXPIRED, "shop.example", true, refused),
        ("for another host", GOOD, "other.example", true, refused),
        ("self-signed", STRAY, "shop.example", true, refused),
    ] {
        let (port, heard) = receiver(certificate);
        let mut options = EgressOptions::with_policy(Policy::sandbox());
        options.resolver = Alternator::of(&[&["127.0.0.1"]]).0;
        options.extra_roots = if known { vec![ROOT.to_vec()] } else { Vec::new() };
        let egress = Egress::try_new(options).unwrap();
        assert_eq!(post(&egress, &format!("https://{host}:{port}/hook"), 5_000).await, expected, "{what}");
        assert_eq!(heard.join().unwrap() > 0, expected.is_ok(), "{what}");
    }
}
