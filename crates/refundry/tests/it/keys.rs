//! Keys, merchants and their settings from the command line, in a sandbox and
//! on a store of live mode.

use crate::bvnk::shop::Shop;
use crate::server::{Answer, Server, answer, refundry};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

/// A command on a data folder whose server is stopped.
fn told(data: &Path, words: &[&str]) -> Output {
    refundry().args(words).arg("--data").arg(data).env_remove("REFUNDRY_CONFIG").output().unwrap()
}

#[track_caller]
fn done(data: &Path, words: &[&str]) -> String {
    let output = told(data, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What was refused, in words.
#[track_caller]
fn refused(data: &Path, words: &[&str]) -> String {
    let output = told(data, words);
    assert!(!output.status.success(), "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A value that the command printed under a name.
#[track_caller]
fn named<'t>(printed: &'t str, name: &str) -> &'t str {
    let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name}: {printed}"))
}

async fn with(server: &Server, key: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = server.http.request(method.parse().unwrap(), format!("{}{path}", server.base));
    answer(request.bearer_auth(key).json(&body)).await
}

#[tokio::test]
async fn keys_open_what_they_are_for_until_they_are_revoked() {
    let mut server = Server::start().await;
    let data = server.data();
    // The running server has the store.
    refused(&data, &["key", "list"]);
    server.end();
    let calls = done(&data, &["key", "issue", "--dialect", "native", "--days", "30"]);
    let calls = named(&calls, "api_key").to_owned();
    let owner = ["--owner", "approver@sandbox.example"];
    let words = ["key", "issue", "--dialect", "native", "--for", "decisions"];
    let decisions = done(&data, &[&words[..], &owner[..]].concat());
    let decisions = named(&decisions, "api_key").to_owned();
    assert!(calls.starts_with("rf_test_") && decisions.starts_with("rf_test_"));
    assert!(refused(&data, &words).contains("--owner"), "somebody's word is asked for");
    let banked = done(&data, &["key", "issue", "--dialect", "banked"]);
    let application = named(&banked, "application_id").to_owned();
    let further = done(&data, &["key", "issue", "--dialect", "banked", "--group", &application]);
    assert_eq!(named(&further, "application_id"), application);
    assert!(refused(&data, &["key", "issue", "--dialect", "banked", "--group", "app_1"]).contains("app_1"));
    assert!(refused(&data, &["key", "issue", "--dialect", "stripe"]).contains("native"));
    assert!(refused(&data, &["key", "issue", "--dialect", "banked", "--for", "decisions"]).contains("nobody decides"));

    server.start_again().await;
    with(&server, &calls, "GET", "/v1/accounts", Value::Null).await.expect(200);
    let made = with(&server, &calls, "GET", "/v1/audit?limit=200", Value::Null).await.expect(200);
    let made: Vec<&Value> =
        made.json["data"].as_array().unwrap().iter().filter(|one| one["actor"] == "operator").collect();
    assert!(
        made.iter().any(|one| one["kind"] == "credential" && one["description"] == "for calls, with an end"),
        "{made:?}"
    );
    let path = "/v1/refunds/82a649c5-af14-474a-997a-b25b0d3f45be/approve";
    let says = async |key: &str| with(&server, key, "POST", path, json!({})).await.text("/code");
    assert_eq!((says(&calls).await, says(&decisions).await), ("key_scope".into(), "refund_not_found".into()));
    let pair = |printed: &str| (named(printed, "api_key").to_owned(), named(printed, "api_secret").to_owned());
    for (key, secret) in [pair(&banked), pair(&further)] {
        let request = server.http.get(format!("{}/v3/refunds", server.base)).basic_auth(&key, Some(&secret));
        answer(request).await.expect(200);
    }
    server.advance(31 * crate::server::DAY).await;
    with(&server, &calls, "GET", "/v1/accounts", Value::Null).await.expect(401);
    server.end();

    let listed = done(&data, &["key", "list"]);
    let id = decisions.split('_').nth(2).unwrap();
    assert!(listed.contains(&format!("native/{id}  for decisions, of approver@sandbox.example  good")), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("native/") && line.ends_with("expired")), "{listed}");
    let secret = decisions.split('_').nth(3).unwrap();
    assert!(!listed.contains(secret), "a secret is shown once");
    done(&data, &["key", "revoke", &format!("native/{id}")]);
    assert!(refused(&data, &["key", "revoke", &format!("native/{id}")]).contains("already"));
    assert!(refused(&data, &["key", "revoke", "native/nobody"]).contains("no key"));
    server.start_again().await;
    with(&server, &decisions, "POST", path, json!({})).await.expect(401);
    let (code, said) = Server::verify(&data);
    assert!(code == Some(0) && said.contains("changes"), "{said}");
}

#[tokio::test]
async fn a_key_of_bvnk_may_be_narrowed_and_a_merchants_settings_count() {
    let mut shop = Shop::start().await;
    let payin = shop.payin("10.00", "GBP").await;
    shop.server.end();
    let data = shop.server.data();
    let reader = done(&data, &["key", "issue", "--dialect", "bvnk", "--scope", "read"]);
    assert!(refused(&data, &["key", "issue", "--dialect", "bvnk", "--scope", "write"]).contains("simulate"));
    assert!(refused(&data, &["key", "issue", "--dialect", "native", "--scope", "read"]).contains("all open the same"));
    let bvnk = ["--dialect", "bvnk"];
    let set = done(
        &data,
        &[&["settings", "set", "additive_fields=off", "partial_refunds.FASTER_PAYMENT=false"], &bvnk[..]].concat(),
    );
    assert_eq!(set, "additive_fields = \"off\"\npartial_refunds.FASTER_PAYMENT = false\n");
    for (pair, said) in [
        ("colour=1", "colour"),
        ("hawk_skew=0", "hawk_skew"),
        ("mount_prefix=/x", "the same for all merchants"),
        ("hawk_skew", "no name=value"),
    ] {
        let error = refused(&data, &[&["settings", "set", pair], &bvnk[..]].concat());
        assert!(error.contains(said), "{pair}: {error}");
    }
    assert!(refused(&data, &["settings", "set", "x=1", "--dialect", "native"]).contains("not set by merchant"));
    assert_eq!(done(&data, &[&["settings", "show"], &bvnk[..]].concat()), set, "what was refused changed nothing");

    shop.server.start_again().await;
    let path = format!("/payment/v1/payins/{payin}/refund");
    let body = |value: &str| json!({ "customerReference": "r", "amount": { "value": value, "currency": "GBP" } });
    assert_eq!(shop.post(&path, "key-part", &body("1.00")).await.status, 400, "the whole or nothing");
    let made = shop.post(&path, "key-whole", &body("10.00")).await.expect(200);
    assert!(made.json.get("refundTransactionReference").is_none(), "{}", made.text);
    // A key that reads makes no refunds.
    shop.server.sandbox["bvnk"]["auth_id"] = json!(named(&reader, "auth_id"));
    shop.server.sandbox["bvnk"]["auth_key"] = json!(named(&reader, "auth_key"));
    shop.get(&format!("/payment/v1/payins/{payin}")).await.expect(200);
    assert_eq!(shop.post(&path, "key-other", &body("1.00")).await.status, 403);
    shop.server.end();
    let left = done(&data, &[&["settings", "unset", "additive_fields"], &bvnk[..]].concat());
    assert_eq!(left, "partial_refunds.FASTER_PAYMENT = false\n");
    assert!(refused(&data, &[&["settings", "unset", "additive_fields"], &bvnk[..]].concat()).contains("not set"));
}

#[test]
fn a_live_store_has_merchants_people_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key_file) = (folder.path().join("live"), folder.path().join("field.key"));
    std::fs::write(&key_file, "07".repeat(32)).unwrap();
    let file = key_file.to_str().unwrap();
    // What a live configuration names is taken from the environment here, as `serve` would.
    let live = |words: &[&str]| {
        let mut command = refundry();
        command.args(words).env("REFUNDRY_DATA", &data).env("REFUNDRY_FIELD_KEY_FILE", file);
        command.output().unwrap()
    };
    let good = |words: &[&str]| {
        let output = live(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!live(&["key", "list"]).status.success(), "there is no store yet");
    let first = good(&["merchant", "add", "Fernhill Books"]);
    let listed = good(&["merchant", "list"]);
    assert_eq!(listed, format!("{}  Fernhill Books\n", first.trim()));
    good(&["user", "add", "ada@shop.example", "--name", "Ada", "--role", "approver"]);
    let decisions = ["key", "issue", "--dialect", "native", "--for", "decisions", "--owner", "ada@shop.example"];
    for (words, member, begins) in [
        (&["key", "issue", "--dialect", "native"][..], "api_key", "rf_live_"),
        (&decisions[..], "api_key", "rf_live_"),
        (&["key", "issue", "--dialect", "banked"], "api_key", "pk_live_"),
        (&["key", "issue", "--dialect", "banked"], "api_secret", "sk_live_"),
        (&["key", "issue", "--dialect", "bvnk"], "auth_id", "hawk-"),
        (&["key", "issue", "--dialect", "truelayer"], "client_id", "live-"),
    ] {
        let printed = good(words);
        assert!(named(&printed, member).starts_with(begins), "{words:?}: {printed}");
    }
    let listed = good(&["key", "list"]);
    assert_eq!(listed.lines().filter(|line| line.ends_with("good")).count(), 6, "{listed}");
    assert!(listed.contains("for decisions, of ada@shop.example"), "{listed}");
    // With several merchants each command says whose it is.
    let second = good(&["merchant", "add", "Corner Shop"]);
    let output = live(&["key", "issue", "--dialect", "native"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--merchant"));
    good(&["key", "issue", "--dialect", "native", "--merchant", second.trim()]);
    assert_eq!(good(&["key", "list", "--merchant", second.trim()]).lines().count(), 1);
    // The configuration itself is complete but for the rail.
    let config = folder.path().join("refundry.toml");
    std::fs::write(&config, format!("data = {:?}\nfield_key_file = {file:?}\n", data.to_str().unwrap())).unwrap();
    let output = refundry().args(["config", "check", "--config"]).arg(&config).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("rail"), "{output:?}");
}
