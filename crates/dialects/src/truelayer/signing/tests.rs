//! The vectors of the clients' own signing library, and keys in all forms.

use super::jws::{Parsed, Signer, signed_bytes};
use super::keys;
use super::requests::{Bad, Request, Rules, verify};
use http::{HeaderMap, HeaderName, HeaderValue};

const PRIVATE: &str = include_str!("vectors/ec512-private.pem");
const PUBLIC: &str = include_str!("vectors/ec512-public.pem");
const JWKS: &str = include_str!("vectors/jwks.json");
const SIGNATURE: &str = include_str!("vectors/tl-signature.txt");
const WEBHOOK: &str = include_str!("vectors/webhook-signature.txt");
const KEY_ID: &str = "45fc75cf-5649-4134-84b3-192c2c78e990";
const PATH: &str = "/merchant_accounts/a61acaef-ee05-4077-92f3-25543a11bd8d/sweeping";
const KEY: &str = "idemp-2076717c-9005-4811-a321-9e0787fa0382";
const BODY: &[u8] = b"{\"currency\":\"GBP\",\"max_amount_in_minor\":5000000}";
/// A signature whose header says neither version nor headers.
const BY_HTTP_HEADERS: &str = "eyJhbGciOiJFUzUxMiIsImtpZCI6IjQ1ZmM3NWNmLTU2NDktNDEzNC04NGIzLTE5MmMyYzc4ZTk5MCJ9..AaynCNbco3vqWTL7BOpB_tNOfVYA9VO3K9VEFHDPa4J9VZ8GsJPZyfDJNVuxEC1v_Ihd0GcYVBneGlvB8x9VBXtpAdG7PBNvbldjx_oJxMovV-tf-u13GpxjtaqC26LxIf5qYCHcupXFuQhUqjI0aSd5eFP1dmAVctmy6KdJDnr_xOPt";
/// The same, but the two HTTP headers are not signed themselves.
const BY_UNSIGNED_HTTP_HEADERS: &str = "eyJhbGciOiJFUzUxMiIsImtpZCI6IjQ1ZmM3NWNmLTU2NDktNDEzNC04NGIzLTE5MmMyYzc4ZTk5MCJ9..APsK2MCyC5AU4ytlaCDqBK7ou_ihmK48ecfBkXkLUeW9u22jL4KGATUZkqBa4Xj9KdSOBnZ0JrbTxSgBUTbNpbeOAcw0XjYx2r4ELhLtkxDhbE6uT4aLB2CYx1Wa_T87R12IpN8CrSmuEkGg3lJifnFSBycoi8j_EuFbMnMY-0waBmGQ";
/// Version 1: the body alone.
const BODY_ONLY: &str = "eyJhbGciOiJFUzUxMiIsImtpZCI6IjQ1ZmM3NWNmLTU2NDktNDEzNC04NGIzLTE5MmMyYzc4ZTk5MCJ9..ASwrHoHm-1tuvTWj_YFbrMZiP22sUHEu826cJC7flb9nZLwdfP0L-RDhBA5csNLM2KtkAOD7pnJYS7tnw383gtuxAWnXI_NbJ5rZuYWVgVlqc9VCt8lkvyQZtKOiRQfpFmJWBDNULHWwFTyrX2UaOO_KWHnZ4_8jpNaNsyeQGe61gfk-";

const STRICT: Rules = Rules { key_signed: true, version_1: false };

fn check(signature: &str, more: &[(&str, &str)], body: &[u8], rules: Rules) -> Result<(), Bad> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("Idempotency-Key", KEY), ("Tl-Signature", signature.trim())].iter().chain(more) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let request = Request { method: "POST", path: PATH, headers: &headers, body };
    let point = keys::read_public(PUBLIC).unwrap();
    verify(&request, rules, |key_id| (key_id == KEY_ID).then_some(point.as_slice()))
}

// conformance: truelayer 26
#[test]
fn the_librarys_request_verifies() {
    assert_eq!(check(SIGNATURE, &[("X-Whatever", "aoitbeh")], BODY, STRICT), Ok(()));
    assert_eq!(check(SIGNATURE, &[], b"{}", STRICT), Err(Bad::Wrong));
    assert_eq!(check(SIGNATURE, &[("Idempotency-Key", "other")], BODY, STRICT), Err(Bad::Wrong));
}

// conformance: truelayer 26
#[test]
fn the_librarys_webhook_verifies_with_the_short_coordinate() {
    let jwks: serde_json::Value = serde_json::from_str(JWKS).unwrap();
    let member = |name: &str| jwks["keys"][1][name].as_str().unwrap();
    assert_eq!(member("x").len(), 87, "65 bytes");
    let point = keys::from_coordinates(member("x"), member("y")).unwrap();
    assert_eq!(point, keys::read_public(PUBLIC).unwrap());
    let parsed = Parsed::read(WEBHOOK.trim()).unwrap();
    let signed = |at: &[u8]| {
        let headers: [(&str, &[u8]); 2] = [("X-Tl-Webhook-Timestamp", at), ("Content-Type", b"application/json")];
        let body = b"{\"event_type\":\"example\",\"event_id\":\"18b2842b-a57b-4887-a0a6-d3c7c36f1020\"}";
        signed_bytes("POST", "/tl-webhook", &headers, body)
    };
    assert!(parsed.is_of(&point, &signed(b"2021-11-29T11:42:55Z")));
    assert!(!parsed.is_of(&point, &signed(b"2021-12-02T14:18:00Z")));
}

#[test]
fn version_and_headers_may_come_as_http_headers_that_are_signed() {
    let all = "Idempotency-Key,Tl-Signature-Version,Tl-Signature-Headers";
    let sent = |list| [("Tl-Signature-Version", "2"), ("Tl-Signature-Headers", list)];
    assert_eq!(check(BY_HTTP_HEADERS, &sent(all), BODY, STRICT), Ok(()));
    assert_eq!(check(BY_HTTP_HEADERS, &[], BODY, STRICT), Err(Bad::Version));
    assert_eq!(check(BY_UNSIGNED_HTTP_HEADERS, &sent("Idempotency-Key"), BODY, STRICT), Err(Bad::Version));
}

#[test]
fn version_1_is_refused_unless_it_is_allowed() {
    let body = b"{\"abc\":123}";
    assert_eq!(check(BODY_ONLY, &[], body, STRICT), Err(Bad::Version));
    let allowed = Rules { version_1: true, ..STRICT };
    assert_eq!(check(BODY_ONLY, &[], body, allowed), Ok(()));
    assert_eq!(check(BODY_ONLY, &[], b"{\"abc\":124}", allowed), Err(Bad::Wrong));
    assert_eq!(check(SIGNATURE, &[], BODY, allowed), Ok(()));
}

#[test]
fn an_attached_body_is_no_signature_of_ours() {
    let attached = "eyJhbGciOiJFUzUxMiIsImtpZCI6IjQ1ZmM3NWNmLTU2NDktNDEzNC04NGIzLTE5MmMyYzc4ZTk5MCIsInRsX3ZlcnNpb24iOiIyIiwidGxfaGVhZGVycyI6IiJ9.UE9TVCAvYmFyCnt9.ARLa7Q5b8k5CIhfy1qrS-IkNqCDeE-VFRDz7Lb0fXUMOi_Ktck-R7BHDMXFDzbI5TyaxIo5TGHZV_cs0fg96dlSxAERp3UaN2oCQHIE5gQ4m5uU3ee69XfwwU_RpEIMFypycxwq1HOf4LzTLXqP_CDT8DdyX8oTwYdUBd2d3D17Wd9UA";
    for text in [attached.to_owned(), format!("{attached}...."), format!("{attached}..")] {
        assert_eq!(check(&text, &[], b"{}", STRICT), Err(Bad::Malformed));
    }
}

#[test]
fn keys_are_read_in_every_form_and_no_other_curve() {
    let pair = keys::read_private(PRIVATE).unwrap();
    assert_eq!(keys::point(&pair), keys::read_public(PUBLIC).unwrap());
    assert!(keys::read_public(PRIVATE).is_err(), "nobody should send a private key");
    assert_eq!(keys::to_public_pem(&keys::point(&pair)).unwrap(), PUBLIC);
    let kept = keys::from_pkcs8(&keys::to_pkcs8(&pair).unwrap()).unwrap();
    assert_eq!(keys::point(&kept), keys::point(&pair));
    assert_eq!(keys::to_private_pem(&pair).unwrap(), PRIVATE, "what we write is what the tools write");
    let with_parameters =
        format!("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIw==\n-----END EC PARAMETERS-----\n{PRIVATE}");
    assert!(keys::read_private(&with_parameters).is_ok());
    let other_curve = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUb8gWyJ4ZCYv8VtHZ+PVxPkC4mLz\nJ5nK8lPhQFdPIXBrJcq2nE4uWcbdw8gx4gzGrd5JcuvNQ6/DAkz3uKcWnA==\n-----END PUBLIC KEY-----\n";
    for bad in ["", "words", other_curve, &PUBLIC.replace("MIGb", "MIGc"), &PRIVATE.replace("MIHc", "MIHd")] {
        assert!(keys::read_public(bad).is_err() && keys::read_private(bad).is_err());
    }
    assert!(keys::read_private(PUBLIC).is_err());
    assert!(keys::from_coordinates("AAAA", "AAAA").is_err(), "not on the curve");
}

#[test]
fn what_we_sign_we_verify() {
    let pair = keys::generate().unwrap();
    let headers: [(&str, &[u8]); 1] = [("Content-Type", b"application/json")];
    let signer = Signer { pair: &pair, key_id: "k", jku: Some("https://keys.example/jwks") };
    for _ in 0..50 {
        let text = signer.sign("POST", "/", &headers, b"{}").unwrap();
        assert!(!text.contains('='));
        let parsed = Parsed::read(&text).unwrap();
        assert!(parsed.is_of(&keys::point(&pair), &signed_bytes("POST", "/", &headers, b"{}")));
        assert!(!parsed.is_of(&keys::point(&pair), &signed_bytes("POST", "/x", &headers, b"{}")));
    }
}
