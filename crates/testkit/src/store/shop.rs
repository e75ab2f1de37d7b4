//! A stocked store: two merchants, and of each noun one of each kind.

use super::Subject;
use super::writing::{draft, draft_by, put_payment, put_refund};
use crate::make::{self, AT, Ids};
use refundry_domain::approval::{Approval, ApprovalPolicy, Decision};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::facts::{Evidence, Facts, KeylessSeen, Stray};
use refundry_domain::id::{
    AccountId, MandateId, MandateToken, MerchantId, PaymentId, PersonId, RefundId,
};
use refundry_domain::instruction::{EvidenceId, Report};
use refundry_domain::ledger::{Subject as About, TransferKind};
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::party::{AccountIdentifier, Creditor, CreditorSource, Party};
use refundry_domain::payment::{
    Origin, OriginKey, Payment, PaymentBlock, PaymentBlockCode, PaymentState, Provenance,
};
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::reference::Tag;
use refundry_domain::refund::{
    Authorisation, Block, BlockCode, Case, CaseCode, ClientReference, Funding, Gate, Refund,
    RefundState, Reservation, ReserveAt, Shortage, Withdrawal,
};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Keys, Row, Table};
use std::sync::Arc;

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
    let wallet = ledger(&mut facts, &mut ids, merchant, Currency::AUD);
    let foreign_wallet = ledger(&mut facts, &mut ids, other, Currency::GBP);
    let mandate = mandates(&mut facts, &mut ids, merchant);
    let purchase = payments(&mut facts, &mut ids, merchant, wallet);
    refunds(&mut facts, &mut ids, purchase, mandate);
    let foreign = foreign(&mut facts, &mut ids, other, foreign_wallet);
    records(&mut facts, merchant, purchase);
    let first = subject.commit(&facts);
    assert_eq!(first, 1, "the first event is at place 1");
    Shop {
        ids,
        merchant,
        other,
        wallet,
        purchase,
        foreign,
        mandate,
        facts,
    }
}

/// A book with some money in its two held accounts; gives the first.
fn ledger(facts: &mut Facts, ids: &mut Ids, merchant: MerchantId, currency: Currency) -> AccountId {
    let (book, accounts) = make::book(ids, merchant, currency);
    let wallet = make::account(ids.account(), merchant, currency);
    let mut spare = make::account(ids.account(), merchant, currency);
    spare.group = Arc::from("till");
    spare.eligible = false;
    let id = wallet.id;
    draft_by(facts, merchant, AT, &Actor::Sandbox, |draft| {
        for account in accounts.into_iter().chain([wallet, spare]) {
            draft.put_account(account);
        }
        draft.put_book(currency, book);
        draft.loose_event(EventKind::AccountFunded {
            account: id,
            amount: 700_000,
        });
        draft
            .transfer(
                book.opening,
                id,
                700_000,
                TransferKind::Posted,
                About::Account(id),
            )
            .expect("sums fit");
        draft
            .transfer(
                id,
                book.refund_clearing,
                300,
                TransferKind::Pending,
                About::Account(id),
            )
            .expect("sums fit");
    });
    id
}

/// One mandate of each state and period; gives the active one.
fn mandates(facts: &mut Facts, ids: &mut Ids, merchant: MerchantId) -> MandateId {
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
            draft.loose_event(EventKind::MandateEntered {
                mandate: made.id,
                state: Arc::from(state.code()),
            });
            draft.put_mandate(made);
        });
    }
    let (id, period) = active.expect("one of them is active");
    draft(facts, merchant, AT, |draft| {
        draft.put_mandate_used(id, period, 1)
    });
    id
}

/// Payments of each state, kind of debtor and provenance; gives the one for
/// the refunds, which is settled.
fn payments(
    facts: &mut Facts,
    ids: &mut Ids,
    merchant: MerchantId,
    wallet: AccountId,
) -> PaymentId {
    let account = facts
        .accounts
        .get(&wallet)
        .cloned()
        .expect("the wallet is there");
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
        AccountIdentifier::Scan {
            sort_code: "040004".to_owned(),
            number: "87654321".to_owned(),
        },
    ];
    let provenances = [
        Provenance::OwnCheckout,
        Provenance::StatementEntry,
        Provenance::VerifiedWebhook,
        Provenance::Imported,
    ];
    let mut first = None;
    for (place, state) in states.into_iter().enumerate() {
        let mut made = make::payment(ids.payment(), &account, 1_000_000);
        made.state = state;
        made.created_at = after(place);
        made.updated_at = after(place);
        made.provenance = provenances[place % provenances.len()];
        if place > 0 {
            made.debtor = identifiers.get(place - 1).map(|identifier| Party {
                name: None,
                account: identifier.clone(),
            });
            made.merchant_reference = Some(format!("order {place}"));
            made.extension = Arc::from([0, 255, 7]);
            made.counters.reversed = place as u64;
            made.origin = Origin::new("native", "till");
            decorate(&mut made, after(place));
        }
        first = first.or(Some(made.id));
        draft_by(
            facts,
            merchant,
            after(place),
            &Actor::Credential(Arc::from("key-1")),
            |draft| {
                let key = OriginKey {
                    kind: "provider_id".to_owned(),
                    value: format!("upstream {place}"),
                };
                draft.put_origin_key(key, made.id);
                put_payment(draft, made, EventKind::PaymentRecorded);
            },
        );
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
    payment.blocks = codes
        .into_iter()
        .map(|code| PaymentBlock { code, at })
        .collect();
    payment.cases = vec![Case {
        code: CaseCode::Exposure,
        at,
        closed_at: None,
    }];
}

/// One refund of each state, each with its amount in hundreds of its place.
fn refunds(facts: &mut Facts, ids: &mut Ids, purchase: PaymentId, mandate: MandateId) {
    let payment = facts
        .payments
        .get(&purchase)
        .cloned()
        .expect("the payment is there");
    for (place, state) in make::refund_states().into_iter().enumerate() {
        let mut made = make::refund(ids.refund(), &payment, 100 * (place as u64 + 1));
        made.state = state;
        made.created_at = after(100 + place);
        vary(&mut made, place, mandate);
        attempts(&mut made, place);
        let (id, live, minor) = (made.id, state.is_live(), made.amount.minor);
        let tried: Vec<u8> = made.attempts.iter().map(|attempt| attempt.number).collect();
        draft_by(
            facts,
            payment.merchant,
            after(100 + place),
            &actor(place),
            |draft| {
                put_refund(draft, made);
                let mut claimed = draft
                    .payment(purchase)
                    .expect("the payment is in the draft");
                claimed.counters.claimed += if live { minor } else { 0 };
                if place == 3 {
                    claimed.adopted.push(id);
                }
                draft.put_payment(claimed);
                for attempt in tried {
                    draft.put_instruction(instruction_id(id, attempt), id, attempt);
                }
            },
        );
    }
}

/// A made-up instruction id, unique for refund and attempt.
pub(super) fn instruction_id(refund: RefundId, attempt: u8) -> String {
    format!(
        "{:026X}",
        ((refund.0 & 0xffff_ffff) << 8) | u128::from(attempt)
    )
}

fn actor(place: usize) -> Actor {
    match place % 6 {
        0 => Actor::Engine,
        1 => Actor::Credential(Arc::from("key-1")),
        2 => Actor::Person(PersonId(4)),
        3 => Actor::Customer,
        4 => Actor::Rail(Arc::from("mock")),
        _ => Actor::Sandbox,
    }
}

/// Gives each refund other contents.
fn vary(refund: &mut Refund, place: usize, mandate: MandateId) {
    let (at, wallet) = (refund.created_at, refund.funding);
    let sources = [
        CreditorSource::MerchantSupplied,
        CreditorSource::CustomerSupplied,
        CreditorSource::OperatorOverride,
    ];
    refund.creditor = match place % 4 {
        0 => Creditor::Payer,
        1 if refund.state == RefundState::Awaiting(Gate::Details) => Creditor::Unknown,
        kind => Creditor::Given {
            party: make::party_uk(),
            source: sources[kind - 1],
        },
    };
    refund.funding = match place % 3 {
        0 => wallet,
        1 => Funding::Mandate {
            mandate,
            debtor_account: None,
        },
        _ => Funding::MerchantAuthorised,
    };
    refund.origin = if place.is_multiple_of(2) {
        Origin::new("native", "till")
    } else {
        Origin::new("second", "app")
    };
    refund.reference.tag = [Tag::Ref, Tag::Key, Tag::Ui, Tag::File, Tag::Auto][place % 5];
    refund.shortage = [Shortage::Refuse, Shortage::Fail, Shortage::Wait][place % 3];
    refund.reserve_at = [ReserveAt::Creation, ReserveAt::Send][place % 2];
    refund.reservation = [
        Reservation::None,
        Reservation::Pending,
        Reservation::Posted,
        Reservation::Voided,
    ][place % 4];
    refund.authorisation = [
        Authorisation::NotNeeded,
        Authorisation::Needed,
        Authorisation::Given { at },
    ][place % 3];
    if place.is_multiple_of(2) {
        return;
    }
    refund.merchant_reference = Some(Arc::from(format!("credit note {place}")));
    refund.first_state = RefundState::Awaiting(Gate::Approval);
    refund.fee = 25;
    refund.waits_for_funds = Some(at.plus(Span::seconds(5)));
    refund.remittance = Some(Arc::from("Thank you, Zoë"));
    refund.extension = Arc::from([1, 0, 254]);
    refund.deadlines.limits.approval = Some(Span::days(2));
    refund.deadlines.gate_at = Some(at.plus(Span::days(2)));
    refund.withdrawal = Some(Withdrawal {
        asked_at: at,
        because_expired: place % 4 == 1,
        passed_on: place % 4 == 3,
    });
    let policy = ApprovalPolicy {
        required: 2,
        valid_for: Span::days(2),
        version: 7,
    };
    let decisions = vec![
        Decision {
            by: PersonId(1),
            at,
        },
        Decision {
            by: PersonId(2),
            at,
        },
    ];
    refund.approval = Some(Approval {
        policy,
        maker: Some(PersonId(3)),
        decisions,
        content: [6; 32],
        valid_until: at.plus(Span::days(2)),
    });
    let blocks = BlockCode::ALL.iter().map(|code| Block {
        code: *code,
        by: actor(place),
        at,
        lifted_at: (*code != BlockCode::Limit).then_some(at),
    });
    refund.blocks = blocks.collect();
    refund.cases = CaseCode::ALL
        .iter()
        .map(|code| Case {
            code: *code,
            at,
            closed_at: (place % 4 == 1).then_some(at),
        })
        .collect();
}

/// Attempts that ended without money, then one that fits the state's kind.
fn attempts(refund: &mut Refund, place: usize) {
    let at = refund.created_at;
    let newest = match refund.state {
        RefundState::Ready => AttemptState::Due,
        RefundState::Submitted => AttemptState::Sending {
            epoch: 9,
            lease_until: at.plus(Span::seconds(30)),
        },
        RefundState::Settled { .. } => AttemptState::Executed,
        RefundState::Returned { .. } => AttemptState::Returned,
        RefundState::Failed { failure } => AttemptState::Rejected { failure },
        RefundState::Cancelled { .. } => AttemptState::Withdrawn,
        RefundState::Awaiting(_) | RefundState::Rejected { .. } | RefundState::Expired { .. } => {
            return;
        }
    };
    let rejected = AttemptState::Rejected {
        failure: Failure {
            kind: FailureKind::Technical,
            bank_code: BankCode::parse("AB08"),
        },
    };
    let earlier = if place.is_multiple_of(2) {
        vec![rejected, AttemptState::Absent, AttemptState::Withdrawn]
    } else {
        Vec::new()
    };
    refund.attempts = (1..)
        .zip(earlier.into_iter().chain([newest]))
        .map(|(number, state)| Attempt {
            number,
            state,
            sent_at: (state != AttemptState::Due).then_some(at),
        })
        .collect();
}

fn foreign(
    facts: &mut Facts,
    ids: &mut Ids,
    other: MerchantId,
    wallet: AccountId,
) -> (PaymentId, RefundId) {
    let account = facts
        .accounts
        .get(&wallet)
        .cloned()
        .expect("the wallet is there");
    let payment = make::payment(ids.payment(), &account, 5_000);
    let mut refund = make::refund(ids.refund(), &payment, 5_000);
    refund.reference = ClientReference {
        tag: Tag::Ref,
        value: Arc::from("theirs"),
    };
    // The same name as one of the shop's: it is unique per merchant only.
    refund.merchant_reference = Some(Arc::from("credit note 1"));
    let ids = (payment.id, refund.id);
    draft(facts, other, after(500), |draft| {
        let mut payment = payment;
        payment.counters.claimed = 5_000;
        draft.put_origin_key(
            OriginKey {
                kind: "provider_id".to_owned(),
                value: "upstream 1".to_owned(),
            },
            payment.id,
        );
        put_payment(draft, payment, EventKind::PaymentRecorded);
        put_refund(draft, refund);
        draft.put_instruction(instruction_id(ids.1, 1), ids.1, 1);
        draft.put_evidence(Evidence {
            refund: ids.1,
            id: EvidenceId([8; 8]),
            report: Report::Accepted,
            at: AT,
        });
    });
    ids
}

/// One once-record of each result, keyless counters, evidence and strays.
fn records(facts: &mut Facts, merchant: MerchantId, purchase: PaymentId) {
    let refund = *facts.refunds.keys().next().expect("there are refunds");
    let mut results = vec![
        OnceResult::Refund(refund),
        OnceResult::Payment(purchase),
        OnceResult::Mandate(MandateId(5)),
        OnceResult::Account(AccountId(6)),
        OnceResult::Endpoint(refundry_domain::id::EndpointId(7)),
        OnceResult::Answer {
            status: 422,
            body: vec![b'{', 0, 255, b'}'],
        },
    ];
    results.extend(Refusal::one_of_each().into_iter().map(OnceResult::Refused));
    for (place, result) in (0_u8..).zip(results) {
        let key = OnceKey([place; 16]);
        facts.once.insert(
            key,
            OnceRecord {
                fingerprint: Fingerprint([place ^ 255; 16]),
                result,
                at: after(usize::from(place)),
            },
        );
        facts.changes.once.insert(key);
    }
    let amount = Amount::new(1_234, Currency::AUD);
    let reports = [
        Report::Accepted,
        Report::Screening,
        Report::Executed {
            amount: 100,
            charges: 5,
        },
        Report::Rejected {
            code: BankCode::parse("AC04"),
        },
        Report::Rejected { code: None },
        Report::Returned {
            amount_back: 95,
            code: BankCode::parse("AC06"),
        },
        Report::Withdrawn,
        Report::Lapsed,
    ];
    draft(facts, merchant, AT, |draft| {
        draft.put_keyless(
            purchase,
            "c0ffee",
            KeylessSeen {
                count: 2,
                latest_at: AT,
            },
        );
        for (place, report) in (0_u8..).zip(reports) {
            draft.put_evidence(Evidence {
                refund,
                id: EvidenceId([place; 8]),
                report,
                at: AT,
            });
        }
        let stray = Stray {
            merchant,
            instruction_id: "UNKNOWN1".to_owned(),
            amount: Some(amount),
            creditor: None,
            at: AT,
        };
        let creditor = Some(make::party().account.canonical());
        draft.put_stray(Stray {
            instruction_id: "UNKNOWN2".to_owned(),
            amount: None,
            creditor,
            ..stray.clone()
        });
        draft.put_stray(stray);
    });
}

/// Keys of everything in the shop.
pub(super) fn all_keys(shop: &Shop) -> Keys {
    let facts = &shop.facts;
    let mut keys = Keys {
        at: AT,
        ..Keys::default()
    };
    keys.payments_with_refunds = facts
        .payments
        .values()
        .map(|payment| (payment.merchant, payment.id))
        .collect();
    keys.refunds = facts
        .refunds
        .values()
        .map(|refund| (refund.merchant, refund.id))
        .collect();
    keys.accounts = facts
        .accounts
        .values()
        .map(|account| (account.merchant, account.id))
        .collect();
    keys.mandates = facts
        .mandates
        .values()
        .map(|mandate| (mandate.merchant, mandate.id))
        .collect();
    keys.books = facts.books.keys().copied().collect();
    keys.once = facts.once.keys().copied().collect();
    keys.origin_keys = facts.origin_keys.keys().cloned().collect();
    keys.keyless = facts.keyless.keys().cloned().collect();
    for (id, (refund, _)) in &facts.instructions {
        let merchant = facts
            .refunds
            .get(refund)
            .expect("its refund is there")
            .merchant;
        keys.instructions.insert((merchant, id.clone(), None));
        let evidence = facts.evidence.iter().filter(|(about, _)| about == refund);
        keys.instructions
            .extend(evidence.map(|(_, evidence)| (merchant, id.clone(), Some(*evidence))));
    }
    keys.strays = [shop.merchant, shop.other].into();
    keys
}

/// Everything a store tells, as text to compare.
pub(super) fn everything(subject: &mut Subject, shop: &Shop) -> Vec<String> {
    let mut lines = Vec::new();
    let tables = [
        Table::Accounts,
        Table::Transfers,
        Table::Payments,
        Table::Refunds,
        Table::Events,
    ];
    let scanned = subject.reader.scan_all(&tables, &mut |row| {
        lines.push(match &row {
            // The Debug form of a party is masked; compare what it masks, too.
            Row::Payment(payment) => format!(
                "{row:?} {:?}",
                payment
                    .debtor
                    .as_ref()
                    .map(|party| party.account.canonical())
            ),
            Row::Account(_) | Row::Transfer(_) | Row::Refund(_) | Row::Event { .. } => {
                format!("{row:?}")
            }
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
    registry.sort_by_key(refundry_engine::registry::RegistryEntry::key);
    lines.push(format!("{mandates:?} {tokens:?}"));
    lines.push(format!("{facts:?}"));
    lines.extend(registry.iter().map(|entry| format!("{:?}", entry.encode())));
    lines.push(format!(
        "{:?}",
        subject
            .reader
            .newest_event()
            .expect("the newest event is read")
    ));
    lines
}
