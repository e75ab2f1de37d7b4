//! What tests of refunds and accounts do to the world.

use super::world::{Heard, World};
use crate::truelayer::DIALECT;
use crate::truelayer::extension::PaymentExtension;
use refundry_domain::command::{Command, RecordPayment};
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::Party;
use refundry_domain::payment::{Origin, PaymentState};
use refundry_domain::time::Span;
use refundry_engine::mint;
use refundry_testkit::make;
use serde_json::{Value, json};
use std::sync::Arc;

/// The payer of every payment.
pub(super) const USER: &str = "51843173-645f-4680-aa2f-45e6614a9d30";

impl World {
    /// What a payment of the shop's client is recorded with.
    pub(super) fn payment_record(&self, minor: u64, state: PaymentState) -> RecordPayment {
        let id = PaymentId(mint::new_id(self.engine.now()));
        let extension = PaymentExtension { user_id: USER.to_owned(), ..PaymentExtension::default() };
        let client = &self.client.id;
        RecordPayment {
            origin: Origin::new(DIALECT, client),
            debtor: Some(Party { name: Some("Ida Korhonen".to_owned()), ..make::party_uk() }),
            state,
            method: None,
            payer_key: Some(Arc::from(format!("{DIALECT}:{client}:{USER}"))),
            extension: extension.encode(),
            ..make::record_payment(id, self.gbp, Amount::new(minor, Currency::GBP))
        }
    }

    /// A payment of the shop's client, to an account of ours.
    pub(super) async fn payment(&self, minor: u64, state: PaymentState) -> PaymentId {
        let record = self.payment_record(minor, state);
        let id = record.id;
        self.command(Command::RecordPayment(record)).await;
        id
    }

    /// A settled payment of the shop's client.
    pub(super) async fn paid(&self, minor: u64) -> PaymentId {
        self.payment(minor, PaymentState::Settled).await
    }

    /// Moves a payment on.
    pub(super) async fn advance(&self, payment: PaymentId, to: PaymentState, credited: Option<u64>) {
        self.command(Command::AdvancePayment { payment, to, credited, debtor: None, failure: None }).await;
    }

    /// Asks for a refund.
    pub(super) async fn ask(&self, payment: PaymentId, key: &str, body: &Value) -> Heard {
        self.post(&format!("/v3/payments/{payment}/refunds")).key(key).json(body).send().await
    }

    /// Makes a refund of so much.
    pub(super) async fn refund(&self, payment: PaymentId, minor: u64, key: &str) -> RefundId {
        let heard = self.ask(payment, key, &part(minor)).await;
        assert_eq!(heard.status, 202, "{}", heard.text());
        RefundId::parse(&heard.id()).unwrap()
    }

    /// A refund as the API shows it.
    pub(super) async fn shown(&self, payment: PaymentId, refund: RefundId) -> Value {
        let heard = self.get(&format!("/v3/payments/{payment}/refunds/{refund}")).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        heard.json()
    }

    /// Status and, where it failed, the reason of a refund.
    pub(super) async fn status(&self, payment: PaymentId, refund: RefundId) -> (String, Option<String>) {
        let shown = self.shown(payment, refund).await;
        let text = |name: &str| shown[name].as_str().map(str::to_owned);
        (text("status").unwrap(), text("failure_reason"))
    }

    /// Lets the money of the newest payout of the rail come back.
    pub(super) async fn give_back_newest(&self) {
        let (instruction, amount) = self.rail.payments().pop().unwrap();
        self.clock.advance(Span::seconds(1));
        self.rail.give_back(&instruction, amount.minor, "AC04");
        self.work().await;
    }
}

/// A request for so much.
pub(super) fn part(minor: u64) -> Value {
    json!({ "amount_in_minor": minor, "reference": "FB-2093 part" })
}

/// A status without a reason.
pub(super) fn plain(status: &str) -> (String, Option<String>) {
    (status.to_owned(), None)
}

/// A failure.
pub(super) fn failed(reason: &str) -> (String, Option<String>) {
    ("failed".to_owned(), Some(reason.to_owned()))
}
