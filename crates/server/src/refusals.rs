//! The core's refusals, and the engine's being away, as native problems.

use crate::problem::Problem;
use http::StatusCode;
use refundry_domain::refusal::{DependsOn, Refusal};
use refundry_engine::envelope::Unavailable;

/// The status of a refusal; the same as in the native dialect.
fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::PaymentUnknown
        | Refusal::PayoutUnknown
        | Refusal::RefundUnknown
        | Refusal::AccountUnknown
        | Refusal::MandateUnknown
        | Refusal::EndpointUnknown
        | Refusal::CaseUnknown => StatusCode::NOT_FOUND,
        Refusal::AmountNotPositive
        | Refusal::AmountExceedsRefundable { .. }
        | Refusal::CurrencyMismatch
        | Refusal::AccountNotEligible
        | Refusal::PayeeMismatch
        | Refusal::KeyReused
        | Refusal::AmountTooLarge
        | Refusal::FundingCurrency
        | Refusal::FeeTooLarge
        | Refusal::CreditorMissing => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::SelfApproval | Refusal::NotEligible | Refusal::MorePeopleNeeded => StatusCode::FORBIDDEN,
        Refusal::AlreadyRefunded
        | Refusal::PaymentNotSettled
        | Refusal::PaymentFailed
        | Refusal::PaymentBlocked
        | Refusal::InsufficientFunds { .. }
        | Refusal::MandateNotActive
        | Refusal::AlreadySubmitted
        | Refusal::AlreadyEnded
        | Refusal::NotAwaited
        | Refusal::AlreadyDecided
        | Refusal::ApprovalExpired
        | Refusal::ProofMissing
        | Refusal::TooManyAttempts
        | Refusal::DuplicateSuspect
        | Refusal::DuplicateReference
        | Refusal::TransitionImpossible
        | Refusal::AlreadyExists
        | Refusal::RefundBlocked
        | Refusal::Changed
        | Refusal::TooManyEndpoints => StatusCode::CONFLICT,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let status = status(refusal);
        let problem = Self::new(status, code, format!("The command was refused: {}.", code.replace('_', " ")));
        match refusal.depends_on() {
            DependsOn::World if status == StatusCode::CONFLICT => problem.passing(),
            DependsOn::World | DependsOn::Input => problem,
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let (status, code, detail) = match unavailable {
            Unavailable::Overloaded => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "The server has too much to do.")
            }
            Unavailable::Store => {
                (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", "The storage is not available.")
            }
            Unavailable::InFlight => {
                (StatusCode::CONFLICT, "request_in_progress", "A request with this key is in progress.")
            }
            Unavailable::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server is stopping."),
        };
        Self::new(status, code, detail).passing()
    }
}
