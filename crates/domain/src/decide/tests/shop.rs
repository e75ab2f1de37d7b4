//! A merchant with money, a payment and a mandate, to make refunds of.

use crate::approval::ApprovalPolicy;
use crate::command::{Command, CreateMandate, FeeInput, OpenAccount, RecordPayment, ReferenceInput, RequestRefund};
use crate::deadline::Limits;
use crate::decide::{Done, decide};
use crate::event::Actor;
use crate::facts::{Context, Facts};
use crate::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId, PersonId, RefundId};
use crate::instruction::Instruction;
use crate::ledger::{AccountKind, Book};
use crate::mandate::{MandateState, Period};
use crate::money::{Amount, Currency};
use crate::party::{AccountIdentifier, Party};
use crate::payment::{Origin, PaymentState, Provenance};
use crate::reference::Tag;
use crate::refund::{Funding, Refund, ReserveAt, Shortage};
use crate::refusal::Refusal;
use crate::rules::{Environment, Rules};
use crate::time::{Span, Timestamp};
use std::sync::Arc;

pub(super) const MERCHANT: MerchantId = MerchantId(1);
pub(super) const FLOAT: AccountId = AccountId(100);
pub(super) const MANDATE: MandateId = MandateId(7);
pub(super) const ANNA: PersonId = PersonId(11);
pub(super) const BEN: PersonId = PersonId(12);
pub(super) const CARA: PersonId = PersonId(13);

/// Not SHA-256, but as different for different bytes as these tests need.
fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut state = [0x9e37_79b9_7f4a_7c15_u64, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x27d4_eb2f_1656_67c5];
    for (place, byte) in bytes.iter().enumerate() {
        for (lane, word) in state.iter_mut().enumerate() {
            let salt = u64::try_from(place.wrapping_mul(31).wrapping_add(lane)).unwrap();
            *word = (*word ^ u64::from(*byte) ^ salt).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
    }
    let mut out = [0; 32];
    for (to, word) in out.chunks_mut(8).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    out
}

pub(super) fn party() -> Party {
    let account = AccountIdentifier::Bsb { bsb: "111114".into(), number: "0505101".into() };
    Party { name: Some("Ada Kettle".into()), account }
}

pub(super) struct Shop {
    pub(super) facts: Facts,
    pub(super) rules: Rules,
    pub(super) at: Timestamp,
    next: u128,
}

impl Shop {
    pub(super) fn new(environment: Environment) -> Self {
        let rules = Rules::of(environment);
        let at = Timestamp(1_700_000_000_000_000_000);
        let mut shop = Self { facts: Facts::default(), rules, at, next: 1_000 };
        shop.facts.approvers.extend([ANNA, BEN, CARA].map(|person| (MERCHANT, person)));
        let ids = std::array::from_fn(|place| AccountId(u128::try_from(place).unwrap() + 10));
        shop.ok(Command::OpenBook { currency: Currency::AUD, book: Book::from_ids(ids) });
        shop.ok(Command::OpenAccount(OpenAccount {
            id: FLOAT,
            kind: AccountKind::Held,
            currency: Currency::AUD,
            name: "float".into(),
            group: "".into(),
            eligible: true,
        }));
        shop.ok(Command::SetBalance { account: FLOAT, available: 10_000 });
        shop.ok(Command::CreateMandate(Box::new(CreateMandate {
            id: MANDATE,
            token: MandateToken(8),
            group: "".into(),
            debtor_account: Some(FLOAT),
            currency: Currency::AUD,
            amount_max: Some(5_000),
            amount: None,
            period: Period::Day,
            count_max: Some(2),
            merchant_reference: None,
        })));
        shop.ok(Command::MoveMandate { mandate: MANDATE, to: MandateState::Active });
        shop
    }

    pub(super) fn try_do(&mut self, command: &Command) -> Result<Done, Refusal> {
        let context =
            Context { merchant: MERCHANT, actor: &Actor::Engine, at: self.at, rules: &self.rules, sha256: hash };
        let done = decide(&mut self.facts, context, command);
        self.check();
        done
    }

    pub(super) fn ok(&mut self, command: Command) -> Done {
        self.try_do(&command).unwrap_or_else(|refusal| panic!("{command:?} was refused: {refusal:?}"))
    }

    pub(super) fn pass(&mut self, span: Span) {
        self.at = self.at.plus(span);
    }

    /// What must hold after every decision (I-1, I-2, I-3).
    fn check(&self) {
        for payment in self.facts.payments.values() {
            let live =
                self.facts.refunds.values().filter(|refund| refund.payment == payment.id && refund.state.is_live());
            let claimed: u64 = live.map(|refund| refund.amount.minor).sum();
            assert_eq!(claimed, payment.counters.claimed, "claimed is the sum of the live refunds");
            assert!(claimed <= payment.counters.claimable);
        }
        let sum: i128 = self.facts.accounts.values().map(|account| account.balance.credit_posted()).sum();
        assert_eq!(sum, 0, "all balances add up to zero");
    }

    pub(super) fn payment(&mut self, minor: u64, state: PaymentState, debtor: Option<Party>) -> PaymentId {
        self.next += 1;
        let id = PaymentId(self.next);
        self.ok(Command::RecordPayment(RecordPayment {
            id,
            origin: Origin::new("native", ""),
            account: FLOAT,
            amount: Amount::new(minor, Currency::AUD),
            debtor,
            state,
            provenance: Provenance::OwnCheckout,
            origin_keys: Vec::new(),
            merchant_reference: None,
            method: None,
            payer_key: None,
            occurred_at: None,
            expires_at: None,
            extension: Arc::from(Vec::new()),
        }));
        id
    }

    pub(super) fn ask(&mut self, payment: PaymentId, minor: u64) -> RequestRefund {
        self.next += 1;
        RequestRefund {
            id: RefundId(self.next),
            payment,
            amount: Some(minor),
            currency: None,
            origin: Origin::new("native", ""),
            reference: ReferenceInput::Named { tag: Tag::Key, value: format!("key-{}", self.next).into() },
            merchant_reference: None,
            fee: FeeInput::Given(0),
            creditor: None,
            refuse_other_creditor: true,
            may_ask_details: true,
            funding: Some(Funding::Held { account: FLOAT }),
            shortage: Shortage::Refuse,
            reserve_at: ReserveAt::Creation,
            wait_for_settlement: true,
            approval: None,
            maker: None,
            limits: Limits::default(),
            remittance: None,
            extension: Arc::from(Vec::new()),
        }
    }

    pub(super) fn request(&mut self, request: RequestRefund) -> RefundId {
        let id = request.id;
        self.ok(Command::RequestRefund(Box::new(request)));
        id
    }

    pub(super) fn policy(required: u8) -> Option<ApprovalPolicy> {
        Some(ApprovalPolicy { required, valid_for: Span::days(7), version: 1 })
    }

    pub(super) fn begin(&self, refund: RefundId) -> Command {
        Command::BeginSend { refund, epoch: 1, lease_until: self.at.plus(Span::seconds(30)) }
    }

    pub(super) fn send(&mut self, refund: RefundId) -> Instruction {
        let begin = self.begin(refund);
        match self.ok(begin) {
            Done::Send(instruction) => *instruction,
            other => panic!("not sent: {other:?}, {:?}", self.refund(refund).state),
        }
    }

    pub(super) fn refund(&self, id: RefundId) -> &Refund {
        &self.facts.refunds[&id]
    }

    pub(super) fn state(&self, id: RefundId) -> &'static str {
        self.refund(id).state.code()
    }

    pub(super) fn available(&self) -> u64 {
        self.facts.accounts[&FLOAT].balance.available()
    }
}
