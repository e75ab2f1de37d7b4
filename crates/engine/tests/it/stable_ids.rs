//! Stable references and the ids of attempts: the published vectors, and that
//! a refund asked for again on an empty store goes out under the same ids.

use refundry_domain::command::{Command, OpenAccount, ReferenceInput};
use refundry_domain::event::Actor;
use refundry_domain::id::MerchantId;
use refundry_domain::instruction::Instruction;
use refundry_domain::ledger::AccountKind;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::reference::{
    AutoContent, InstructionIds, Parts, Scope, Tag, auto_hash, instruction_ids, stable_reference,
};
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_engine::engine::{self, Engine};
use refundry_engine::envelope::{Answer, Envelope};
use refundry_testkit::clock::ManualClock;
use refundry_testkit::make::{AT, Ids, book, record_payment, request};
use refundry_testkit::memory::MemoryStore;
use std::sync::Arc;

const SHARED_PAYMENT: &str = "5b0c7a1e-3f52-4d7e-9c46-8d21f0a6e913";
const KEYLESS_PAYMENT: &str = "9c73f805-61e9-44d3-934e-bd2825ef5504";
const KEYLESS_HASH: &str = "16779d12b59303425398fddfdb52747a6aa385e55f927e35c5b7088f6d1914f6";

/// The clients' words of the vectors, by letter: tag, dialect, group,
/// payment, value.
fn parts(letter: char) -> Parts<'static> {
    let (tag, dialect, group, payment, value) = match letter {
        'A' => (Tag::Key, "bvnk", "", SHARED_PAYMENT, "0d1f7c52-88ab-4e3c-a0f4-7b6e5c2d9131"),
        'B' => (Tag::Key, "banked_v3", "app_70412", "a22f269b-ee38-4bfa-9dd2-29bda2983579", "unique-refund-id-123"),
        'C' => (
            Tag::Key,
            "truelayer",
            "fernhill-books-7d37",
            "5467bdb6-444a-488b-beba-47a5fb48edf6",
            "19ab6cf7-dba7-4e77-aa5e-570ba6f0d8e2",
        ),
        'D' => (Tag::Ref, "native", "", SHARED_PAYMENT, "ticket-88412"),
        'E' => (
            Tag::Auto,
            "banked_v2",
            "app_70412",
            KEYLESS_PAYMENT,
            "16779d12b59303425398fddfdb52747a6aa385e55f927e35c5b7088f6d1914f6.1",
        ),
        'F' => (
            Tag::Auto,
            "banked_v2",
            "app_70412",
            KEYLESS_PAYMENT,
            "16779d12b59303425398fddfdb52747a6aa385e55f927e35c5b7088f6d1914f6.2",
        ),
        other => panic!("no vector {other}"),
    };
    Parts { tag, dialect, group, payment, value }
}

fn ids(letter: char, attempt: u8) -> InstructionIds {
    let parts = parts(letter);
    let scope = Scope { payment: parts.payment, merchant: "m_01", environment: "live", attempt };
    instruction_ids(&stable_reference(parts), scope, sha256)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id as the hyphenated UUID that messages carry.
fn uuid(value: u128) -> String {
    MerchantId(value).to_string()
}

// conformance: rails 1
#[test]
fn the_vectors_are_reproduced() {
    let vectors = [
        ('A', 1, "WHRYFDAY6TG0E69601", "599FEK01Y4T2H4R615B8SSKQQ0", "43832fa8-2ef2-4bbd-863c-205a8c0e33f5"),
        ('A', 2, "WHRYFDAYTH8SEKDK02", "9T55JN25RA3JY56VSN3X56RGQC", "9009b9ed-52bd-47e6-8f8f-e1f8103cff30"),
        ('B', 1, "3GZZ4J0XNP2Z02H001", "BMJWK92VGNB5H15T6RT0T3CGW3", "b9f206f8-f913-4f36-9b95-68a5bbf14a6c"),
        ('C', 1, "0XEHEBVRX3YWWESA01", "GADDMR408QD3HGW26DK034PSCH", "bb788bd5-e0ec-4a89-89ee-31d7bf1afaf5"),
        ('D', 1, "WHRYFDAY8D304SDC01", "WBHRVXEFGTW3P58XK6BRP400VN", "4bcfb2ee-fe6e-445c-a1be-5acf6a63fe4e"),
        ('E', 1, "GADRXW6NBB3PGBGH01", "RP203ZSCQ4PHZTKJ1KCSE4RCFW", "160f59ec-154f-4665-95a2-27ad34c0ac8a"),
        ('F', 1, "GADRXW6NAPWYPTSG01", "NFZDYYYCJ6H5CZNKDWQ4Y4GV72", "291efccd-9a6b-43b5-9e94-0cd9bf6f56d9"),
    ];
    for (letter, attempt, end_to_end_id, instruction_id, uetr) in vectors {
        let found = ids(letter, attempt);
        assert_eq!(found.end_to_end_id, end_to_end_id, "{letter} {attempt}");
        assert_eq!(found.instruction_id, instruction_id, "{letter} {attempt}");
        assert_eq!(uuid(found.uetr), uetr, "{letter} {attempt}");
    }
}

// conformance: rails 1
#[test]
fn the_bytes_of_a_stable_reference_are_the_published_ones() {
    let bytes = stable_reference(parts('A'));
    assert_eq!(bytes.len(), 89);
    assert_eq!(hex(&bytes[..16]), "00036b6579000462766e6b0000002435");
    assert_eq!(hex(&sha256(&bytes)), "c2c34ddfe6b870bf9c42059334cee64c1eee58dcbb986a5f34b910fc7ff02a20");
}

// conformance: rails 1
#[test]
fn the_hash_of_a_keyless_request_is_the_published_one() {
    let content = AutoContent {
        amount: "1250",
        currency: "GBP",
        creditor: "scan:040099:55120934",
        funding: "merchant",
        text: "Rückgabe 7",
    };
    assert_eq!(auto_hash(content, sha256), KEYLESS_HASH);
    let changed = [
        AutoContent { amount: "1251", ..content },
        AutoContent { currency: "EUR", ..content },
        AutoContent { creditor: "-", ..content },
        AutoContent { funding: "held:x", ..content },
        AutoContent { text: "", ..content },
    ];
    for content in changed {
        assert_ne!(auto_hash(content, sha256), KEYLESS_HASH, "{content:?}");
    }
}

/// The instruction under which a refund goes out of a new, empty store. The
/// client's words are always the same; what the engine mints is not.
async fn first_instruction(reference: ReferenceInput, minted_from: u32) -> Instruction {
    let mut ids = Ids::default();
    let (merchant, wallet, payment) = (ids.merchant(), ids.account(), ids.payment());
    let (accounts, _) = book(&mut ids, merchant, Currency::AUD);
    let refund = Ids::from(minted_from).refund();
    let (writer, reader) = MemoryStore::new().open();
    let clock = Arc::new(ManualClock::starting(AT.plus(Span::days(u64::from(minted_from)))));
    let engine =
        Engine::start(engine::Parts { writer, reader, clock, rules: Rules::of(Environment::Sandbox) }).expect("starts");
    let account = OpenAccount {
        id: wallet,
        kind: AccountKind::Held,
        currency: Currency::AUD,
        name: Arc::from("Wallet"),
        group: Arc::from(""),
        eligible: true,
    };
    let mut asked = request(refund, payment, wallet, 400, "");
    asked.reference = reference;
    let commands = [
        Command::OpenBook { currency: Currency::AUD, book: accounts },
        Command::OpenAccount(account),
        Command::SetBalance { account: wallet, available: 10_000 },
        Command::RecordPayment(record_payment(payment, wallet, Amount::new(1_000, Currency::AUD))),
        Command::RequestRefund(Box::new(asked)),
        Command::BeginSend { refund, epoch: 1, lease_until: AT.plus(Span::days(900)) },
    ];
    let envelopes = commands.map(|command| Envelope::command(merchant, Actor::Engine, command));
    let outcomes = engine.execute_all(envelopes.into()).await;
    engine.stop().await;
    let answers: Vec<Answer> =
        outcomes.into_iter().map(|outcome| outcome.expect("decided").result.expect("not refused")).collect();
    match answers.into_iter().last() {
        Some(Answer::Send(instruction)) => *instruction,
        other => panic!("no send but {other:?}"),
    }
}

// conformance: rails 1
#[tokio::test]
async fn the_same_request_on_an_empty_store_gives_the_same_ids() {
    let named = |tag, value: &str| ReferenceInput::Named { tag, value: Arc::from(value) };
    let inputs = [
        named(Tag::Key, "unique-refund-id-123"),
        named(Tag::Ref, "ticket-88412"),
        ReferenceInput::Auto { hash: Arc::from(KEYLESS_HASH) },
    ];
    let mut seen = Vec::new();
    for input in inputs {
        let first = first_instruction(input.clone(), 1).await;
        let again = first_instruction(input.clone(), 2).await;
        assert_ne!(first.order, again.order, "what is minted differs");
        assert_eq!(first.ids, again.ids, "{input:?}");
        seen.push(first.ids.instruction_id);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3, "different words give different ids");
}
