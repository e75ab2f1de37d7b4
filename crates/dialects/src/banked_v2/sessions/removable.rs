//! Which session may be deleted, and how a deletion and a consent at the same
//! moment do not both count.

use super::{Found, find};
use crate::banked::App;
use crate::banked_v2::DIALECT;
use crate::banked_v2::auth::Caller;
use crate::banked_v2::errors::{Fault, no_session, not_now};
use crate::banked_v2::extension::SessionExtension;
use refundry_domain::command::Command;
use refundry_domain::id::PaymentId;
use refundry_domain::payment::PaymentState;
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::hosted::Decision;
use std::sync::Arc;

/// How often a deletion tries again when somebody else was faster.
const ATTEMPT_COUNT_MAX: usize = 5;

/// The payment behind a session that may be deleted. A payer decides by
/// writing the decision down before the bank hears of it; so does whoever
/// deletes: of a consent and a deletion at the same moment one comes first,
/// and the other finds it.
pub(super) async fn removable(app: &App, caller: &Caller, id: &str) -> Result<PaymentId, Fault> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let payment = match find(app, caller, id).await? {
            Found::Nothing => return Err(no_session()),
            Found::Refund { .. } => return Err(not_now("belongs to a refund")),
            Found::Payment { payment, .. } => payment,
        };
        let extension = SessionExtension::of(&payment).filter(|_| *payment.origin.dialect == *DIALECT);
        let Some(extension) = extension else { return Err(not_now("was not made through this API")) };
        match (payment.state, extension.decision) {
            (PaymentState::Open, Some(Decision::Decline)) => return Ok(payment.id),
            (PaymentState::Open, None) => {}
            (PaymentState::Open, Some(Decision::Authorise | Decision::KeepPending))
            | (
                PaymentState::Authorised
                | PaymentState::Executed
                | PaymentState::Settled
                | PaymentState::Failed
                | PaymentState::Reversed,
                _,
            ) => return Err(not_now("the payer has consented")),
        }
        let declined = SessionExtension { decision: Some(Decision::Decline), ..extension };
        let command = Command::AnnotatePayment {
            payment: payment.id,
            before: Arc::clone(&payment.extension),
            extension: declined.encode(),
        };
        let envelope = Envelope::command(caller.merchant, caller.actor(), command);
        // Taken or not: the next round reads what is written.
        let _ = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
    }
    Err(Fault::of_unavailable(Unavailable::Overloaded))
}
