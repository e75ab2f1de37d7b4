//! What only a file can do: be locked, sealed, copied, and read beside its
//! server.

use refundry_domain::event::{Actor, EventKind};
use refundry_domain::facts::{Context, Draft, Facts};
use refundry_domain::id::{MerchantId, PaymentId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::party::{AccountIdentifier, Creditor, CreditorSource, Party};
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::stray::Stray;
use refundry_engine::digest::sha256;
use refundry_engine::registry::{Endpoint, RegistryEntry};
use refundry_engine::store::{Batch, Keys, Row, StoreError, Table, Writer};
use refundry_store_sqlite::{FILE_NAME, KeyRing, OpenError, Options, SqliteStore};
use refundry_testkit::make::{self, AT, Ids};
use std::path::Path;
use std::sync::Arc;

const NAME: &str = "Wilhelmina Canary";
const NUMBER: &str = "90817263";
const IBAN: &str = "DE89370400440532013000";
const PAY_ID: &str = "canary@example.test";
const SECRET: &str = "whsec_canary_secret";
const ANSWER: &str = "an answer about canary";
const REMITTANCE: &str = "thanks, dear Canary";
const EXTENSION: &[u8] = b"extension about canary";

fn keys() -> KeyRing {
    KeyRing::of(1, [7; 32])
}

fn options(folder: &Path) -> Options {
    Options { sync: false, ..Options::new(folder, keys()) }
}

struct Written {
    merchant: MerchantId,
    payment: PaymentId,
    refund: RefundId,
}

/// Writes a payment, a refund and whatever else holds personal data.
fn write(writer: &mut dyn Writer) -> Written {
    let mut ids = Ids::default();
    let merchant = ids.merchant();
    let (book, accounts) = make::book(&mut ids, merchant, Currency::AUD);
    let wallet = make::account(ids.account(), merchant, Currency::AUD);
    let mut payment = make::payment(ids.payment(), &wallet, 1_000);
    let party = |account| Party { name: Some(NAME.to_owned()), account };
    payment.debtor = Some(party(AccountIdentifier::Bsb { bsb: "082001".to_owned(), number: NUMBER.to_owned() }));
    payment.extension = Arc::from(EXTENSION);
    let mut refund = make::refund(ids.refund(), &payment, 400);
    refund.creditor = Creditor::Given {
        party: party(AccountIdentifier::Iban(IBAN.to_owned())),
        source: CreditorSource::MerchantSupplied,
    };
    refund.remittance = Some(Arc::from(REMITTANCE));
    refund.extension = Arc::from(EXTENSION);
    let written = Written { merchant, payment: payment.id, refund: refund.id };
    let mandate = make::mandate(&mut ids, merchant, Currency::AUD);
    let endpoint = Endpoint {
        id: ids.endpoint(),
        merchant,
        dialect: "native".to_owned(),
        group: String::new(),
        url: "https://shop.example/hooks".to_owned(),
        secret: SECRET.to_owned(),
        events: Vec::new(),
        enabled: true,
        hidden: false,
        description: String::new(),
        settings: Vec::new(),
        created_at: AT,
    };

    let mut facts = Facts::default();
    let rules = Rules::of(Environment::Sandbox);
    let context = Context { merchant, actor: &Actor::Engine, at: AT, rules: &rules, sha256 };
    let mut draft = Draft::new(&mut facts, context);
    for account in accounts.into_iter().chain([wallet]) {
        draft.put_account(account);
    }
    draft.put_book(Currency::AUD, book);
    draft.put_mandate(mandate);
    payment.counters.claimed = 400;
    draft.payment_event(&mut payment, EventKind::PaymentRecorded);
    let state = refund.state;
    draft.refund_event(&mut payment, &mut refund, EventKind::RefundEntered { state });
    draft.put_payment(payment);
    draft.put_refund(refund);
    let creditor = Some(AccountIdentifier::PayId(PAY_ID.to_owned()).canonical());
    draft.put_stray(Stray { creditor, ..make::stray(merchant, "STRAY", Some(Amount::new(5, Currency::AUD))) });
    draft.commit();
    let key = OnceKey([9; 16]);
    let result = OnceResult::Answer { status: 200, body: ANSWER.as_bytes().to_vec() };
    facts.once.insert(key, OnceRecord { fingerprint: Fingerprint([1; 16]), result, at: AT });
    facts.changes.once.insert(key);
    let entries = [RegistryEntry::Endpoint(endpoint)];
    let batch = Batch { facts: &facts, registry_put: &entries, registry_remove: &[], audit: &[], deliveries: &[] };
    assert_eq!(writer.commit(&batch).expect("it is taken"), 1);
    written
}

fn occurrences(folder: &Path, needle: &[u8]) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        count += bytes.windows(needle.len()).filter(|window| *window == needle).count();
    }
    count
}

#[test]
fn nothing_personal_is_readable_in_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(options(folder.path())).expect("it opens");
    let mut writer = store.writer();
    let written = write(writer.as_mut());
    // A second write keeps the sealed values of what it does not change.
    let payments = [(written.merchant, written.payment)].into();
    let mut facts = writer.begin(&Keys { payments, ..Keys::default() }).expect("it loads");
    facts.changes.payments.insert(written.payment);
    let batch = Batch { facts: &facts, registry_put: &[], registry_remove: &[], audit: &[], deliveries: &[] };
    writer.commit(&batch).expect("it is taken");
    let needles = [NAME, NUMBER, IBAN, PAY_ID, SECRET, ANSWER, REMITTANCE].map(str::as_bytes);
    let look = |when: &str| {
        for needle in needles.into_iter().chain([EXTENSION]) {
            let found = occurrences(folder.path(), needle);
            assert_eq!(found, 0, "{when}: {}", String::from_utf8_lossy(needle));
        }
        assert!(occurrences(folder.path(), b"STRAY") > 0, "{when}: the files are the right ones");
    };
    look("in the log");
    drop(writer);
    store.close().expect("it closes");
    look("in the file");
    let refund = store.reader().refund(written.merchant, written.refund).expect("it reads").expect("it is there");
    assert!(matches!(refund.creditor, Creditor::Given { party: Party { name: Some(name), .. }, .. } if name == NAME));
    let payment = store.reader().payment(written.merchant, written.payment).expect("it reads").expect("it is there");
    assert_eq!(payment.debtor.and_then(|party| party.name).as_deref(), Some(NAME));
}

#[test]
fn only_one_process_may_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = SqliteStore::open(options(folder.path())).expect("it opens");
    let refused = SqliteStore::open(options(folder.path())).expect_err("the second is refused");
    assert!(matches!(refused, OpenError::Locked(_)), "{refused}");
    let writer = first.writer();
    drop(first);
    let refused = SqliteStore::open(options(folder.path())).expect_err("while its writer lives, too");
    assert!(matches!(refused, OpenError::Locked(_)), "{refused}");
    drop(writer);
    SqliteStore::open(options(folder.path())).expect("the lock ends with its holder");
}

#[test]
fn there_is_one_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(options(folder.path())).expect("it opens");
    let _writer = store.writer();
    assert!(matches!(store.writer().begin(&Keys::default()), Err(StoreError::Broken(_))));
}

#[test]
fn wrong_and_missing_keys_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |ring: &KeyRing| {
        SqliteStore::open(Options { sync: false, ..Options::new(folder.path(), ring.clone()) }).map(drop)
    };
    let (one, two) = ((1, [7; 32]), (2, [8; 32]));
    let ring = |keys: &[(u8, [u8; 32])]| KeyRing::from_keys(keys.iter().copied()).expect("a ring");
    open(&ring(&[one])).expect("a new store takes any key");
    assert!(matches!(open(&ring(&[(1, [9; 32])])), Err(OpenError::KeyWrong(1))));
    assert!(matches!(open(&ring(&[two])), Err(OpenError::KeyMissing(1))));
    open(&ring(&[one, two])).expect("a second key may be added");
    assert!(matches!(open(&ring(&[one])), Err(OpenError::KeyMissing(2))), "it may have sealed something");
    let read = SqliteStore::open_read_only(folder.path(), ring(&[(1, [9; 32]), two]));
    assert!(matches!(read, Err(OpenError::KeyWrong(1))));
}

#[test]
fn can_be_read_beside_its_server_and_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = SqliteStore::open_read_only(folder.path(), keys()).expect_err("there is nothing");
    assert!(matches!(missing, OpenError::Incomplete(_)), "{missing}");
    let store = SqliteStore::open(options(folder.path())).expect("it opens");
    let beside = SqliteStore::open_read_only(folder.path(), keys()).expect("it opens beside");
    let mut writer = store.writer();
    let written = write(writer.as_mut());
    assert!(beside.reader().refund(written.merchant, written.refund).expect("it reads").is_some());
    assert!(beside.writer().begin(&Keys::default()).is_err());
    drop((beside, writer));
    store.close().expect("it closes");
    drop(store);
    let after = SqliteStore::open_read_only(folder.path(), keys()).expect("it opens after");
    let mut rows = 0;
    let mut count = |row: Row| {
        rows += usize::from(matches!(row, Row::Payment(_) | Row::Refund(_)));
        Ok(())
    };
    after.reader().scan_all(&[Table::Payments, Table::Refunds], &mut count).expect("it scans");
    assert_eq!(rows, 2);
}

#[test]
fn a_backup_is_a_whole_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(options(folder.path())).expect("it opens");
    let mut writer = store.writer();
    let written = write(writer.as_mut());
    let copy = tempfile::tempdir().expect("a folder");
    let to = copy.path().join(FILE_NAME);
    store.backup(&to).expect("it copies");
    assert!(store.backup(&to).is_err(), "a backup never writes over a file");
    let restored = SqliteStore::open(options(copy.path())).expect("the copy opens");
    let refund = |store: &SqliteStore| store.reader().refund(written.merchant, written.refund).expect("it reads");
    assert_eq!(refund(&restored), refund(&store));
    assert_eq!(restored.reader().newest_event().expect("it reads"), store.reader().newest_event().expect("it reads"));
}

#[test]
fn readers_are_shared_by_many_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(options(folder.path())).expect("it opens");
    let written = write(store.writer().as_mut());
    let reader = store.reader();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert!(reader.refund(written.merchant, written.refund).expect("it reads").is_some());
                }
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("data");
    let store = SqliteStore::open(options(&folder)).expect("it opens");
    write(store.writer().as_mut());
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}
