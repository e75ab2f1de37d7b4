//! Rows of a merchant account's transactions (contract 3.12).

use super::accounts::PaymentSource;
use super::identifiers::Identifier;
use crate::print::{Text, rfc3339_nanos, uuid};
use refundry_domain::money::Amount;
use refundry_domain::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// What every row begins with.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Head {
    /// The row's own id.
    id: Text<36>,
    currency: String,
    amount_in_minor: u64,
}

impl Head {
    /// The head of a row.
    pub(in crate::truelayer) fn new(id: u128, amount: Amount) -> Self {
        Self { id: uuid(id), currency: amount.currency.code().to_owned(), amount_in_minor: amount.minor }
    }
}

/// What money that left shows, for refunds and payouts alike.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Outgoing {
    /// `pending` or `executed`.
    pub(in crate::truelayer) status: &'static str,
    /// When it was asked for.
    pub(in crate::truelayer) created_at: Text<30>,
    /// When it was paid out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) executed_at: Option<Text<30>>,
    /// Who receives it; none where a payout came through another door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) beneficiary: Option<Beneficiary>,
    /// What it was for.
    pub(in crate::truelayer) context_code: &'static str,
    /// Over which scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) scheme_id: Option<&'static str>,
    /// The row of its return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) returned_by: Option<Text<36>>,
}

/// Who receives money that left.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::truelayer) enum Beneficiary {
    /// The account that a payment came from.
    Source {
        /// Always `payment_source`.
        #[serde(rename = "type")]
        kind: &'static str,
        /// Its id.
        payment_source_id: Text<36>,
        /// The payer.
        user_id: String,
        /// The text on the statement.
        #[serde(rename = "reference")]
        statement_text: String,
    },
    /// As the client gave it.
    AsGiven(Box<RawValue>),
}

/// The account that money came from and that is no payment source.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Remitter {
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) account_holder_name: Option<String>,
    /// Its numbers.
    pub(in crate::truelayer) account_identifiers: Vec<Identifier>,
    /// The text on the statement.
    #[serde(rename = "reference", skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) statement_text: Option<String>,
}

/// What came back.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::truelayer) enum ReturnFor {
    /// This refund or payout.
    Identified {
        /// Its id.
        returned_id: Text<36>,
    },
}

/// One row.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::truelayer) enum Row {
    /// A payment that was credited.
    MerchantAccountPayment {
        /// Id and amount.
        #[serde(flatten)]
        head: Head,
        /// Always `settled`.
        status: &'static str,
        /// When.
        settled_at: Text<30>,
        /// Where it came from.
        payment_source: PaymentSource,
        /// The payment.
        payment_id: Text<36>,
    },
    /// Money that came without a payment: a return.
    ExternalPayment {
        /// Id and amount.
        #[serde(flatten)]
        head: Head,
        /// Always `settled`.
        status: &'static str,
        /// When.
        settled_at: Text<30>,
        /// Where it came from.
        remitter: Remitter,
        /// What came back.
        return_for: ReturnFor,
    },
    /// A payout.
    Payout {
        /// Id and amount.
        #[serde(flatten)]
        head: Head,
        /// What it shows.
        #[serde(flatten)]
        outgoing: Outgoing,
        /// The payout.
        payout_id: Text<36>,
    },
    /// A refund.
    Refund {
        /// Id and amount.
        #[serde(flatten)]
        head: Head,
        /// What it shows.
        #[serde(flatten)]
        outgoing: Outgoing,
        /// The refund.
        refund_id: Text<36>,
        /// Of this payment.
        payment_id: Text<36>,
    },
}

/// A row with its place in the order.
#[derive(Debug)]
pub(in crate::truelayer) struct Dated {
    /// By which it is dated, then its id.
    pub(in crate::truelayer) place: (Timestamp, u128),
    /// The row.
    pub(in crate::truelayer) row: Row,
}

/// A time as rows show it.
pub(in crate::truelayer) fn time(at: Timestamp) -> Text<30> {
    rfc3339_nanos(at)
}

/// An answer.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Page {
    /// The rows.
    pub(in crate::truelayer) items: Vec<Row>,
    /// Where the next page begins; only where pages were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) pagination: Option<Pagination>,
}

/// Where the next page begins.
#[derive(Debug, Serialize)]
pub(in crate::truelayer) struct Pagination {
    /// Opaque; none on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::truelayer) next_cursor: Option<String>,
}
