//! A stocked store: two merchants, and of each noun one of each kind.

mod goods;
mod refunds;

pub(super) use refunds::instruction_id;

use super::Subject;
use crate::make::{AT, Ids};
use refundry_domain::facts::Facts;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::money::Currency;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::RegistryEntry;
use refundry_engine::store::{Keys, Row, Table};

/// What was written, to be compared with what is read.
pub(super) struct Shop {
    pub(super) ids: Ids,
    /// The merchant whose shop it is.
    pub(super) merchant: MerchantId,
    /// Another merchant.
    pub(super) other: MerchantId,
    /// The held account that pays refunds.
    pub(super) wallet: AccountId,
    /// The payment that has all the refunds.
    pub(super) purchase: PaymentId,
    /// The other merchant's payment and its one refund.
    pub(super) foreign: (PaymentId, RefundId),
    /// An active mandate with one slot used at [`AT`].
    pub(super) mandate: MandateId,
    /// Everything as it was written.
    pub(super) facts: Facts,
}

/// The time of the n-th object.
pub(super) fn after(seconds: usize) -> Timestamp {
    AT.plus(Span::seconds(seconds as u64))
}

/// Stocks an empty store in one batch.
pub(super) fn stock(subject: &mut Subject) -> Shop {
    let mut ids = Ids::default();
    let (merchant, other) = (ids.merchant(), ids.merchant());
    let mut facts = Facts::default();
    let wallet = goods::ledger(&mut facts, &mut ids, merchant, Currency::AUD);
    let foreign_wallet = goods::ledger(&mut facts, &mut ids, other, Currency::GBP);
    let mandate = goods::mandates(&mut facts, &mut ids, merchant);
    let purchase = goods::payments(&mut facts, &mut ids, merchant, wallet);
    refunds::refunds(&mut facts, &mut ids, purchase, mandate);
    let foreign = goods::foreign(&mut facts, &mut ids, other, foreign_wallet);
    goods::records(&mut facts, merchant, purchase);
    let first = subject.commit(&facts);
    assert_eq!(first, 1, "the first event is at place 1");
    Shop { ids, merchant, other, wallet, purchase, foreign, mandate, facts }
}

/// Keys of everything in the shop.
pub(super) fn all_keys(shop: &Shop) -> Keys {
    let facts = &shop.facts;
    let mut keys = Keys { at: AT, ..Keys::default() };
    keys.payments_with_refunds = facts.payments.values().map(|payment| (payment.merchant, payment.id)).collect();
    keys.refunds = facts.refunds.values().map(|refund| (refund.merchant, refund.id)).collect();
    keys.accounts = facts.accounts.values().map(|account| (account.merchant, account.id)).collect();
    keys.mandates = facts.mandates.values().map(|mandate| (mandate.merchant, mandate.id)).collect();
    keys.books = facts.books.keys().copied().collect();
    keys.once = facts.once.keys().copied().collect();
    keys.origin_keys = facts.origin_keys.keys().cloned().collect();
    keys.approval_sums = facts.approval_sums.keys().cloned().collect();
    keys.keyless = facts.keyless.keys().cloned().collect();
    for (id, (order, _)) in &facts.instructions {
        let Order::Refund(refund) = order else { continue };
        let merchant = facts.refunds.get(refund).expect("its refund is there").merchant;
        keys.instructions.insert((merchant, id.clone(), None));
        let evidence = facts.evidence.iter().filter(|(about, _)| about == order);
        keys.instructions.extend(evidence.map(|(_, evidence)| (merchant, id.clone(), Some(*evidence))));
    }
    keys.instructions.extend(facts.strays.keys().map(|(merchant, id)| (*merchant, id.clone(), None)));
    keys.strays = [shop.merchant, shop.other].into();
    keys
}

/// Everything a store tells, as text to compare.
pub(super) fn everything(subject: &mut Subject, shop: &Shop) -> Vec<String> {
    let mut lines = Vec::new();
    let tables = [Table::Accounts, Table::Transfers, Table::Payments, Table::Refunds, Table::Events, Table::Audit];
    let scanned = subject.reader.scan_all(&tables, &mut |row| {
        lines.push(match &row {
            // The Debug form of a party is masked; compare what it masks, too.
            Row::Payment(payment) => {
                format!("{row:?} {:?}", payment.debtor.as_ref().map(|party| party.account.canonical()))
            }
            Row::Account(_)
            | Row::Transfer(_)
            | Row::Refund(_)
            | Row::Payout(_)
            | Row::Event { .. }
            | Row::Audit(_) => format!("{row:?}"),
        });
        Ok(())
    });
    scanned.expect("the tables are read");
    let mut mandates = subject.reader.all_mandates().expect("mandates are read");
    mandates.sort_by_key(|mandate| mandate.id);
    let tokens: Vec<MandateToken> = mandates.iter().map(|mandate| mandate.token).collect();
    let mut facts = subject.load(&all_keys(shop));
    for refunds in facts.live_refunds.values_mut() {
        refunds.sort();
    }
    let mut registry = subject.reader.registry().expect("the registry is read");
    registry.sort_by_key(RegistryEntry::key);
    lines.push(format!("{mandates:?} {tokens:?}"));
    lines.push(format!("{facts:?}"));
    lines.extend(registry.iter().map(|entry| format!("{:?}", entry.encode())));
    lines.push(format!("{:?}", subject.reader.newest_event().expect("the newest event is read")));
    lines
}
