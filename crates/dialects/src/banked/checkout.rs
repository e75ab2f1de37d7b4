//! What the checkouts of all generations share: whose an id in an address may
//! be, visits at the bank, and what the payer's bank does with a decision.

use super::accounts::{self, MOCK_BANK_NO_DETAILS};
use super::{App, FAMILY};
use crate::token::Claims;
use refundry_domain::bytes::Malformed;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::party::Party;
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Span;
use refundry_engine::envelope::{Answer, Envelope, Unavailable};
use refundry_engine::hosted::{CheckoutState, Decision};
use refundry_engine::rail::{PayinPlan, PayinStep};
use std::collections::BTreeSet;

/// How often a page tries again when somebody else was faster.
pub(crate) const ATTEMPT_COUNT_MAX: usize = 5;
/// What tokens of visits open, and nothing else.
const VISIT: &str = "banked_visit";
/// How long a visit may take.
const VISIT_KEPT: Span = Span::seconds(3_600);

/// The merchants that an id in an address may belong to.
pub(crate) fn merchants(app: &App) -> BTreeSet<MerchantId> {
    let directory = app.host.engine.directory();
    directory.groups.values().filter(|group| group.dialect == FAMILY).map(|group| group.merchant).collect()
}

/// A merchant's name, as customers know it.
pub(crate) fn merchant_name(app: &App, merchant: MerchantId) -> String {
    let directory = app.host.engine.directory();
    directory.merchants.get(&merchant).map(|merchant| merchant.name.clone()).unwrap_or_default()
}

/// What became of an envelope that may be refused.
pub(crate) async fn execute(app: &App, envelope: Envelope) -> Result<Result<Answer, Refusal>, Unavailable> {
    Ok(app.host.engine.execute(envelope).await?.result)
}

/// Opens a visit at the bank about what has this id in its page's address.
pub(crate) fn open_visit(app: &App, merchant: MerchantId, id: u128) -> String {
    app.host.tokens.issue(&Claims {
        dialect: VISIT.to_owned(),
        credential: merchant.to_string(),
        group: RefundId(id).to_string(),
        expires_at: app.host.engine.now().plus(VISIT_KEPT),
    })
}

/// Whose visit it is, and the id that it is about; none without a good token.
pub(crate) fn read_visit(app: &App, visit: &str) -> Option<(MerchantId, String)> {
    let claims = app.host.tokens.check(visit, app.host.engine.now()).filter(|claims| claims.dialect == VISIT)?;
    Some((MerchantId::parse(&claims.credential).ok()?, claims.group))
}

/// Where the checkout of a payment stands once this was decided.
pub(crate) fn state_of(payment: &Payment, decision: Option<Decision>) -> CheckoutState {
    match (payment.state, decision) {
        (PaymentState::Open, None) => CheckoutState::Open,
        // The bank knows, and its word is on the way.
        (PaymentState::Open, Some(Decision::Decline)) | (PaymentState::Failed, _) => CheckoutState::Failed,
        (PaymentState::Open, Some(Decision::Authorise)) | (PaymentState::Settled | PaymentState::Reversed, _) => {
            CheckoutState::Sent
        }
        (PaymentState::Open, Some(Decision::KeepPending)) | (PaymentState::Authorised | PaymentState::Executed, _) => {
            CheckoutState::Pending
        }
    }
}

/// What a payer decided, and where.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    /// The bank that was chosen.
    pub(crate) bank: Option<&'a str>,
    /// The decision.
    pub(crate) decision: Decision,
    /// The payer's name, where the merchant told it.
    pub(crate) payer_name: Option<String>,
}

/// Lets the payer's bank do what was decided; it does so once.
pub(crate) async fn play(app: &App, payment: &Payment, decided: Decided<'_>) -> Result<(), Unavailable> {
    let (Some(bank), PaymentState::Open) = (&app.host.payer_bank, payment.state) else { return Ok(()) };
    let now = app.host.engine.now();
    let step = |to, failure| PayinStep { to, at: now, failure };
    let steps = match decided.decision {
        Decision::Authorise => vec![step(PaymentState::Executed, None), step(PaymentState::Settled, None)],
        Decision::KeepPending => vec![step(PaymentState::Executed, None)],
        Decision::Decline => vec![step(PaymentState::Failed, Some(PaymentFailureReason::NotAuthorised))],
    };
    let tells = decided.bank != Some(MOCK_BANK_NO_DETAILS.id);
    let debtor =
        tells.then(|| Party { name: decided.payer_name, account: accounts::of_payer(payment.amount.currency) });
    let plan = PayinPlan { merchant: payment.merchant, payment: payment.id, debtor, steps };
    bank.play(plan).await.map_err(|_| Unavailable::Store)
}

/// The stored number of a decision.
pub(crate) fn number_of(decision: Decision) -> u8 {
    match decision {
        Decision::Authorise => 0,
        Decision::Decline => 1,
        Decision::KeepPending => 2,
    }
}

/// The decision of a stored number.
pub(crate) fn decision_of(number: u8) -> Result<Decision, Malformed> {
    Ok(match number {
        0 => Decision::Authorise,
        1 => Decision::Decline,
        2 => Decision::KeepPending,
        _ => return Err(Malformed),
    })
}
