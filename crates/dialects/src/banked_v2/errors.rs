//! Errors in this generation's words. Shapes and the total map from our
//! refusals are the family's.

pub(super) use crate::banked::errors::{Fault, Kind, Reply, Shape, to_json};

use crate::banked::errors::{self, Blame};
use refundry_domain::refusal::Refusal;

/// How refunds name the session that they give back.
pub(super) const SESSION_PATH: &str = "payment_session_id";
/// How requests name the account of a customer or merchant.
pub(super) const PAYEE_PATH: &str = "payee";

/// Nobody whom the caller may see has this session.
pub(super) fn no_session() -> Fault {
    Fault::not_found("No such payment session")
}

/// Nobody whom the caller may see has this refund.
pub(super) fn no_refund() -> Fault {
    Fault::not_found("No such refund")
}

/// The session's state does not allow this.
pub(super) fn not_now(reason: &'static str) -> Fault {
    Fault::of(Kind::Action, "This cannot be done with the payment session", SESSION_PATH, reason)
}

/// An account that cannot be used.
pub(super) fn no_account(reason: &'static str) -> Fault {
    Fault::of(Kind::BankAccount, "The bank account cannot be used", PAYEE_PATH, reason)
}

/// A fault of ours.
pub(super) fn unexpected() -> Fault {
    Fault::new(Kind::Internal, "Something went wrong on our side")
}

/// The error for a refusal.
pub(super) fn of_refusal(refusal: Refusal) -> Fault {
    if refusal == Refusal::PaymentUnknown {
        return no_session();
    }
    errors::of_refusal(refusal, Blame { payment: SESSION_PATH, funding: PAYEE_PATH })
}
