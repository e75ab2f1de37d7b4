//! `verify` covers payouts: a chain that is not its own, a gap, a lost event.

use refundry_domain::event::{Actor, EventKind};
use refundry_domain::facts::{Context, Draft, Facts};
use refundry_domain::money::Currency;
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::rules::{Environment, Rules};
use refundry_engine::digest::sha256;
use refundry_engine::store::Batch;
use refundry_engine::verify::verify;
use refundry_testkit::make::{self, AT, Ids};
use refundry_testkit::memory::MemoryStore;

type Change = fn(&mut Facts, &mut Payout);

#[test]
fn verify_names_a_payout_that_is_off() {
    let table: [(&str, &str, Change); 5] = [
        ("untouched", "", |_, _| {}),
        ("another newest event", "its newest event is not the one it names", |_, payout| payout.chain = [1; 32]),
        ("another count", "its newest event is not the one it names", |_, payout| payout.event_count = 3),
        ("a missing first event", "is broken before it", |facts, _| drop(facts.changes.events.remove(0))),
        ("an edited event", "its content does not match its hash", |facts, _| {
            facts.changes.events[0].kind = EventKind::PayoutEntered { state: PayoutState::Settled };
        }),
    ];
    for (what, expected, change) in table {
        let mut ids = Ids::default();
        let merchant = ids.merchant();
        let account = make::account(ids.account(), merchant, Currency::AUD);
        let mut payout = make::payout(ids.payout(), &account, 100);
        let mut facts = Facts::default();
        let rules = Rules::of(Environment::Sandbox);
        let context = Context { merchant, actor: &Actor::Engine, at: AT, rules: &rules, sha256 };
        let mut draft = Draft::new(&mut facts, context);
        draft.put_account(account);
        for state in [PayoutState::Ready, PayoutState::Submitted] {
            draft.payout_event(&mut payout, EventKind::PayoutEntered { state });
        }
        draft.put_payout(payout.clone());
        draft.commit();
        change(&mut facts, &mut payout);
        facts.payouts.insert(payout.id, payout);
        let (mut writer, reader) = MemoryStore::new().open();
        let batch = Batch { facts: &facts, registry_put: &[], registry_remove: &[], audit: &[], deliveries: &[] };
        writer.commit(&batch).expect("it is taken");
        let report = verify(&*reader).expect("it reads");
        let fault = report.fault.unwrap_or_default();
        assert!(fault.contains(expected) && fault.is_empty() == expected.is_empty(), "{what}: {fault}");
        assert!(!fault.is_empty() || report.payouts == 1, "{what}");
    }
}
