//! Builders for tests: whole objects with plain defaults, to be changed field
//! by field where a test cares.

mod registry;

pub use registry::*;

use refundry_domain::command::{FeeInput, RecordPayment, ReferenceInput, RequestPayout, RequestRefund};
use refundry_domain::deadline::{Deadlines, Limits, Pace};
use refundry_domain::fee::FeeOnReturn;
use refundry_domain::id::{
    AccountId, EndpointId, MandateId, MandateToken, MerchantId, PaymentId, PayoutId, PersonId, RefundId,
};
use refundry_domain::instruction::EvidenceId;
use refundry_domain::ledger::{Account, AccountKind, Balance, Book};
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Creditor, Party};
use refundry_domain::payment::{Counters, Moments, Origin, Payment, PaymentState, Provenance};
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::reference::{Tag, as_uuid_v4};
use refundry_domain::refund::{
    Authorisation, CancelCause, ClientReference, ExpiredAt, Funding, Gate, Refund, RefundState, Reservation, ReserveAt,
    SettledBy, Shortage,
};
use refundry_domain::stray::Stray;
use refundry_domain::time::{Span, Timestamp};
use std::sync::Arc;

/// The time at which tests begin: Monday 2026-01-05, 10:00 UTC.
pub const AT: Timestamp = Timestamp(1_767_607_200_000_000_000);

/// Hands out ids that ascend, as minted ones do over time.
#[derive(Debug, Default, Clone)]
pub struct Ids {
    last: u64,
}

impl Ids {
    /// Ids that do not meet those of another counter.
    #[must_use]
    pub fn from(start: u32) -> Self {
        Self { last: u64::from(start) << 24 }
    }

    fn next(&mut self) -> u128 {
        self.last += 1;
        let millis = u128::try_from(AT.0 / 1_000_000).unwrap_or(0);
        as_uuid_v4((millis << 80) | u128::from(self.last))
    }

    /// A merchant's id.
    pub fn merchant(&mut self) -> MerchantId {
        MerchantId(self.next())
    }

    /// A payment's id.
    pub fn payment(&mut self) -> PaymentId {
        PaymentId(self.next())
    }

    /// A refund's id.
    pub fn refund(&mut self) -> RefundId {
        RefundId(self.next())
    }

    /// A payout's id.
    pub fn payout(&mut self) -> PayoutId {
        PayoutId(self.next())
    }

    /// An account's id.
    pub fn account(&mut self) -> AccountId {
        AccountId(self.next())
    }

    /// A mandate's id.
    pub fn mandate(&mut self) -> MandateId {
        MandateId(self.next())
    }

    /// A mandate's token.
    pub fn token(&mut self) -> MandateToken {
        MandateToken(self.next())
    }

    /// A person's id.
    pub fn person(&mut self) -> PersonId {
        PersonId(self.next())
    }

    /// An endpoint's id.
    pub fn endpoint(&mut self) -> EndpointId {
        EndpointId(self.next())
    }
}

/// The customer of the demo shop, with an Australian account.
#[must_use]
pub fn party() -> Party {
    Party {
        name: Some("Alex Chen".to_owned()),
        account: AccountIdentifier::Bsb { bsb: "082001".to_owned(), number: "12345678".to_owned() },
    }
}

/// The same customer with an account in the United Kingdom.
#[must_use]
pub fn party_uk() -> Party {
    Party {
        name: Some("Alex Chen".to_owned()),
        account: AccountIdentifier::Scan { sort_code: "040004".to_owned(), number: "87654321".to_owned() },
    }
}

/// An empty held account that may pay refunds.
#[must_use]
pub fn account(id: AccountId, merchant: MerchantId, currency: Currency) -> Account {
    Account {
        id,
        merchant,
        kind: AccountKind::Held,
        currency,
        name: Arc::from("Refund wallet"),
        group: Arc::from(""),
        eligible: true,
        paused_at: None,
        balance: Balance::default(),
        created_at: AT,
    }
}

/// An open stray with a report, of which everything lies in suspense.
#[must_use]
pub fn stray(merchant: MerchantId, instruction_id: &str, amount: Option<Amount>) -> Stray {
    Stray {
        merchant,
        instruction_id: instruction_id.to_owned(),
        amount,
        creditor: None,
        at: AT,
        in_suspense: amount.map_or(0, |amount| amount.minor.cast_signed()),
        evidence: vec![EvidenceId([1; 8])],
        closed: None,
    }
}

/// A book with its eleven accounts.
pub fn book(ids: &mut Ids, merchant: MerchantId, currency: Currency) -> (Book, Vec<Account>) {
    let accounts = Book::KINDS.map(|kind| {
        let mut made = account(ids.account(), merchant, currency);
        made.kind = kind;
        made.name = Arc::from(kind.code());
        made.eligible = false;
        made
    });
    (Book::from_ids(accounts.each_ref().map(|made| made.id)), accounts.to_vec())
}

/// A settled payment from [`party`] into an account, minor units.
#[must_use]
pub fn payment(id: PaymentId, account: &Account, minor: u64) -> Payment {
    Payment {
        id,
        merchant: account.merchant,
        origin: Origin::new("native", ""),
        account: account.id,
        amount: Amount::new(minor, account.currency),
        debtor: Some(party()),
        state: PaymentState::Settled,
        moments: Moments { authorised_at: Some(AT), executed_at: Some(AT), settled_at: Some(AT), failed_at: None },
        failure: None,
        method: None,
        payer_key: None,
        expires_at: None,
        provenance: Provenance::OwnCheckout,
        blocks: Vec::new(),
        counters: Counters { claimable: minor, claimed: 0, reversed: 0 },
        merchant_reference: None,
        extension: Arc::from([]),
        event_count: 0,
        chain: [0; 32],
        cases: Vec::new(),
        adopted: Vec::new(),
        created_at: AT,
        updated_at: AT,
    }
}

/// A refund to the payer, ready to be sent from the payment's account, minor
/// units. The payment's counters are the caller's business.
#[must_use]
pub fn refund(id: RefundId, payment: &Payment, minor: u64) -> Refund {
    Refund {
        id,
        merchant: payment.merchant,
        payment: payment.id,
        payment_amount: payment.amount.minor,
        origin: payment.origin.clone(),
        reference: ClientReference { tag: Tag::Key, value: Arc::from(id.to_string()) },
        merchant_reference: None,
        amount: Amount::new(minor, payment.amount.currency),
        fee: 0,
        fee_on_return: FeeOnReturn::Keep,
        creditor: Creditor::Payer,
        funding: Funding::Held { account: payment.account },
        shortage: Shortage::Refuse,
        reserve_at: ReserveAt::Creation,
        reservation: Reservation::Pending,
        state: RefundState::Ready,
        first_state: RefundState::Ready,
        approval: None,
        authorisation: Authorisation::NotNeeded,
        waits_for_funds: None,
        blocks: Vec::new(),
        cases: Vec::new(),
        attempts: Vec::new(),
        withdrawal: None,
        deadlines: Deadlines::starting(Limits::default(), AT),
        remittance: None,
        extension: Arc::from([]),
        event_count: 0,
        created_at: AT,
        updated_at: AT,
    }
}

/// One of each way a refund may stand.
#[must_use]
pub fn refund_states() -> Vec<RefundState> {
    let failure = Failure { kind: FailureKind::AccountClosed, bank_code: BankCode::parse("AC04") };
    let mut states: Vec<RefundState> = Gate::ALL.into_iter().map(RefundState::Awaiting).collect();
    states.extend([
        RefundState::Ready,
        RefundState::Submitted,
        RefundState::Settled { by: SettledBy::Attempt(1) },
        RefundState::Settled { by: SettledBy::Sweep },
        RefundState::Settled { by: SettledBy::External },
        RefundState::Failed { failure },
        RefundState::Failed { failure: Failure::of(FailureKind::NotExecuted) },
        RefundState::Rejected { by: PersonId(7) },
        RefundState::Cancelled { cause: CancelCause::Requested },
        RefundState::Cancelled { cause: CancelCause::Withdrawn },
        RefundState::Expired { at: ExpiredAt::Gate(Gate::Funds) },
        RefundState::Expired { at: ExpiredAt::Ready },
        RefundState::Returned { code: BankCode::parse("AC06"), amount_back: 90, charges: 10 },
        RefundState::Returned { code: None, amount_back: 100, charges: 0 },
    ]);
    states
}

/// An active mandate with a monthly count of three.
pub fn mandate(ids: &mut Ids, merchant: MerchantId, currency: Currency) -> Mandate {
    Mandate {
        id: ids.mandate(),
        merchant,
        token: ids.token(),
        group: Arc::from(""),
        debtor_account: None,
        currency,
        amount_max: Some(50_000),
        amount: None,
        period: Period::Month,
        count_max: Some(3),
        state: MandateState::Active,
        merchant_reference: None,
        authorise_before: AT.plus(Span::days(5)),
        created_at: AT,
        updated_at: AT,
    }
}

/// The command that asks for a refund from the payment's account under the
/// key `key`, minor units.
#[must_use]
pub fn request(id: RefundId, payment: PaymentId, account: AccountId, minor: u64, key: &str) -> RequestRefund {
    RequestRefund {
        id,
        payment,
        amount: Some(minor),
        currency: None,
        origin: Origin::new("native", ""),
        reference: ReferenceInput::Named { tag: Tag::Key, value: Arc::from(key) },
        merchant_reference: None,
        fee: FeeInput::Given(0),
        creditor: None,
        refuse_other_creditor: false,
        may_ask_details: false,
        funding: Some(Funding::Held { account }),
        shortage: Shortage::Refuse,
        reserve_at: ReserveAt::Creation,
        wait_for_settlement: false,
        approval: None,
        maker: None,
        limits: Limits::default(),
        remittance: None,
        extension: Arc::from([]),
    }
}

/// The command that asks for a payout to [`party`] under the key `key`.
#[must_use]
pub fn request_payout(id: PayoutId, account: AccountId, amount: Amount, key: &str) -> RequestPayout {
    RequestPayout {
        id,
        account,
        amount,
        creditor: party(),
        origin: Origin::new("native", ""),
        reference: ClientReference { tag: Tag::Key, value: Arc::from(key) },
        pace: Pace::default(),
        remittance: Some(Arc::from("wages")),
        extension: Arc::from([]),
    }
}

/// Every state that a payout can be in.
#[must_use]
pub fn payout_states() -> Vec<PayoutState> {
    vec![
        PayoutState::Ready,
        PayoutState::Submitted,
        PayoutState::Settled,
        PayoutState::Failed { failure: Failure::of(FailureKind::InsufficientFunds) },
        PayoutState::Failed {
            failure: Failure { kind: FailureKind::AccountClosed, bank_code: BankCode::parse("AC04") },
        },
        PayoutState::Returned { code: BankCode::parse("AC06"), amount_back: 95, charges: 5 },
    ]
}

/// A payout that waits for a worker, as it is created.
#[must_use]
pub fn payout(id: PayoutId, account: &Account, minor: u64) -> Payout {
    Payout {
        id,
        merchant: account.merchant,
        account: account.id,
        origin: Origin::new("native", ""),
        reference: ClientReference { tag: Tag::Key, value: Arc::from("payout key") },
        amount: Amount::new(minor, account.currency),
        creditor: party(),
        remittance: None,
        pace: Pace::default(),
        reservation: Reservation::None,
        state: PayoutState::Ready,
        cases: Vec::new(),
        attempts: Vec::new(),
        extension: Arc::from([]),
        event_count: 0,
        chain: [0; 32],
        submitted_at: None,
        settled_at: None,
        ended_at: None,
        created_at: AT,
        updated_at: AT,
    }
}

/// The command that records a settled payment of [`party`], minor units.
#[must_use]
pub fn record_payment(id: PaymentId, account: AccountId, amount: Amount) -> RecordPayment {
    RecordPayment {
        id,
        origin: Origin::new("native", ""),
        account,
        amount,
        debtor: Some(party()),
        state: PaymentState::Settled,
        provenance: Provenance::OwnCheckout,
        origin_keys: Vec::new(),
        merchant_reference: None,
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: Arc::from([]),
    }
}
