//! What a first start makes, and that later ones keep it.

use crate::house::{dialects, engine};
use refundry_domain::mandate::MandateState;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::PaymentState;
use refundry_engine::clock::AdvancedClock;
use refundry_engine::registry::Role;
use refundry_engine::store::PageRequest;
use refundry_server::sandbox::provision::{Options, ProvisionError, Provisioned, provision};
use refundry_testkit::memory::MemoryStore;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

async fn start(
    store: &MemoryStore,
    data: &Path,
    base_url: &str,
    seed: Option<&Path>,
) -> Result<Provisioned, ProvisionError> {
    let engine = engine(store, Arc::new(AdvancedClock::default()));
    let made = provision(&engine, &dialects(&engine), &Options { data, base_url, seed }).await;
    engine.stop().await;
    made
}

fn file(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("sandbox.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn a_later_start_keeps_every_value_but_the_url() {
    let (store, data) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let first = start(&store, data.path(), "http://127.0.0.1:1", None).await.unwrap();
    let mut written = file(data.path());
    assert!(first.first_start);
    for pointer in
        ["/merchant/id", "/sandbox/api_key", "/native/api_key", "/banked/api_secret", "/banked/mandate_token"]
    {
        assert!(written.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
    }
    let engine_before = engine(&store, Arc::default());
    let before = engine_before.directory();
    engine_before.stop().await;
    let second = start(&store, data.path(), "http://127.0.0.1:2", None).await.unwrap();
    assert!(!second.first_start);
    written["base_url"] = "http://127.0.0.1:2".into();
    written["console"]["url"] = "http://127.0.0.1:2/console".into();
    assert_eq!(file(data.path()), written);
    let engine_after = engine(&store, Arc::default());
    let after = engine_after.directory();
    assert_eq!(after.credentials.len(), before.credentials.len());
    assert_eq!(after.endpoints.len(), before.endpoints.len());
    assert_eq!(after.people, before.people);
    for user in written["console"]["users"].as_array().unwrap() {
        let text = |name: &str| user[name].as_str().unwrap_or_default();
        let person = after.person_by_email(text("email")).unwrap();
        assert_eq!(person.id.to_string(), text("id"));
        assert!(refundry_console::password::verify(text("password"), person.password_hash.as_deref()));
        let decides = person.is(Role::Approver) || person.is(Role::Admin);
        assert_eq!(person.totp_secret.as_deref().unwrap_or_default(), text("totp_secret"));
        assert_eq!((decides, decides), (!text("totp_secret").is_empty(), text("api_key").starts_with("rf_test_")));
    }
    let approvers = after.people.values().filter(|person| person.may_approve());
    assert_eq!((after.people.len(), approvers.count()), (4, 2));
    let merchant = second.document.merchant().unwrap();
    let read = engine_after.read(move |reader| Ok((reader.accounts(merchant)?, reader.mandates(merchant)?)));
    let (accounts, mandates) = read.await.unwrap();
    let mut currencies: Vec<Currency> = accounts.iter().map(|account| account.currency).collect();
    currencies.sort();
    assert_eq!(currencies, [Currency::AUD, Currency::EUR, Currency::GBP, Currency::USD]);
    for account in &accounts {
        let available = account.balance.available();
        let expected = match account.currency {
            Currency::AUD => 1_000_000,
            Currency::EUR | Currency::GBP => 100_000_000,
            _ => 100_000_000_000,
        };
        assert!(account.eligible && available == expected, "{account:?}");
    }
    let page = PageRequest { limit: 99, before: None };
    let payments = engine_after.read(move |reader| reader.payments(merchant, page)).await.unwrap();
    let samples = payments.iter().filter(|payment| payment.merchant_reference.as_deref() == Some("sandbox-sample"));
    let [sample] = &samples.collect::<Vec<_>>()[..] else { panic!("{payments:?}") };
    assert_eq!((sample.state, sample.amount), (PaymentState::Settled, Amount::new(4_400, Currency::AUD)));
    assert!(sample.debtor.is_some());
    let states: Vec<MandateState> = mandates.iter().map(|mandate| mandate.state).collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&MandateState::Active) && states.contains(&MandateState::Suspended { by_merchant: false }));
    assert!(mandates.iter().all(|mandate| mandate.amount_max == Some(100_000) && mandate.count_max.is_none()));
    engine_after.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let (store, data) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let made = start(&store, data.path(), "http://x", None).await.unwrap();
    assert_eq!(std::fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = format!("{made:?}");
    assert!(!shown.contains(made.document.text("/sandbox/api_key").unwrap()), "{shown}");
}

#[tokio::test]
async fn a_seed_gives_values_on_the_first_start_only() {
    let (store, data) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let seed = data.path().join("seed.json");
    let given = json!({
        "merchant": { "name": "Given Shop" },
        "sandbox": { "api_key": "a given key" },
        "banked": {
            "api_key": "pk_test_given", "api_secret": "sk_test_given",
            "mandate_token": "9d1d9a5a-8a3c-4a52-9b4e-6d3f6f6b8a11",
            "bank_account_id": "95227a28-7e32-4574-b5b6-d19abd0e1c4b",
        },
    });
    std::fs::write(&seed, given.to_string()).unwrap();
    start(&store, data.path(), "http://x", Some(&seed)).await.unwrap();
    let written = file(data.path());
    for (member, names) in given.as_object().unwrap() {
        for (name, value) in names.as_object().unwrap() {
            assert_eq!(&written[member][name], value, "{member}.{name}");
        }
    }
    std::fs::write(&seed, json!({ "sandbox": { "api_key": "another" } }).to_string()).unwrap();
    start(&store, data.path(), "http://x", Some(&seed)).await.unwrap();
    assert_eq!(file(data.path()), written);
}

#[tokio::test]
async fn seeds_that_cannot_be_meant_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let seed = data.path().join("seed.json");
    for bad in ["[]", "{", r#"{"merchant":7}"#, r#"{"merchant":{"id":"me"}}"#, r#"{"stripe":{}}"#, r#"{"version":2}"#] {
        std::fs::write(&seed, bad).unwrap();
        let refused = start(&MemoryStore::new(), data.path(), "http://x", Some(&seed)).await;
        assert!(matches!(refused, Err(ProvisionError::Document(_))), "{bad}");
        assert!(!data.path().join("sandbox.json").exists(), "{bad}");
    }
}

#[tokio::test]
async fn a_lost_store_is_set_up_again_with_the_same_values() {
    let data = tempfile::tempdir().unwrap();
    start(&MemoryStore::new(), data.path(), "http://x", None).await.unwrap();
    let written = file(data.path());
    let again = start(&MemoryStore::new(), data.path(), "http://x", None).await.unwrap();
    assert!(again.first_start);
    assert_eq!(file(data.path()), written);
}
