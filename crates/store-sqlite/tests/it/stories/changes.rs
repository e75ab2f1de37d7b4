//! Who changed people, keys, rules and endpoints is written down with the
//! change, and cannot be taken back unnoticed.

use super::stage::Stage;
use refundry_domain::approval::ApprovalRules;
use refundry_domain::event::Actor;
use refundry_domain::fee::{FeeOnReturn, FeeRules};
use refundry_domain::id::PersonId;
use refundry_engine::audit::AuditRecord;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Credential, MerchantFees, Person, RegistryChange, RegistryEntry, Role, Scope};
use refundry_engine::store::PageRequest;
use refundry_engine::verify::verify;
use refundry_testkit::make;
use std::sync::Arc;

fn changes(stage: &Stage) -> Vec<AuditRecord> {
    let page = PageRequest { limit: 100, before: None };
    let mut found = stage.reader().audit(stage.lasting.merchant, page).expect("it reads");
    found.reverse();
    found
}

fn told(record: &AuditRecord) -> (&str, &str, &Actor, Option<PersonId>) {
    (&record.kind, &record.words, &record.by, record.person)
}

async fn change(stage: &Stage, actor: &Actor, change: RegistryChange) {
    let work = Work::Registry { change, answer: None };
    let envelope = Envelope { merchant: stage.lasting.merchant, actor: actor.clone(), once: None, work };
    stage.engine.execute(envelope).await.expect("decided").result.expect("taken");
}

/// A person's key for decisions.
fn key_of(stage: &Stage, owner: PersonId) -> RegistryEntry {
    RegistryEntry::Credential(Credential {
        id: "key-of-ada".to_owned(),
        merchant: stage.lasting.merchant,
        dialect: "any".to_owned(),
        group: String::new(),
        secret_hash: [0; 32],
        scope: Scope::Decisions,
        owner: Some(owner),
        created_at: make::AT,
        revoked_at: None,
        expires_at: None,
    })
}

#[tokio::test]
async fn each_change_tells_who_what_and_when() {
    let mut stage = Stage::new(0).await;
    let merchant = stage.lasting.merchant;
    let before = changes(&stage).len();
    let ada = stage.lasting.ids.person();
    let person = Person::new(ada, merchant, &[Role::Admin], make::AT);
    change(&stage, &Actor::Operator, RegistryChange::PutPerson(person.clone())).await;
    change(&stage, &Actor::Operator, RegistryChange::Put(key_of(&stage, ada))).await;
    let by_ada = Actor::Credential(Arc::from("key-of-ada"));
    let policy = ApprovalRules { refunds: true, ..ApprovalRules::default() };
    change(&stage, &by_ada, RegistryChange::PutPolicy(policy.clone())).await;
    change(&stage, &by_ada, RegistryChange::PutPolicy(policy)).await;
    let fees = FeeRules { on_return: FeeOnReturn::Refund, ..FeeRules::default() };
    let fees = RegistryEntry::Fees(MerchantFees { merchant, rules: Arc::new(fees) });
    change(&stage, &by_ada, RegistryChange::Put(fees.clone())).await;
    // The same again changes nothing.
    change(&stage, &by_ada, RegistryChange::Put(fees)).await;
    let gone = Person { enabled: false, password_hash: Some("secret".to_owned()), ..person };
    change(&stage, &Actor::Person(ada), RegistryChange::PutPerson(gone)).await;

    let found = changes(&stage);
    let expected = [
        ("person", "enabled; admin", &Actor::Operator, None),
        ("credential", "for decisions", &Actor::Operator, None),
        ("policy", "version 1: 1 others within 604800 s, limits of 0 currencies", &by_ada, Some(ada)),
        ("policy", "version 2: 1 others within 604800 s, limits of 0 currencies", &by_ada, Some(ada)),
        ("fees", "0 rules, refund on return, rounded half_up", &by_ada, Some(ada)),
        ("person", "disabled; admin; another password", &Actor::Person(ada), Some(ada)),
    ];
    assert_eq!(found[before..].iter().map(told).collect::<Vec<_>>(), expected);
    assert!(found.iter().zip(1..).all(|(record, number)| record.number == number && record.at == stage.engine.now()));
    // A new process goes on where the old one was.
    let stage = stage.restart().await;
    change(&stage, &Actor::Operator, RegistryChange::PutPolicy(ApprovalRules::default())).await;
    assert_eq!(changes(&stage).last().map(|record| record.number), Some(found.len() as u64 + 1));
    stage.end().await;
}

#[tokio::test]
async fn a_change_that_is_edited_or_removed_is_found() {
    for (place, tampering) in [
        "UPDATE audit SET body = CAST(substr(body, 1, 30) || x'00' || substr(body, 32) AS BLOB) WHERE number = 2",
        "DELETE FROM audit WHERE number = 2",
        "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)",
        "UPDATE audit SET number = number + 1 WHERE number = (SELECT max(number) FROM audit)",
    ]
    .into_iter()
    .enumerate()
    {
        let stage = Stage::new(0).await;
        for _ in 0..3 {
            change(&stage, &Actor::Operator, RegistryChange::PutPolicy(ApprovalRules::default())).await;
        }
        stage.verify();
        let copy = stage.backup(&format!("copy-{place}.db"));
        let file = rusqlite::Connection::open(&copy).expect("it opens");
        for statement in ["DELETE FROM audit", "UPDATE audit SET number = 9"] {
            assert!(file.execute(statement, []).is_err(), "the triggers refuse it: {statement}");
        }
        file.execute_batch("DROP TRIGGER audit_is_final; DROP TRIGGER audit_stays").expect("they are there");
        assert_eq!(file.execute(tampering, []), Ok(1), "{tampering}");
        drop(file);
        let stage = stage.rewind(&copy).await;
        let read = verify(stage.reader());
        let found = read.map_or_else(|error| Some(error.to_string()), |report| report.fault);
        assert!(found.is_some(), "{tampering}");
        stage.engine.stop().await;
    }
}
