//! Webhooks that go out with another one, because one event of ours is two
//! for this provider: money that is settled may be credited to the payer's
//! account at the shop, and money that came back is a payment from outside
//! (contract 7.1).

use super::{App, payouts, refunds, rendered_as};
use crate::print::{Text, rfc3339_nanos, uuid};
use crate::truelayer::DIALECT;
use crate::truelayer::extension::PaymentExtension;
use crate::truelayer::wire::accounts::stable_id;
use crate::truelayer::wire::identifiers::{self, Identifier};
use crate::truelayer::wire::metadata::Metadata;
use crate::truelayer::wire::payments::metadata;
use refundry_domain::event::EventKind;
use refundry_domain::id::{AccountId, EventId};
use refundry_domain::money::Amount;
use refundry_domain::party::{Creditor, Party};
use refundry_domain::payout::PayoutState;
use refundry_domain::refund::{Funding, RefundState};
use refundry_domain::time::Timestamp;
use refundry_engine::registry::Endpoint;
use refundry_engine::store::StoredEvent;
use refundry_engine::webhook::Rendered;
use serde::Serialize;

/// The webhook that goes with the one of this event, where there is one.
pub(super) fn of(app: &App, stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
    let kind = &stored.event.kind;
    if let EventKind::PaymentSettled { credited: _ } = kind {
        return creditable(stored, endpoint);
    }
    if let EventKind::RefundEntered { state: RefundState::Returned { .. } } = kind {
        refunds::render(app, stored, endpoint)?;
        return refund_came_back(stored);
    }
    if let EventKind::PayoutEntered { state: PayoutState::Returned { .. } } = kind {
        payouts::render(app, stored, endpoint)?;
        let payout = stored.payout.as_ref()?;
        let back = Back {
            object: payout.id.0,
            account: payout.account,
            amount: payout.amount,
            party: Some(&payout.creditor),
            text: payout.remittance.as_deref(),
        };
        return Some(came_back(stored, &back));
    }
    None
}

/// An id that is not the event's own, and as stable as that.
fn second_id(stored: &StoredEvent) -> EventId {
    let bytes = [&b"further"[..], &stored.event.hash].concat();
    EventId(stable_id(&bytes))
}

#[derive(Serialize)]
struct Method<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Creditable<'a> {
    payment_id: Text<36>,
    payment_method: Method<'a>,
    creditable_at: Text<30>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

/// Nothing is creditable here before it has settled: until then a payment
/// may still fail.
fn creditable(stored: &StoredEvent, endpoint: &Endpoint) -> Option<Rendered> {
    let payment = stored.payment.as_ref()?;
    let own = endpoint.group.is_empty() || *endpoint.group == *payment.origin.group;
    if *payment.origin.dialect != *DIALECT || !own {
        return None;
    }
    let extension = PaymentExtension::of(payment)?;
    let members = Creditable {
        payment_id: uuid(payment.id.0),
        payment_method: Method {
            r#type: "bank_transfer",
            provider_id: extension.provider.as_deref(),
            scheme_id: extension.scheme.as_deref(),
        },
        creditable_at: rfc3339_nanos(payment.moments.settled_at.unwrap_or(stored.event.at)),
        metadata: metadata(&extension),
    };
    Some(rendered_as(second_id(stored), "payment_creditable", &members))
}

#[derive(Serialize)]
struct Remitter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_holder_name: Option<&'a str>,
    account_identifiers: Vec<Identifier>,
    #[serde(rename = "reference", skip_serializing_if = "Option::is_none")]
    statement_text: Option<&'a str>,
}

#[derive(Serialize)]
struct ReturnFor {
    r#type: &'static str,
    returned_id: Text<36>,
}

/// As the row of the account's transactions.
#[derive(Serialize)]
struct External<'a> {
    id: Text<36>,
    merchant_account_id: Text<36>,
    currency: &'a str,
    amount_in_minor: u64,
    status: &'static str,
    settled_at: Text<30>,
    remitter: Remitter<'a>,
    return_for: ReturnFor,
}

/// Money that came back.
struct Back<'a> {
    /// The refund or payout.
    object: u128,
    account: AccountId,
    amount: Amount,
    party: Option<&'a Party>,
    text: Option<&'a str>,
}

fn refund_came_back(stored: &StoredEvent) -> Option<Rendered> {
    let refund = stored.refund.as_ref()?;
    let account = match refund.funding {
        Funding::Held { account } => account,
        // No account of ours was paid.
        Funding::Mandate { .. } | Funding::MerchantAuthorised => return None,
    };
    let party = match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => stored.payment.as_ref().and_then(|payment| payment.debtor.as_ref()),
        Creditor::Given { party, source: _ } => Some(party),
    };
    let text = refund.remittance.as_deref();
    Some(came_back(stored, &Back { object: refund.id.0, account, amount: refund.amount, party, text }))
}

fn came_back(stored: &StoredEvent, back: &Back<'_>) -> Rendered {
    let at: Timestamp = stored.event.at;
    let row = [&b"return"[..], &back.object.to_be_bytes()].concat();
    let members = External {
        id: uuid(stable_id(&row)),
        merchant_account_id: uuid(back.account.0),
        currency: back.amount.currency.code(),
        amount_in_minor: back.amount.minor,
        status: "settled",
        settled_at: rfc3339_nanos(at),
        remitter: Remitter {
            account_holder_name: back.party.and_then(|party| party.name.as_deref()),
            account_identifiers: back.party.map(|party| identifiers::of_party(&party.account)).unwrap_or_default(),
            statement_text: back.text,
        },
        return_for: ReturnFor { r#type: "identified", returned_id: uuid(back.object) },
    };
    rendered_as(second_id(stored), "external_payment_received", &members)
}
