//! The body of a refund: where it stands, who receives it, what was tried.

use super::super::extension::{MaskedParty, RefundExtension};
use super::super::states;
use super::{BlockBody, CaseBody, Labels, PartyBody, masked, time};
use crate::print::uuid;
use refundry_domain::attempt::{Attempt, AttemptState};
use refundry_domain::party::{Creditor, CreditorSource, Party};
use refundry_domain::payment::Payment;
use refundry_domain::reason::{BankCode, Failure, kind_of_iso};
use refundry_domain::reference::ids_of_attempt;
use refundry_domain::refund::{Funding, Gate, Refund, RefundState};
use refundry_domain::rules::Environment;
use refundry_engine::digest::sha256;

#[derive(Debug, serde::Serialize)]
struct ReasonBody {
    code: &'static str,
    bank_code: Option<String>,
}

fn reason(failure: Failure) -> ReasonBody {
    ReasonBody { code: failure.kind.code(), bank_code: failure.bank_code.map(|code| code.as_str().to_owned()) }
}

fn return_reason(code: Option<BankCode>) -> ReasonBody {
    let kind = kind_of_iso(code.as_ref().map_or("", BankCode::as_str));
    ReasonBody { code: kind.code(), bank_code: code.map(|code| code.as_str().to_owned()) }
}

/// What a refund's state says beyond its word.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct StatusBody {
    status: &'static str,
    reason: Option<ReasonBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired_at_gate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_back: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charges: Option<u64>,
}

/// The members that tell where a refund stands.
pub(in super::super) fn status(state: RefundState) -> StatusBody {
    let mut body = StatusBody {
        status: state.code(),
        reason: None,
        settled_by: None,
        cancel_cause: None,
        expired_at_gate: None,
        amount_back: None,
        charges: None,
    };
    match state {
        RefundState::Awaiting(_) | RefundState::Ready | RefundState::Submitted | RefundState::Rejected { .. } => {}
        RefundState::Settled { by } => body.settled_by = Some(states::settled_by(by)),
        RefundState::Failed { failure } => body.reason = Some(reason(failure)),
        RefundState::Cancelled { cause } => body.cancel_cause = Some(states::cancel_cause(cause)),
        RefundState::Expired { at } => {
            body.reason = Some(ReasonBody { code: states::expired_reason(at), bank_code: None });
            body.expired_at_gate = Some(at.code());
        }
        RefundState::Returned { code, amount_back, charges } => {
            body.reason = Some(return_reason(code));
            body.amount_back = Some(amount_back);
            body.charges = Some(charges);
        }
    }
    body
}

#[derive(Debug, serde::Serialize)]
struct CreditorBody {
    source: &'static str,
    #[serde(flatten)]
    party: PartyBody,
}

/// Where the money of a refund comes from.
#[derive(Debug, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in super::super) enum FundingBody {
    Held { account_id: String },
    Mandate { mandate_id: String },
    MerchantAuthorised,
}

/// Where the money comes from, for refunds and their events.
pub(in super::super) fn funding(funding: Funding) -> FundingBody {
    match funding {
        Funding::Held { account } => FundingBody::Held { account_id: account.to_string() },
        Funding::Mandate { mandate, debtor_account: _ } => FundingBody::Mandate { mandate_id: mandate.to_string() },
        Funding::MerchantAuthorised => FundingBody::MerchantAuthorised,
    }
}

#[derive(Debug, serde::Serialize)]
struct AttemptBody {
    number: u8,
    state: &'static str,
    reason: Option<ReasonBody>,
    end_to_end_id: String,
    instruction_id: String,
    uetr: String,
    sent_at: Option<String>,
}

/// A refund.
#[derive(Debug, serde::Serialize)]
pub(in super::super) struct RefundBody {
    id: String,
    payment_id: String,
    amount: u64,
    currency: String,
    fee: u64,
    #[serde(flatten)]
    status: StatusBody,
    creditor: Option<CreditorBody>,
    funding: FundingBody,
    blocks: Vec<BlockBody>,
    cases: Vec<CaseBody>,
    attempts: Vec<AttemptBody>,
    withdrawal_asked_at: Option<String>,
    expires_at: Option<String>,
    remittance: Option<String>,
    merchant_reference: Option<String>,
    metadata: Labels,
    created_at: String,
    updated_at: String,
}

/// A refund as it is now; `payment` is its payment, whose debtor may be the
/// creditor.
pub(in super::super) fn refund(refund: &Refund, payment: Option<&Payment>, environment: Environment) -> RefundBody {
    let party = match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.and_then(|payment| payment.debtor.as_ref()).map(masked),
        Creditor::Given { party, .. } => Some(masked(party)),
    };
    let source = refund.creditor.source().map(states::creditor_source);
    refund_body(refund, source.zip(party), environment)
}

/// A refund as the answer to its creation showed it. The creditor was the
/// payer where the payer was known, else the one that the call gave, else
/// nobody: then the refund began by waiting for details.
pub(in super::super) fn refund_as_created(
    made: &Refund,
    payer: Option<&Party>,
    environment: Environment,
) -> RefundBody {
    let first = made.at_creation();
    let given = RefundExtension::of(made).given;
    let (source, party) = match (&first.creditor, given) {
        _ if first.state == RefundState::Awaiting(Gate::Details) => (None, None),
        (Creditor::Unknown, _) => (None, None),
        (Creditor::Given { .. }, Some(given)) => (Some(CreditorSource::MerchantSupplied), Some(given)),
        (Creditor::Payer | Creditor::Given { .. }, _) => (Some(CreditorSource::PayerAccount), payer.map(masked)),
    };
    let creditor = source.zip(party).map(|(source, party)| (states::creditor_source(source), party));
    refund_body(&first, creditor, environment)
}

fn refund_body(refund: &Refund, creditor: Option<(&'static str, MaskedParty)>, environment: Environment) -> RefundBody {
    let blocks = refund.blocks.iter().map(|block| BlockBody {
        code: block.code.code(),
        placed_at: time(block.at),
        lifted_at: block.lifted_at.map(time),
    });
    RefundBody {
        id: refund.id.to_string(),
        payment_id: refund.payment.to_string(),
        amount: refund.amount.minor,
        currency: refund.amount.currency.to_string(),
        fee: refund.fee,
        status: status(refund.state),
        creditor: creditor.map(|(source, party)| CreditorBody { source, party: party.into() }),
        funding: funding(refund.funding),
        blocks: blocks.collect(),
        cases: refund.cases.iter().map(CaseBody::from).collect(),
        attempts: refund.attempts.iter().map(|tried| attempt(refund, *tried, environment)).collect(),
        withdrawal_asked_at: refund.withdrawal.map(|asked| time(asked.asked_at)),
        expires_at: refund.state.before_send().then(|| time(refund.deadlines.earliest())),
        remittance: refund.remittance.as_deref().map(str::to_owned),
        merchant_reference: refund.merchant_reference.as_deref().map(str::to_owned),
        metadata: Labels(RefundExtension::of(refund).metadata),
        created_at: time(refund.created_at),
        updated_at: time(refund.updated_at),
    }
}

fn attempt(refund: &Refund, attempt: Attempt, environment: Environment) -> AttemptBody {
    let reason = match attempt.state {
        AttemptState::Rejected { failure } => Some(reason(failure)),
        AttemptState::Due
        | AttemptState::Sending { .. }
        | AttemptState::Unknown { .. }
        | AttemptState::Accepted { .. }
        | AttemptState::Executed
        | AttemptState::Absent
        | AttemptState::Withdrawn
        | AttemptState::Returned => None,
    };
    let ids = ids_of_attempt(refund, attempt.number, environment, sha256);
    AttemptBody {
        number: attempt.number,
        state: states::attempt_state(attempt.state),
        reason,
        end_to_end_id: ids.end_to_end_id,
        instruction_id: ids.instruction_id,
        uetr: uuid(ids.uetr).to_string(),
        sent_at: attempt.sent_at.map(time),
    }
}
