//! Total maps from the states of a payment to this provider's words
//! (contract 3.3).

use crate::truelayer::extension::{Deed, Flow, PaymentExtension, Step};
use refundry_domain::payment::{Payment, PaymentFailureReason, PaymentState};

/// The client has to begin the authorisation.
pub(in crate::truelayer) const AUTHORIZATION_REQUIRED: &str = "authorization_required";
/// The authorisation is under way.
pub(in crate::truelayer) const AUTHORIZING: &str = "authorizing";
/// The payer did not pay, and may try again.
pub(in crate::truelayer) const ATTEMPT_FAILED: &str = "attempt_failed";
const AUTHORIZED: &str = "authorized";
const FAILED: &str = "failed";

/// Where and why a payment or an attempt failed, in this provider's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) struct Failed {
    /// Where it stood.
    pub(in crate::truelayer) stage: &'static str,
    /// Why.
    pub(in crate::truelayer) reason: &'static str,
}

/// What a payment shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) struct Shown {
    /// The status word.
    pub(in crate::truelayer) status: &'static str,
    /// Where and why it failed.
    pub(in crate::truelayer) failed: Option<Failed>,
}

/// What a payment shows. Blocks, cases and a recall after it settled have no
/// word here.
pub(in crate::truelayer) fn payment(payment: &Payment, extension: Option<&PaymentExtension>) -> Shown {
    let plain = |status| Shown { status, failed: None };
    let flow = extension.and_then(|extension| extension.flow.as_ref());
    match payment.state {
        PaymentState::Open => open(flow),
        PaymentState::Authorised => plain(AUTHORIZED),
        PaymentState::Executed => plain("executed"),
        PaymentState::Settled | PaymentState::Reversed => plain("settled"),
        PaymentState::Failed => {
            let failure = payment.failure;
            let stage = failure.map_or(PaymentState::Open, |failure| failure.stage);
            let reason = failure.map_or(PaymentFailureReason::Other, |failure| failure.reason);
            let failed = Failed { stage: stage_word(stage, reason, flow.is_some()), reason: reason_word(reason) };
            Shown { status: FAILED, failed: Some(failed) }
        }
    }
}

fn open(flow: Option<&Flow>) -> Shown {
    match flow {
        None => Shown { status: AUTHORIZATION_REQUIRED, failed: None },
        Some(flow) if flow.step == Step::Retry => {
            let failed = flow.choice.and_then(|choice| attempt_failed(choice.deed));
            Shown { status: ATTEMPT_FAILED, failed }
        }
        Some(_) => Shown { status: AUTHORIZING, failed: None },
    }
}

/// How an attempt failed that did not end its payment; none for one that paid.
fn attempt_failed(deed: Deed) -> Option<Failed> {
    let (stage, reason) = failure_of(deed)?;
    Some(Failed { stage: stage_word(stage, reason, true), reason: reason_word(reason) })
}

/// Where and why a payment fails when the payer does this; none when it does
/// not (contract 8.3).
pub(in crate::truelayer) fn failure_of(deed: Deed) -> Option<(PaymentState, PaymentFailureReason)> {
    match deed {
        Deed::Execute => None,
        Deed::RejectAuthorisation => Some((PaymentState::Open, PaymentFailureReason::AuthorisationFailed)),
        Deed::RejectExecution => Some((PaymentState::Authorised, PaymentFailureReason::RejectedByBank)),
        Deed::Cancel => Some((PaymentState::Open, PaymentFailureReason::NotAuthorised)),
    }
}

fn stage_word(stage: PaymentState, reason: PaymentFailureReason, flow_began: bool) -> &'static str {
    match stage {
        // A cancelled payment names the first stage, however far it came.
        PaymentState::Open if !flow_began || reason == PaymentFailureReason::Cancelled => AUTHORIZATION_REQUIRED,
        PaymentState::Open => AUTHORIZING,
        PaymentState::Authorised
        | PaymentState::Executed
        | PaymentState::Settled
        | PaymentState::Failed
        | PaymentState::Reversed => AUTHORIZED,
    }
}

fn reason_word(reason: PaymentFailureReason) -> &'static str {
    match reason {
        PaymentFailureReason::AuthorisationFailed => "authorization_failed",
        PaymentFailureReason::NotAuthorised => "not_authorized",
        PaymentFailureReason::RejectedByBank => "provider_rejected",
        PaymentFailureReason::RejectedByScheme | PaymentFailureReason::Other => "rejected",
        PaymentFailureReason::Cancelled => "canceled",
        PaymentFailureReason::Expired => "expired",
    }
}
