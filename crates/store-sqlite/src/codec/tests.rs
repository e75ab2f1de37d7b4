//! Records read back as they were written, over thousands of shapes, and no
//! cut of a record is taken for a whole one.

use super::{ended, event, mandate, once, open_record, payment, payout, refund};
use crate::fault::Fault;
use crate::keys::KeyRing;
use crate::seal::Sealer;
use refundry_domain::approval::{Approval, ApprovalPolicy, Decision, DecisionNote};
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::bytes::Malformed;
use refundry_domain::deadline::{Deadlines, Limits, Pace};
use refundry_domain::event::{Actor, Event, EventKind, decode_bank_code};
use refundry_domain::fee::FeeOnReturn;
use refundry_domain::id::{
    AccountId, EndpointId, MandateId, MandateToken, MerchantId, PaymentId, PayoutId, PersonId, RefundId,
};
use refundry_domain::instruction::Report;
use refundry_domain::ledger::Subject;
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::once::{Fingerprint, OnceKey, OnceRecord, OnceResult};
use refundry_domain::party::{AccountIdentifier, Creditor, CreditorSource, Party};
use refundry_domain::payment::{
    Counters, Moments, Origin, Payment, PaymentBlock, PaymentBlockCode, PaymentFailure, PaymentFailureReason,
    PaymentState, Provenance,
};
use refundry_domain::payout::Payout;
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::reference::Tag;
use refundry_domain::refund::{
    Authorisation, Block, BlockCode, Case, CaseCode, ClientReference, Funding, Refund, Reservation, ReserveAt,
    Shortage, Withdrawal,
};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::{Span, Timestamp};
use refundry_testkit::make;
use std::sync::Arc;

const SHAPES: u64 = 2_000;

/// A small generator of numbers (xorshift), so that every run sees the same.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.roll() % count as u64).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.roll() & 64 == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.coin().then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn id(&mut self) -> u128 {
        u128::from(self.roll()) << 64 | u128::from(self.roll())
    }

    fn minor(&mut self) -> u64 {
        let shift = self.below(63) + 1;
        self.roll() >> shift
    }

    fn time(&mut self) -> Timestamp {
        Timestamp(self.roll().cast_signed())
    }

    fn hash(&mut self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash[..16].copy_from_slice(&self.id().to_be_bytes());
        hash[16..].copy_from_slice(&self.id().to_be_bytes());
        hash
    }

    fn text(&mut self) -> String {
        self.pick(&["", "a", "Rückgabe 7", "0123456789abcdef0123456789abcdef", "名前", "x/y\u{0}z"]).to_owned()
    }

    fn party(&mut self) -> Party {
        let account = match self.below(4) {
            0 => AccountIdentifier::Scan { sort_code: self.text(), number: self.text() },
            1 => AccountIdentifier::Bsb { bsb: self.text(), number: self.text() },
            2 => AccountIdentifier::Iban(self.text()),
            _ => AccountIdentifier::PayId(self.text()),
        };
        Party { name: self.maybe(Self::text), account }
    }

    fn amount(&mut self) -> Amount {
        let currencies = ["AUD", "EUR", "GBP", "USD", "JPY", "KWD"].map(|code| Currency::parse(code).unwrap());
        Amount::new(self.minor(), self.pick(&currencies))
    }

    fn origin(&mut self) -> Origin {
        Origin::new(&self.text(), &self.text())
    }

    fn extension(&mut self) -> Arc<[u8]> {
        Arc::from(self.text().as_bytes())
    }

    fn case(&mut self) -> Case {
        Case { code: self.pick(CaseCode::ALL), at: self.time(), closed_at: self.maybe(Self::time) }
    }

    fn actor(&mut self) -> Actor {
        match self.below(7) {
            0 => Actor::Engine,
            1 => Actor::Credential(Arc::from(self.text())),
            2 => Actor::Person(PersonId(self.id())),
            3 => Actor::Customer,
            4 => Actor::Rail(Arc::from(self.text())),
            5 => Actor::Sandbox,
            _ => Actor::Operator,
        }
    }

    fn failure(&mut self) -> Failure {
        let bank_code = self.maybe(|dice| BankCode::parse(dice.pick(&["AC04", "X", "ABCDEFGH"])).unwrap());
        Failure { kind: self.pick(FailureKind::ALL), bank_code }
    }

    fn attempt(&mut self) -> Attempt {
        let state = match self.below(9) {
            0 => AttemptState::Due,
            1 => AttemptState::Sending { epoch: self.roll(), lease_until: self.time() },
            2 => AttemptState::Unknown { since: self.time(), inquire_at: self.time(), inquiries: u16::MAX },
            3 => AttemptState::Accepted { since: self.time() },
            4 => AttemptState::Executed,
            5 => AttemptState::Rejected { failure: self.failure() },
            6 => AttemptState::Absent,
            7 => AttemptState::Withdrawn,
            _ => AttemptState::Returned,
        };
        Attempt { number: self.pick(&[1, 2, 99]), state, sent_at: self.maybe(Self::time) }
    }

    fn approval(&mut self) -> Approval {
        Approval {
            policy: ApprovalPolicy { required: 2, valid_for: Span(self.roll()), version: u32::MAX },
            maker: self.maybe(|dice| PersonId(dice.id())),
            decisions: self.list(|dice| Decision { by: PersonId(dice.id()), at: dice.time() }),
            notes: self.list(|dice| DecisionNote { by: PersonId(dice.id()), text: dice.text().into() }),
            content: self.hash(),
            valid_until: self.time(),
        }
    }

    fn funding(&mut self) -> Funding {
        match self.below(3) {
            0 => Funding::Held { account: AccountId(self.id()) },
            1 => Funding::Mandate {
                mandate: MandateId(self.id()),
                debtor_account: self.maybe(|dice| AccountId(dice.id())),
            },
            _ => Funding::MerchantAuthorised,
        }
    }

    fn creditor(&mut self) -> Creditor {
        let sources = [
            CreditorSource::PayerAccount,
            CreditorSource::MerchantSupplied,
            CreditorSource::CustomerSupplied,
            CreditorSource::OperatorOverride,
        ];
        match self.below(3) {
            0 => Creditor::Unknown,
            1 => Creditor::Payer,
            _ => Creditor::Given { party: self.party(), source: self.pick(&sources) },
        }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            overall: Span(self.roll()),
            details: self.maybe(|dice| Span(dice.roll())),
            approval: self.maybe(|dice| Span(dice.roll())),
            funds: self.maybe(|dice| Span(dice.roll())),
            authorisation: self.maybe(|dice| Span(dice.roll())),
            pace: self.pace(),
        }
    }

    fn pace(&mut self) -> Pace {
        self.maybe(|dice| Pace { rest: Span(dice.roll()), overdue_after: Span(dice.roll()) }).unwrap_or_default()
    }

    fn block(&mut self) -> Block {
        Block { code: self.pick(BlockCode::ALL), by: self.actor(), at: self.time(), lifted_at: self.maybe(Self::time) }
    }

    fn refund(&mut self) -> Refund {
        let states = make::refund_states();
        Refund {
            id: RefundId(self.id()),
            merchant: MerchantId(self.id()),
            payment: PaymentId(self.id()),
            payment_amount: self.minor(),
            origin: self.origin(),
            reference: ClientReference {
                tag: self.pick(&[Tag::Ref, Tag::Key, Tag::Ui, Tag::File, Tag::Auto]),
                value: Arc::from(self.text()),
            },
            merchant_reference: self.maybe(|dice| Arc::from(dice.text())),
            amount: self.amount(),
            fee: self.minor(),
            fee_on_return: self.pick(&[FeeOnReturn::Keep, FeeOnReturn::Refund]),
            creditor: self.creditor(),
            funding: self.funding(),
            shortage: self.pick(&[Shortage::Refuse, Shortage::Fail, Shortage::Wait]),
            reserve_at: self.pick(&[ReserveAt::Creation, ReserveAt::Send]),
            reservation: self.pick(&[
                Reservation::None,
                Reservation::Pending,
                Reservation::Posted,
                Reservation::Voided,
            ]),
            state: self.pick(&states),
            first_state: self.pick(&states),
            approval: self.maybe(Self::approval),
            authorisation: match self.below(3) {
                0 => Authorisation::NotNeeded,
                1 => Authorisation::Needed,
                _ => Authorisation::Given { at: self.time() },
            },
            waits_for_funds: self.maybe(Self::time),
            blocks: self.list(Self::block),
            cases: self.list(Self::case),
            attempts: self.list(Self::attempt),
            withdrawal: self.maybe(|dice| Withdrawal {
                asked_at: dice.time(),
                because_expired: dice.coin(),
                passed_on: dice.coin(),
            }),
            deadlines: Deadlines { limits: self.limits(), overall_at: self.time(), gate_at: self.maybe(Self::time) },
            remittance: self.maybe(|dice| Arc::from(dice.text())),
            extension: self.extension(),
            event_count: self.pick(&[0, 1, u32::MAX]),
            created_at: self.time(),
            updated_at: self.time(),
        }
    }

    fn payout(&mut self) -> Payout {
        Payout {
            id: PayoutId(self.id()),
            merchant: MerchantId(self.id()),
            account: AccountId(self.id()),
            origin: self.origin(),
            reference: ClientReference { tag: self.pick(&[Tag::Ref, Tag::Key]), value: Arc::from(self.text()) },
            amount: self.amount(),
            creditor: self.party(),
            remittance: self.maybe(|dice| Arc::from(dice.text())),
            pace: self.pace(),
            reservation: self.pick(&[Reservation::None, Reservation::Pending, Reservation::Voided]),
            state: self.pick(&make::payout_states()),
            cases: self.list(Self::case),
            attempts: self.list(Self::attempt),
            extension: self.extension(),
            event_count: self.pick(&[0, 1, u32::MAX]),
            chain: self.hash(),
            submitted_at: self.maybe(Self::time),
            settled_at: self.maybe(Self::time),
            ended_at: self.maybe(Self::time),
            created_at: self.time(),
            updated_at: self.time(),
        }
    }

    fn payment_block(&mut self) -> PaymentBlock {
        let codes = [
            PaymentBlockCode::Recall,
            PaymentBlockCode::Dispute,
            PaymentBlockCode::Fraud,
            PaymentBlockCode::Legal,
            PaymentBlockCode::TooOld,
            PaymentBlockCode::RefundedElsewhere,
            PaymentBlockCode::Unverified,
        ];
        PaymentBlock { code: self.pick(&codes), at: self.time() }
    }

    fn payment(&mut self) -> Payment {
        let states = [
            PaymentState::Open,
            PaymentState::Authorised,
            PaymentState::Executed,
            PaymentState::Settled,
            PaymentState::Failed,
            PaymentState::Reversed,
        ];
        let provenances =
            [Provenance::OwnCheckout, Provenance::StatementEntry, Provenance::VerifiedWebhook, Provenance::Imported];
        Payment {
            id: PaymentId(self.id()),
            merchant: MerchantId(self.id()),
            origin: self.origin(),
            account: AccountId(self.id()),
            amount: self.amount(),
            debtor: self.maybe(Self::party),
            state: self.pick(&states),
            moments: Moments {
                authorised_at: self.maybe(Self::time),
                executed_at: self.maybe(Self::time),
                settled_at: self.maybe(Self::time),
                failed_at: self.maybe(Self::time),
            },
            method: self.maybe(|dice| Arc::from(dice.text())),
            failure: self.maybe(|dice| PaymentFailure {
                stage: dice.pick(&states),
                reason: dice.pick(&PaymentFailureReason::ALL),
            }),
            payer_key: self.maybe(|dice| Arc::from(dice.text())),
            expires_at: self.maybe(Self::time),
            provenance: self.pick(&provenances),
            blocks: self.list(Self::payment_block),
            counters: Counters { claimable: self.minor(), claimed: self.minor(), reversed: self.minor() },
            merchant_reference: self.maybe(Self::text),
            extension: self.extension(),
            event_count: self.roll(),
            chain: self.hash(),
            cases: self.list(Self::case),
            adopted: self.list(|dice| RefundId(dice.id())),
            created_at: self.time(),
            updated_at: self.time(),
        }
    }

    fn mandate(&mut self) -> Mandate {
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
        Mandate {
            id: MandateId(self.id()),
            merchant: MerchantId(self.id()),
            token: MandateToken(self.id()),
            group: Arc::from(self.text()),
            debtor_account: self.maybe(|dice| AccountId(dice.id())),
            currency: self.amount().currency,
            amount_max: self.maybe(Self::minor),
            amount: self.maybe(Self::minor),
            period: self.pick(Period::ALL).0,
            count_max: self.maybe(|dice| dice.pick(&[1, u32::MAX])),
            state: self.pick(&states),
            merchant_reference: self.maybe(Self::text),
            authorise_before: self.time(),
            created_at: self.time(),
            updated_at: self.time(),
        }
    }

    fn once(&mut self) -> OnceRecord {
        let result = match self.below(8) {
            0 => OnceResult::Refund(RefundId(self.id())),
            7 => OnceResult::Payout(PayoutId(self.id())),
            1 => OnceResult::Payment(PaymentId(self.id())),
            2 => OnceResult::Mandate(MandateId(self.id())),
            3 => OnceResult::Account(AccountId(self.id())),
            4 => OnceResult::Endpoint(EndpointId(self.id())),
            5 => OnceResult::Refused(self.pick(&Refusal::one_of_each())),
            _ => OnceResult::Answer { status: 599, body: self.text().into_bytes() },
        };
        OnceRecord { fingerprint: Fingerprint(self.id().to_be_bytes()), result, at: self.time() }
    }

    fn event(&mut self) -> Event {
        let kinds = [
            EventKind::PaymentRecorded,
            EventKind::PaymentSettled { credited: self.roll() },
            EventKind::RefundEntered { state: self.pick(&make::refund_states()) },
            EventKind::BlockPlaced { code: self.pick(BlockCode::ALL) },
            EventKind::MandateEntered { mandate: MandateId(self.id()), state: Arc::from(self.text()) },
            EventKind::AccountFunded { account: AccountId(self.id()), amount: self.roll() },
            EventKind::PayoutEntered { state: self.pick(&make::payout_states()) },
        ];
        Event {
            merchant: MerchantId(self.id()),
            payment: self.maybe(|dice| PaymentId(dice.id())),
            refund: self.maybe(|dice| RefundId(dice.id())),
            payout: self.maybe(|dice| PayoutId(dice.id())),
            number: self.pick(&[1, u32::MAX]),
            at: self.time(),
            actor: self.actor(),
            kind: self.pick(&kinds),
            previous: self.hash(),
            hash: self.hash(),
        }
    }
}

/// Every record cut short anywhere is noticed.
fn assert_cuts_noticed(bytes: &[u8], reads: impl Fn(&[u8]) -> bool) {
    for length in 0..bytes.len() {
        assert!(!reads(&bytes[..length]), "cut at {length} of {}", bytes.len());
    }
    assert!(!reads(&[bytes, &[0]].concat()), "a byte too many");
    assert!(!reads(&[&[99], &bytes[1..]].concat()), "an unknown form");
}

#[test]
fn refunds_read_back() {
    for seed in 0..SHAPES {
        let written = Dice::new(seed).refund();
        let columns = || refund::RefundColumns {
            merchant: written.merchant,
            id: written.id,
            origin: written.origin.clone(),
            merchant_reference: written.merchant_reference.clone(),
        };
        let (body, private) = (refund::body(&written), refund::private(&written));
        let read = refund::read(columns(), &body, private.as_deref());
        assert_eq!(read.unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&body, |cut| refund::read(columns(), cut, private.as_deref()).is_ok());
            if let Some(private) = private {
                assert_cuts_noticed(&private, |cut| refund::read(columns(), &body, Some(cut)).is_ok());
            }
        }
    }
}

#[test]
fn words_of_states_stand_at_their_numbers() {
    for state in make::refund_states() {
        let number = refund::state_number(&state);
        assert_eq!(refund::STATE_WORDS[usize::try_from(number).unwrap()], state.code());
        assert_eq!(number <= refund::LIVE_STATE_MAX, state.is_live(), "{}", state.code());
    }
}

#[test]
fn payments_read_back() {
    for seed in 0..SHAPES {
        let written = Dice::new(seed).payment();
        let columns = || payment::PaymentColumns {
            merchant: written.merchant,
            id: written.id,
            origin: written.origin.clone(),
            state: payment::state_number(written.state),
            counters: written.counters,
            payer_key: written.payer_key.clone(),
        };
        let (body, private) = (payment::body(&written), payment::private(&written));
        assert_eq!(payment::read(columns(), &body, private.as_deref()).unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&body, |cut| payment::read(columns(), cut, private.as_deref()).is_ok());
        }
    }
}

#[test]
fn a_payment_of_the_first_form_has_no_moments() {
    let written = Payment {
        moments: Moments::default(),
        failure: None,
        payer_key: None,
        method: None,
        expires_at: None,
        ..Dice::new(7).payment()
    };
    let columns = payment::PaymentColumns {
        merchant: written.merchant,
        id: written.id,
        origin: written.origin.clone(),
        state: payment::state_number(written.state),
        counters: written.counters,
        payer_key: None,
    };
    let mut body = payment::body(&written);
    body[0] = super::FORM;
    body.truncate(body.len() - 6);
    let private = payment::private(&written);
    assert_eq!(payment::read(columns, &body, private.as_deref()).unwrap(), written);
}

#[test]
fn payouts_read_back() {
    for seed in 0..SHAPES {
        let written = Dice::new(seed).payout();
        let (body, private) = (payout::body(&written), payout::private(&written));
        let columns =
            || payout::PayoutColumns { merchant: written.merchant, id: written.id, origin: written.origin.clone() };
        let read = |body: &[u8], private: &[u8]| payout::read(columns(), body, private);
        assert_eq!(read(&body, &private).unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&body, |cut| read(cut, &private).is_ok());
            assert_cuts_noticed(&private, |cut| read(&body, cut).is_ok());
        }
    }
}

#[test]
fn mandates_read_back() {
    for seed in 0..SHAPES {
        let written = Dice::new(seed).mandate();
        let bytes = mandate::private(&written);
        assert_eq!(mandate::read(written.merchant, written.id, &bytes).unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&bytes, |cut| mandate::read(written.merchant, written.id, cut).is_ok());
        }
    }
}

#[test]
fn once_records_read_back() {
    let sealer = Sealer::new(&KeyRing::of(1, [1; 32])).unwrap();
    for seed in 0..SHAPES {
        let mut dice = Dice::new(seed);
        let (key, written) = (OnceKey(dice.id().to_be_bytes()), dice.once());
        let bytes = once::value(&key, &written, &sealer).unwrap();
        let kind = once::kind(&written);
        assert_eq!(once::read(&key, kind, &bytes, &sealer).unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&bytes, |cut| once::read(&key, kind, cut, &sealer).is_ok());
        }
    }
}

#[test]
fn events_read_back() {
    for seed in 0..SHAPES {
        let written = Dice::new(seed).event();
        let bytes = event::body(&written);
        assert_eq!(event::read(written.number, &bytes, written.hash).unwrap(), written, "seed {seed}");
        if seed < 50 {
            assert_cuts_noticed(&bytes, |cut| event::read(written.number, cut, written.hash).is_ok());
        }
    }
}

fn read_report(bytes: &[u8]) -> Result<Report, Fault> {
    let mut open = open_record(bytes)?;
    let from = &mut open;
    let report = match from.byte()? {
        0 => Report::Accepted,
        1 => Report::Screening,
        2 => Report::Executed { amount: from.number()?, charges: from.number()? },
        3 => Report::Rejected { code: decode_bank_code(from)? },
        4 => Report::Returned { amount_back: from.number()?, code: decode_bank_code(from)? },
        5 => Report::Withdrawn,
        6 => Report::Lapsed,
        _ => return Err(Malformed.into()),
    };
    ended(from)?;
    Ok(report)
}

#[test]
fn reports_read_back() {
    let code = BankCode::parse("AC04");
    let reports = [
        Report::Accepted,
        Report::Screening,
        Report::Executed { amount: u64::MAX, charges: 3 },
        Report::Rejected { code },
        Report::Rejected { code: None },
        Report::Returned { amount_back: 7, code },
        Report::Withdrawn,
        Report::Lapsed,
    ];
    for report in reports {
        assert_eq!(read_report(&event::report(&report)).unwrap(), report);
    }
}

#[test]
fn a_subject_is_stored_where_the_event_does_not_tell_it() {
    let mut written = Dice::new(1).event();
    written.refund = Some(RefundId(7));
    assert_eq!(event::subject(&Subject::Refund(RefundId(7)), &written), None);
    assert!(event::subject(&Subject::Refund(RefundId(8)), &written).is_some());
    written.refund = None;
    written.payment = Some(PaymentId(9));
    assert_eq!(event::subject(&Subject::Payment(PaymentId(9)), &written), None);
    assert!(event::subject(&Subject::Account(AccountId(9)), &written).is_some());
}
