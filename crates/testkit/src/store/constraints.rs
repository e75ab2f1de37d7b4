//! What a database refuses whatever the code above it believes.

use super::Subject;
use super::shop::{self, Shop, instruction_id};
use super::writing::{draft, put_payment, put_refund};
use crate::make::{self, AT};
use refundry_domain::event::EventKind;
use refundry_domain::facts::{Draft, Evidence, Facts};
use refundry_domain::instruction::{EvidenceId, Order, Report};
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::money::Currency;
use refundry_domain::payment::OriginKey;
use refundry_domain::refund::Refund;
use std::sync::Arc;

/// Breaks one constraint in a batch that is otherwise good.
type Breach = fn(&mut Facts, &mut Shop);

const BREACHES: &[(&str, Breach)] = &[
    ("claimed <= claimable", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let mut payment = draft.payment(shop.purchase).expect("it is loaded");
            payment.counters.claimed = payment.counters.claimable + 1;
            draft.put_payment(payment);
        });
    }),
    ("a held account is never negative", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let mut account = draft.account(shop.wallet).expect("it is loaded");
            account.balance.debits_posted = account.balance.credits_posted + 1;
            account.balance.debits_pending = 0;
            draft.put_account(account);
        });
    }),
    ("nor is what it may still spend", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let mut account = draft.account(shop.wallet).expect("it is loaded");
            account.balance.debits_pending = account.balance.credits_posted - account.balance.debits_posted + 1;
            draft.put_account(account);
        });
    }),
    ("used <= count of a mandate's period", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let period = draft.mandate(shop.mandate).expect("it is loaded").period.index_at(AT);
            draft.put_mandate_used(shop.mandate, period, 4);
        });
    }),
    ("unique payment id", |facts, shop| {
        facts.payments.insert(shop.purchase, shop.facts.payments[&shop.purchase].clone());
        facts.changes.payments.insert(shop.purchase);
        facts.changes.new_payments.insert(shop.purchase);
    }),
    ("unique refund id", |facts, shop| {
        let refund = a_refund(shop);
        facts.changes.refunds.insert(refund.id);
        facts.changes.new_refunds.insert(refund.id);
        facts.refunds.insert(refund.id, refund);
    }),
    ("unique once-key", |facts, shop| {
        // The shop's first record is that of a refund.
        let (key, record) = shop.facts.once.first_key_value().expect("there are records");
        facts.once.insert(*key, record.clone());
        facts.changes.once.insert(*key);
    }),
    ("unique origin key per merchant", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let key = OriginKey { kind: "provider_id".to_owned(), value: "upstream 2".to_owned() };
            draft.put_origin_key(key, shop.purchase);
        });
    }),
    ("unique instruction id", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let foreign = instruction_id(shop.foreign.1, 1);
            draft.put_instruction(foreign, Order::Refund(a_refund(shop).id), 9);
        });
    }),
    ("unique evidence per refund", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let order = *shop.facts.evidence.iter().map(|(order, _)| order).min().expect("there is evidence");
            draft.put_evidence(Evidence { order, id: EvidenceId([0; 8]), report: Report::Lapsed, at: AT });
        });
    }),
    ("unique merchant reference, new refund", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let mut refund = make::refund(shop.ids.refund(), &draft.payment(shop.purchase).expect("it is loaded"), 1);
            refund.merchant_reference = Some(Arc::from("credit note 1"));
            put_refund(draft, refund);
        });
    }),
    ("unique merchant reference within a batch", |facts, shop| {
        change(facts, shop, |draft, shop| {
            for _ in 0..2 {
                let mut refund =
                    make::refund(shop.ids.refund(), &draft.payment(shop.purchase).expect("it is loaded"), 1);
                refund.merchant_reference = Some(Arc::from("credit note 1000"));
                put_refund(draft, refund);
            }
        });
    }),
    ("unique event number of a refund", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let mut refund = draft.refund(a_refund(shop).id).expect("it is loaded");
            refund.event_count = 0;
            put_refund(draft, refund);
        });
    }),
    ("one transfer per cause and leg", |facts, shop| {
        change(facts, shop, |draft, shop| {
            let book = draft.book(Currency::AUD).expect("it is loaded");
            draft.loose_event(EventKind::AccountFunded { account: shop.wallet, amount: 2 });
            for _ in 0..2 {
                draft
                    .transfer(book.opening, shop.wallet, 1, TransferKind::Posted, About::Account(shop.wallet))
                    .expect("sums fit");
            }
        });
        for transfer in &mut facts.changes.transfers {
            transfer.leg = 0;
        }
    }),
];

/// A draft of the shop's merchant.
fn change(facts: &mut Facts, shop: &mut Shop, work: impl FnOnce(&mut Draft<'_>, &mut Shop)) {
    let merchant = shop.merchant;
    draft(facts, merchant, AT, |draft| work(draft, shop));
}

fn a_refund(shop: &Shop) -> Refund {
    let of_shop = shop.facts.refunds.values().find(|refund| refund.merchant == shop.merchant);
    of_shop.expect("the shop has refunds").clone()
}

/// Innocent changes that stand beside the breach and must vanish with it.
fn innocent(facts: &mut Facts, shop: &mut Shop) {
    change(facts, shop, |draft, shop| {
        let account = draft.account(shop.wallet).expect("it is loaded");
        let payment = make::payment(shop.ids.payment(), &account, 10);
        put_payment(draft, payment, EventKind::PaymentRecorded);
        let mut refund = draft.refund(a_refund(shop).id).expect("it is loaded");
        refund.waits_for_funds = Some(AT.plus(refundry_domain::time::Span::days(3)));
        put_refund(draft, refund);
    });
}

pub(super) fn a_refused_batch_changes_nothing(subject: &mut Subject) {
    let mut shop = shop::stock(subject);
    let keys = shop::all_keys(&shop);
    let before = shop::everything(subject, &shop);
    for (why, breach) in BREACHES {
        for innocent_first in [true, false] {
            let mut facts = subject.load(&keys);
            if innocent_first {
                innocent(&mut facts, &mut shop);
            }
            breach(&mut facts, &mut shop);
            if !innocent_first {
                innocent(&mut facts, &mut shop);
            }
            subject.refused(&facts, why);
            assert_eq!(shop::everything(subject, &shop), before, "{why}: nothing changed");
        }
    }
    let newest = subject.reader.newest_event().expect("read").0;
    let mut facts = subject.load(&keys);
    innocent(&mut facts, &mut shop);
    assert_eq!(subject.commit(&facts), newest + 1, "a refused batch leaves no gap in the order of events");
}
