//! Payment sessions in this provider's spelling.

use super::accounts::Numbers;
use super::{RefundItem, formatted};
use crate::banked::errors::to_json;
use crate::banked_v2::extension::LineItem;
use crate::print::{Text, spaced_utc, uuid};
use refundry_domain::money::Amount;
use refundry_domain::party::AccountIdentifier;
use refundry_domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a session shows at a moment.
#[derive(Debug, Clone, Copy)]
pub(in crate::banked_v2) struct Shown {
    /// The word of its state.
    pub(in crate::banked_v2) state: &'static str,
    /// When the money left.
    pub(in crate::banked_v2) sent_at: Option<Timestamp>,
}

/// Who is paid.
#[derive(Debug, Clone, Serialize)]
pub(in crate::banked_v2) struct PayeeBody<'a> {
    /// Strict clients expect a text; it is empty where nobody knows the name.
    name: &'a str,
    #[serde(flatten)]
    numbers: Option<Numbers<'a>>,
}

impl<'a> PayeeBody<'a> {
    /// A payee with its account.
    pub(in crate::banked_v2) fn new(name: Option<&'a str>, account: Option<&'a AccountIdentifier>) -> Self {
        Self { name: name.unwrap_or_default(), numbers: account.map(Numbers::of) }
    }
}

/// Who pays.
#[derive(Debug, Clone, Serialize)]
pub(in crate::banked_v2) struct PayerBody<'a> {
    /// Their name.
    pub(in crate::banked_v2) name: Option<&'a str>,
    /// Where letters go.
    pub(in crate::banked_v2) email: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct LineBody<'a> {
    name: &'a str,
    amount: u64,
    currency: &'a str,
    quantity: u64,
    description: Option<&'a str>,
}

impl<'a> LineBody<'a> {
    /// A row of what was bought.
    pub(super) fn of(item: &'a LineItem, currency: &'a str) -> Self {
        Self {
            name: &item.name,
            amount: item.amount,
            currency,
            quantity: item.quantity,
            description: item.description.as_deref(),
        }
    }
}

/// A session before it is written.
pub(in crate::banked_v2) struct SessionBody<'a> {
    /// Its id.
    pub(in crate::banked_v2) id: u128,
    /// How much.
    pub(in crate::banked_v2) amount: Amount,
    /// When it was made.
    pub(in crate::banked_v2) created_at: Timestamp,
    /// The text on the payer's statement.
    pub(in crate::banked_v2) statement_text: &'a str,
    /// Where the payer goes after paying.
    pub(in crate::banked_v2) success_url: &'a str,
    /// Where the payer goes otherwise.
    pub(in crate::banked_v2) error_url: &'a str,
    /// What was bought.
    pub(in crate::banked_v2) line_items: &'a [LineItem],
    /// Who is paid.
    pub(in crate::banked_v2) payee: PayeeBody<'a>,
    /// Who pays.
    pub(in crate::banked_v2) payer: Option<PayerBody<'a>>,
    /// A receipt is wanted.
    pub(in crate::banked_v2) email_receipt: bool,
    /// Real money.
    pub(in crate::banked_v2) live: bool,
    /// Where the payer goes now.
    pub(in crate::banked_v2) url: String,
    /// Its refunds, newest last.
    pub(in crate::banked_v2) refunds: Vec<RefundItem>,
    /// Members without an effect, as they were given.
    pub(in crate::banked_v2) echoed: Map<String, Value>,
}

#[derive(Serialize)]
struct Printed<'a> {
    id: Text<36>,
    amount: u64,
    amount_formatted: String,
    currency: &'a str,
    state: &'static str,
    created_at: Text<23>,
    sent_at: Option<Text<23>>,
    #[serde(rename = "reference")]
    statement_text: &'a str,
    success_url: &'a str,
    error_url: &'a str,
    line_items: Vec<LineBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payee: Option<&'a PayeeBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Option<&'a PayerBody<'a>>>,
    email_receipt: bool,
    /// The id on the rail is nobody's business before the bank names it.
    end_to_end_id: (),
    live: bool,
    url: &'a str,
    refunds: &'a [RefundItem],
    #[serde(flatten)]
    echoed: &'a Map<String, Value>,
    #[serde(flatten)]
    event: Option<EventBody>,
}

#[derive(Serialize)]
struct EventBody {
    webhook_event: &'static str,
    webhook_type: &'static str,
}

/// A webhook's name, and whether it leaves out who pays and who is paid.
#[derive(Debug, Clone, Copy)]
pub(in crate::banked_v2) struct EventWords {
    /// The name.
    pub(in crate::banked_v2) name: &'static str,
    /// Without payer and payee.
    pub(in crate::banked_v2) redacted: bool,
}

impl SessionBody<'_> {
    /// The body of an answer.
    pub(in crate::banked_v2) fn answer(&self, shown: Shown) -> Vec<u8> {
        to_json(&self.printed(shown, None))
    }

    fn printed(&self, shown: Shown, event: Option<EventWords>) -> Printed<'_> {
        let redacted = event.is_some_and(|event| event.redacted);
        Printed {
            id: uuid(self.id),
            amount: self.amount.minor,
            amount_formatted: formatted(self.amount),
            currency: self.amount.currency.code(),
            state: shown.state,
            created_at: spaced_utc(self.created_at),
            sent_at: shown.sent_at.map(spaced_utc),
            statement_text: self.statement_text,
            success_url: self.success_url,
            error_url: self.error_url,
            line_items: self.lines(),
            payee: (!redacted).then_some(&self.payee),
            payer: (!redacted).then_some(self.payer.as_ref()),
            email_receipt: self.email_receipt,
            end_to_end_id: (),
            live: self.live,
            url: &self.url,
            refunds: &self.refunds,
            echoed: &self.echoed,
            event: event.map(|event| EventBody { webhook_event: event.name, webhook_type: "payment_session" }),
        }
    }

    fn lines(&self) -> Vec<LineBody<'_>> {
        self.line_items.iter().map(|item| LineBody::of(item, self.amount.currency.code())).collect()
    }
}

/// The body of a session's webhook.
pub(in crate::banked_v2) fn session_event(body: &SessionBody<'_>, shown: Shown, words: EventWords) -> Vec<u8> {
    to_json(&body.printed(shown, Some(words)))
}
