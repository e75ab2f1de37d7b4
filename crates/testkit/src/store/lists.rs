//! Pages and filters.

use super::Subject;
use super::reads::all;
use super::shop::{self, Shop};
use refundry_domain::id::RefundId;
use refundry_domain::payment::family_of;
use refundry_domain::refund::{Gate, Refund, RefundState};
use refundry_engine::store::{PageRequest, RefundFilter};

pub(super) fn pages_are_newest_first(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let reader = &subject.reader;
    let of_shop = shop.facts.payments.values().rev().filter(|payment| payment.merchant == shop.merchant);
    let payments: Vec<_> = of_shop.cloned().collect();
    assert_eq!(reader.payments(shop.merchant, all()).expect("read"), payments);
    for limit in [1, 2, 4] {
        let (mut paged, mut before) = (Vec::new(), None);
        loop {
            let page = reader.payments(shop.merchant, PageRequest { limit, before }).expect("read");
            assert!(page.len() <= limit, "a page has a limit");
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            paged.extend(page);
        }
        assert_eq!(paged, payments, "pages of {limit} together are the whole list");
    }

    let of_shop = shop.facts.refunds.values().rev().filter(|refund| refund.merchant == shop.merchant);
    let refunds: Vec<RefundId> = of_shop.map(|refund| refund.id).collect();
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page =
            reader.refunds(shop.merchant, &RefundFilter::default(), PageRequest { limit: 3, before }).expect("read");
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        paged.extend(page.iter().map(|refund| refund.id));
    }
    assert_eq!(paged, refunds);
    assert!(
        reader
            .refunds(shop.merchant, &RefundFilter::default(), PageRequest { limit: 0, before: None })
            .expect("read")
            .is_empty()
    );
}

/// Every refund of a payment, and nobody else's.
pub(super) fn refunds_of_a_payment_are_found(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let reader = &subject.reader;
    for payment in shop.facts.payments.values() {
        let expected = shop.facts.refunds.values().filter(|refund| refund.payment == payment.id).cloned();
        let mut found = reader.refunds_of_payment(payment.merchant, payment.id).expect("read");
        found.sort_by_key(|refund| refund.id);
        assert_eq!(found, expected.collect::<Vec<_>>());
        let other = if payment.merchant == shop.merchant { shop.other } else { shop.merchant };
        assert_eq!(reader.refunds_of_payment(other, payment.id).expect("read"), []);
    }
}

/// What people are asked to decide about, and nothing else.
pub(super) fn pending_approvals_are_found(subject: &mut Subject) {
    let shop = shop::stock(subject);
    let waiting = |refund: &&Refund| refund.state == RefundState::Awaiting(Gate::Approval);
    let of_shop = shop.facts.refunds.values().rev().filter(|refund| refund.merchant == shop.merchant);
    let expected: Vec<Refund> = of_shop.filter(waiting).cloned().collect();
    assert!(!expected.is_empty(), "the shop has some");
    let reader = &subject.reader;
    assert_eq!(reader.pending_approvals(shop.merchant, all()).expect("read"), expected);
    assert_eq!(reader.pending_approvals(shop.other, all()).expect("read"), []);
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = reader.pending_approvals(shop.merchant, PageRequest { limit: 1, before }).expect("read");
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        paged.extend(page);
    }
    assert_eq!(paged, expected);
}

pub(super) fn filters_narrow_the_list(subject: &mut Subject) {
    let shop = shop::stock(subject);
    for filter in filters(&shop) {
        let expected: Vec<RefundId> = shop
            .facts
            .refunds
            .values()
            .rev()
            .filter(|refund| refund.merchant == shop.merchant && shown(&filter, refund))
            .map(|refund| refund.id)
            .collect();
        let ids = |page| -> Vec<RefundId> {
            let listed = subject.reader.refunds(shop.merchant, &filter, page).expect("read");
            listed.iter().map(|refund| refund.id).collect()
        };
        assert_eq!(ids(all()), expected, "{filter:?}");
        if let [first, second, ..] = expected[..] {
            assert_eq!(
                ids(PageRequest { limit: 1, before: None }),
                [first],
                "the limit counts what the filter leaves: {filter:?}"
            );
            assert_eq!(ids(PageRequest { limit: 1, before: Some(first) }), [second], "{filter:?}");
        }
    }
}

fn filters(shop: &Shop) -> Vec<RefundFilter> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    vec![
        RefundFilter { payment: Some(shop.purchase), ..RefundFilter::default() },
        RefundFilter { payment: Some(shop.foreign.0), ..RefundFilter::default() },
        RefundFilter { payment: shop.facts.payments.keys().nth(1).copied(), ..RefundFilter::default() },
        RefundFilter { states: words(&["settled"]), ..RefundFilter::default() },
        RefundFilter { states: words(&["awaiting_details", "returned", "no such word"]), ..RefundFilter::default() },
        RefundFilter { states: words(&["no such word"]), ..RefundFilter::default() },
        RefundFilter { visible_to: Some(("native".to_owned(), "till".to_owned())), ..RefundFilter::default() },
        RefundFilter { visible_to: Some(("native".to_owned(), "other till".to_owned())), ..RefundFilter::default() },
        RefundFilter { visible_to: Some(("native_v7".to_owned(), "other till".to_owned())), ..RefundFilter::default() },
        RefundFilter { visible_to: Some(("native".to_owned(), String::new())), ..RefundFilter::default() },
        RefundFilter {
            payment: Some(shop.purchase),
            visible_to: Some(("second".to_owned(), String::new())),
            ..RefundFilter::default()
        },
        RefundFilter { visible_to: Some(("third".to_owned(), "till".to_owned())), ..RefundFilter::default() },
        RefundFilter { merchant_reference: Some("credit note 1".to_owned()), ..RefundFilter::default() },
        RefundFilter { merchant_reference: Some("credit note".to_owned()), ..RefundFilter::default() },
        RefundFilter {
            payment: Some(shop.purchase),
            states: words(&["failed", "cancelled"]),
            visible_to: Some(("second".to_owned(), "app".to_owned())),
            merchant_reference: None,
        },
    ]
}

/// What a filter lets through, said once more in plain words.
fn shown(filter: &RefundFilter, refund: &Refund) -> bool {
    let hidden = filter.visible_to.as_ref().is_some_and(|(dialect, group)| {
        !group.is_empty() && refund.origin.family() == family_of(dialect) && *refund.origin.group != **group
    });
    let payment = filter.payment.is_none_or(|payment| payment == refund.payment);
    let state = filter.states.is_empty() || filter.states.iter().any(|word| word == refund.state.code());
    let name = filter.merchant_reference.as_deref();
    let named = name.is_none_or(|name| refund.merchant_reference.as_deref() == Some(name));
    !hidden && payment && state && named
}
