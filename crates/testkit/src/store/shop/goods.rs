//! Accounts, mandates, payments and records.

use super::super::writing::{draft, draft_by, put_payment, put_refund};
use super::after;
use super::refunds::instruction_id;
use crate::make::{self, AT, Ids};
use refundry_domain::approval::SumKey;
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::facts::{Evidence, Facts, KeylessSeen};
use refundry_domain::id::{AccountId, EndpointId, MandateId, MerchantId, PaymentId, RefundId};
use refundry_domain::instruction::{EvidenceId, Order, Report};
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{Origin, OriginKey, Payment, PaymentBlock, PaymentBlockCode, PaymentState, Provenance};
use refundry_domain::reason::BankCode;
use refundry_domain::reference::Tag;
use refundry_domain::refund::{Case, CaseCode, ClientReference};
use refundry_domain::refusal::Refusal;
use refundry_domain::stray::Stray;
use refundry_domain::time::Timestamp;
use std::sync::Arc;

/// A book with some money in its two held accounts; gives the first.
pub(super) fn ledger(facts: &mut Facts, ids: &mut Ids, merchant: MerchantId, currency: Currency) -> AccountId {
    let (book, accounts) = make::book(ids, merchant, currency);
    let wallet = make::account(ids.account(), merchant, currency);
    let mut spare = make::account(ids.account(), merchant, currency);
    spare.group = Arc::from("till");
    spare.eligible = false;
    spare.paused_at = Some(AT);
    let id = wallet.id;
    draft_by(facts, merchant, AT, &Actor::Sandbox, |draft| {
        for account in accounts.into_iter().chain([wallet, spare]) {
            draft.put_account(account);
        }
        draft.put_book(currency, book);
        draft.loose_event(EventKind::AccountFunded { account: id, amount: 700_000 });
        draft.transfer(book.opening, id, 700_000, TransferKind::Posted, About::Account(id)).expect("sums fit");
        draft.transfer(id, book.refund_clearing, 300, TransferKind::Pending, About::Account(id)).expect("sums fit");
    });
    id
}

/// One mandate of each state and period; gives the active one.
pub(super) fn mandates(facts: &mut Facts, ids: &mut Ids, merchant: MerchantId) -> MandateId {
    let states = [
        MandateState::Created,
        MandateState::Active,
        MandateState::Pending,
        MandateState::Suspended { by_merchant: true },
        MandateState::Suspended { by_merchant: false },
        MandateState::Cancelled,
        MandateState::Declined,
        MandateState::Expired,
        MandateState::Failed,
    ];
    let periods = Period::ALL.iter().map(|(period, _)| *period);
    let mut active = None;
    for (place, (state, period)) in states.into_iter().zip(periods).enumerate() {
        let odd = place % 2 == 1;
        let made = Mandate {
            state,
            period,
            group: Arc::from(if odd { "till" } else { "" }),
            amount: odd.then_some(100),
            count_max: odd.then_some(3),
            merchant_reference: odd.then(|| format!("mandate {place}")),
            created_at: after(place),
            ..make::mandate(ids, merchant, Currency::AUD)
        };
        if state == MandateState::Active {
            active = Some((made.id, made.period.index_at(AT)));
        }
        draft(facts, merchant, after(place), |draft| {
            draft.loose_event(EventKind::MandateEntered { mandate: made.id, state: Arc::from(state.code()) });
            draft.put_mandate(made);
        });
    }
    let (id, period) = active.expect("one of them is active");
    draft(facts, merchant, AT, |draft| draft.put_mandate_used(id, period, 1));
    id
}

/// Payments of each state, kind of debtor and provenance; gives the one for
/// the refunds, which is settled.
pub(super) fn payments(facts: &mut Facts, ids: &mut Ids, merchant: MerchantId, wallet: AccountId) -> PaymentId {
    let account = facts.accounts.get(&wallet).cloned().expect("the wallet is there");
    let states = [
        PaymentState::Settled,
        PaymentState::Open,
        PaymentState::Authorised,
        PaymentState::Executed,
        PaymentState::Failed,
        PaymentState::Reversed,
    ];
    let identifiers = [
        AccountIdentifier::Iban("DE02120300000000202051".to_owned()),
        AccountIdentifier::PayId("alex@example.com".to_owned()),
        AccountIdentifier::Scan { sort_code: "040004".to_owned(), number: "87654321".to_owned() },
    ];
    let provenances =
        [Provenance::OwnCheckout, Provenance::StatementEntry, Provenance::VerifiedWebhook, Provenance::Imported];
    let mut first = None;
    for (place, state) in states.into_iter().enumerate() {
        let mut made = make::payment(ids.payment(), &account, 1_000_000);
        made.state = state;
        made.created_at = after(place);
        made.updated_at = after(place);
        made.provenance = provenances[place % provenances.len()];
        if place > 0 {
            made.debtor =
                identifiers.get(place - 1).map(|identifier| Party { name: None, account: identifier.clone() });
            made.merchant_reference = Some(format!("order {place}"));
            made.extension = Arc::from([0, 255, 7]);
            made.counters.reversed = place as u64;
            made.origin = Origin::new("native", "till");
            decorate(&mut made, after(place));
        }
        first = first.or(Some(made.id));
        draft_by(facts, merchant, after(place), &Actor::Credential(Arc::from("key-1")), |draft| {
            let key = OriginKey { kind: "provider_id".to_owned(), value: format!("upstream {place}") };
            draft.put_origin_key(key, made.id);
            put_payment(draft, made, EventKind::PaymentRecorded);
        });
    }
    first.expect("there are payments")
}

fn decorate(payment: &mut Payment, at: Timestamp) {
    let codes = [
        PaymentBlockCode::Recall,
        PaymentBlockCode::Dispute,
        PaymentBlockCode::Fraud,
        PaymentBlockCode::Legal,
        PaymentBlockCode::TooOld,
        PaymentBlockCode::RefundedElsewhere,
        PaymentBlockCode::Unverified,
    ];
    payment.blocks = codes.into_iter().map(|code| PaymentBlock { code, at }).collect();
    payment.cases = vec![Case { code: CaseCode::Exposure, at, closed_at: None }];
}

pub(super) fn foreign(facts: &mut Facts, ids: &mut Ids, other: MerchantId, wallet: AccountId) -> (PaymentId, RefundId) {
    let account = facts.accounts.get(&wallet).cloned().expect("the wallet is there");
    let payment = make::payment(ids.payment(), &account, 5_000);
    let mut refund = make::refund(ids.refund(), &payment, 5_000);
    refund.reference = ClientReference { tag: Tag::Ref, value: Arc::from("theirs") };
    // The same name as one of the shop's: it is unique per merchant only.
    refund.merchant_reference = Some(Arc::from("credit note 1"));
    let ids = (payment.id, refund.id);
    draft(facts, other, after(500), |draft| {
        let mut payment = payment;
        payment.counters.claimed = 5_000;
        draft.put_origin_key(OriginKey { kind: "provider_id".to_owned(), value: "upstream 1".to_owned() }, payment.id);
        put_payment(draft, payment, EventKind::PaymentRecorded);
        put_refund(draft, refund);
        let order = Order::Refund(ids.1);
        draft.put_instruction(instruction_id(ids.1, 1), order, 1);
        draft.put_evidence(Evidence { order, id: EvidenceId([8; 8]), report: Report::Accepted, at: AT });
    });
    ids
}

/// One once-record of each result, keyless counters, evidence and strays.
pub(super) fn records(facts: &mut Facts, merchant: MerchantId, purchase: PaymentId) {
    let refund = *facts.refunds.keys().next().expect("there are refunds");
    let mut results = vec![
        OnceResult::Refund(refund),
        OnceResult::Payment(purchase),
        OnceResult::Mandate(MandateId(5)),
        OnceResult::Account(AccountId(6)),
        OnceResult::Endpoint(EndpointId(7)),
        OnceResult::Answer { status: 422, body: vec![b'{', 0, 255, b'}'] },
    ];
    results.extend(Refusal::one_of_each().into_iter().map(OnceResult::Refused));
    for (place, result) in (0_u8..).zip(results) {
        let key = OnceKey([place; 16]);
        facts.once.insert(
            key,
            OnceRecord { fingerprint: Fingerprint([place ^ 255; 16]), result, at: after(usize::from(place)) },
        );
        facts.changes.once.insert(key);
    }
    let amount = Amount::new(1_234, Currency::AUD);
    draft(facts, merchant, AT, |draft| {
        for creditor in [None, Some("iban:DE00".to_owned())] {
            let key = SumKey { merchant, currency: Currency::AUD, day: 20_000, creditor };
            draft.put_approval_sum(key, 123_456);
        }
        draft.put_keyless(purchase, "c0ffee", KeylessSeen { count: 2, latest_at: AT });
        for (place, report) in (0_u8..).zip(reports()) {
            let order = Order::Refund(refund);
            draft.put_evidence(Evidence { order, id: EvidenceId([place; 8]), report, at: AT });
        }
        let stray = make::stray(merchant, "UNKNOWN1", Some(amount));
        let creditor = Some(make::party().account.canonical());
        draft.put_stray(Stray { instruction_id: "UNKNOWN2".to_owned(), amount: None, creditor, ..stray.clone() });
        draft.put_stray(stray);
    });
}

fn reports() -> [Report; 8] {
    [
        Report::Accepted,
        Report::Screening,
        Report::Executed { amount: 100, charges: 5 },
        Report::Rejected { code: BankCode::parse("AC04") },
        Report::Rejected { code: None },
        Report::Returned { amount_back: 95, code: BankCode::parse("AC06") },
        Report::Withdrawn,
        Report::Lapsed,
    ]
}
