//! What keys lead to.

use super::Subject;
use super::shop::{self, Shop, instruction_id};
use crate::make::{AT, Ids};
use refundry_domain::approval::SumKey;
use refundry_domain::facts::Facts;
use refundry_domain::id::{MandateId, MerchantId, PaymentId, RefundId};
use refundry_domain::instruction::{EvidenceId, Order};
use refundry_domain::money::Currency;
use refundry_domain::once::OnceKey;
use refundry_domain::payment::OriginKey;
use refundry_domain::refund::Funding;
use refundry_domain::time::Span;
use refundry_engine::store::Keys;

fn keys(fill: impl FnOnce(&mut Keys)) -> Keys {
    let mut keys = Keys { at: AT, ..Keys::default() };
    fill(&mut keys);
    keys
}

fn is_bare(facts: &Facts) -> bool {
    facts.payments.is_empty()
        && facts.refunds.is_empty()
        && facts.live_refunds.is_empty()
        && facts.accounts.is_empty()
        && facts.books.is_empty()
        && facts.mandates.is_empty()
        && facts.once.is_empty()
        && facts.origin_keys.is_empty()
        && facts.keyless.is_empty()
        && facts.approval_sums.is_empty()
        && facts.instructions.is_empty()
        && facts.evidence.is_empty()
        && facts.stray_creditors.is_empty()
        && facts.changes.is_empty()
}

pub(super) fn unknown_keys_bring_nothing(subject: &mut Subject) {
    let shop = shop::stock(subject);
    assert!(is_bare(&subject.load(&Keys::default())), "no keys, no facts");
    let mut ids = Ids::from(9);
    let unknown = keys(|keys| {
        keys.payments.insert((shop.merchant, ids.payment()));
        keys.payments_with_refunds.insert((shop.merchant, ids.payment()));
        keys.refunds.insert((shop.merchant, ids.refund()));
        keys.accounts.insert((shop.merchant, ids.account()));
        keys.mandates.insert((shop.merchant, ids.mandate()));
        keys.books.insert((shop.merchant, Currency::USD));
        keys.once.insert(OnceKey([200; 16]));
        keys.origin_keys.insert((shop.merchant, OriginKey { kind: "uetr".to_owned(), value: "upstream 1".to_owned() }));
        keys.keyless.insert((shop.purchase, "f00d".to_owned()));
        let sum = shop.facts.approval_sums.keys().next().expect("there are sums");
        keys.approval_sums.insert(SumKey { creditor: Some("nobody".to_owned()), ..sum.clone() });
        keys.instructions.insert((shop.merchant, "NEVER".to_owned(), Some(EvidenceId([1; 8]))));
        keys.strays.insert(ids.merchant());
    });
    assert!(is_bare(&subject.load(&unknown)), "unknown keys bring nothing");
}

pub(super) fn keys_of_another_merchant_bring_nothing(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let (payment, refund) = shop.foreign;
    let wrong = keys(|keys| {
        keys.payments.insert((shop.merchant, payment));
        keys.payments_with_refunds.insert((shop.merchant, payment));
        keys.refunds.insert((shop.merchant, refund));
        keys.accounts.insert((shop.other, shop.wallet));
        keys.mandates.insert((shop.other, shop.mandate));
        keys.books.insert((shop.other, Currency::AUD));
        let sums = shop.facts.approval_sums.keys();
        keys.approval_sums = sums.map(|sum| SumKey { merchant: shop.other, ..sum.clone() }).collect();
        keys.instructions.insert((shop.merchant, instruction_id(refund, 1), Some(EvidenceId([8; 8]))));
        keys.strays.insert(shop.other);
    });
    assert!(is_bare(&subject.load(&wrong)), "a key carries its merchant");
}

/// A payment brings its account, its book with the book's accounts, and its
/// adopted refunds.
fn assert_payment_complete(facts: &Facts, shop: &Shop, id: PaymentId, from: &str) {
    let payment = facts.payments.get(&id).unwrap_or_else(|| panic!("{from}: the payment"));
    assert_eq!(Some(payment), shop.facts.payments.get(&id), "{from}: the payment as written");
    assert!(facts.accounts.contains_key(&payment.account), "{from}: the payment's account");
    assert_book_complete(facts, shop, payment.merchant, payment.amount.currency, from);
    for adopted in &payment.adopted {
        assert_eq!(facts.refunds.get(adopted), shop.facts.refunds.get(adopted), "{from}: an adopted refund");
    }
}

fn assert_book_complete(facts: &Facts, shop: &Shop, merchant: MerchantId, currency: Currency, from: &str) {
    let book = facts.books.get(&(merchant, currency)).unwrap_or_else(|| panic!("{from}: the book"));
    assert_eq!(Some(book), shop.facts.books.get(&(merchant, currency)), "{from}: the book as written");
    for id in book.ids() {
        assert_eq!(facts.accounts.get(&id), shop.facts.accounts.get(&id), "{from}: an account of the book");
    }
}

fn assert_mandate_complete(facts: &Facts, shop: &Shop, id: MandateId, from: &str) {
    assert_eq!(facts.mandates.get(&id), shop.facts.mandates.get(&id), "{from}: the mandate");
    assert!(facts.mandates.contains_key(&id), "{from}: the mandate is loaded");
    let period = facts.mandates[&id].period.index_at(AT);
    let (loaded, written) = (facts.mandate_uses.get(&(id, period)), shop.facts.mandate_uses.get(&(id, period)));
    assert_eq!(loaded.copied().unwrap_or(0), written.copied().unwrap_or(0), "{from}: the used slots");
}

fn assert_refund_complete(facts: &Facts, shop: &Shop, id: RefundId, from: &str) {
    let refund = facts.refunds.get(&id).unwrap_or_else(|| panic!("{from}: the refund"));
    assert_eq!(Some(refund), shop.facts.refunds.get(&id), "{from}: the refund as written");
    assert_payment_complete(facts, shop, refund.payment, from);
    match refund.funding {
        Funding::Held { account } => assert!(facts.accounts.contains_key(&account), "{from}: the funding account"),
        Funding::Mandate { mandate, debtor_account: _ } => assert_mandate_complete(facts, shop, mandate, from),
        Funding::MerchantAuthorised => {}
    }
}

pub(super) fn keys_bring_what_they_lead_to(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let (merchant, purchase) = (shop.merchant, shop.purchase);

    let facts = subject.load(&keys(|keys| {
        keys.payments.insert((merchant, purchase));
    }));
    assert_payment_complete(&facts, &shop, purchase, "payment");
    assert_eq!(facts.payments.len(), 1, "payment: no other payment");
    assert!(facts.changes.is_empty(), "what was loaded is no change");

    let live = live_refunds(subject, &shop);
    for (id, refund) in &shop.facts.refunds {
        let facts = subject.load(&keys(|keys| {
            keys.refunds.insert((refund.merchant, *id));
        }));
        assert_refund_complete(&facts, &shop, *id, "refund");
    }
    assert!(live > 5, "the shop has live refunds");

    let facts = subject.load(&keys(|keys| {
        keys.accounts.insert((merchant, shop.wallet));
    }));
    assert_eq!(facts.accounts.get(&shop.wallet), shop.facts.accounts.get(&shop.wallet), "account");
    assert_book_complete(&facts, &shop, merchant, Currency::AUD, "account");

    let facts = subject.load(&keys(|keys| {
        keys.books.insert((merchant, Currency::AUD));
    }));
    assert_book_complete(&facts, &shop, merchant, Currency::AUD, "book");

    for id in shop.facts.mandates.keys() {
        let facts = subject.load(&keys(|keys| {
            keys.mandates.insert((merchant, *id));
        }));
        assert_mandate_complete(&facts, &shop, *id, "mandate");
    }
    let next_period =
        Keys { at: AT.plus(Span::days(400)), mandates: [(merchant, shop.mandate)].into(), ..Keys::default() };
    let facts = subject.load(&next_period);
    let used: u32 = facts.mandate_uses.values().sum();
    assert_eq!(used, 0, "the slots of another period are not used");
    named_keys(subject, &shop);
}

/// The live refunds of a payment, complete and each with what it leads to.
fn live_refunds(subject: &mut Subject, shop: &Shop) -> usize {
    let facts = subject.load(&keys(|keys| {
        keys.payments_with_refunds.extend(shop.facts.payments.values().map(|payment| (payment.merchant, payment.id)));
    }));
    for id in shop.facts.payments.keys() {
        assert_payment_complete(&facts, shop, *id, "payment with refunds");
        let mut loaded = facts.live_refunds.get(id).cloned().expect("asked for, so there, even where empty");
        loaded.sort();
        let live = shop.facts.refunds.values().filter(|refund| refund.payment == *id && refund.state.is_live());
        assert_eq!(loaded, live.map(|refund| refund.id).collect::<Vec<_>>(), "every live refund and no other");
        for refund in loaded {
            assert_refund_complete(&facts, shop, refund, "live refund");
        }
    }
    facts.live_refunds.get(&shop.purchase).map_or(0, Vec::len)
}

/// Keys that name other objects: origin keys and instruction ids.
fn named_keys(subject: &mut Subject, shop: &Shop) {
    for (key, payment) in &shop.facts.origin_keys {
        let facts = subject.load(&keys(|keys| {
            keys.origin_keys.insert(key.clone());
        }));
        assert_eq!(facts.origin_keys.get(key), Some(payment), "the same name means another payment per merchant");
        assert_payment_complete(&facts, shop, *payment, "origin key");
    }
    for (id, (order, attempt)) in &shop.facts.instructions {
        let Order::Refund(refund) = order else { continue };
        let merchant = shop.facts.refunds[refund].merchant;
        let facts = subject.load(&keys(|keys| {
            keys.instructions.insert((merchant, id.clone(), Some(EvidenceId([77; 8]))));
        }));
        assert_eq!(facts.instructions.get(id), Some(&(*order, *attempt)), "instruction");
        assert!(facts.evidence.is_empty(), "evidence that nobody brought");
        assert_refund_complete(&facts, shop, *refund, "instruction");
    }
    let refund = shop.foreign.1;
    let facts = subject.load(&keys(|keys| {
        keys.instructions.insert((shop.other, instruction_id(refund, 1), Some(EvidenceId([8; 8]))));
    }));
    assert!(facts.evidence.contains(&(Order::Refund(refund), EvidenceId([8; 8]))), "evidence that is recorded");
}
