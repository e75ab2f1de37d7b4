//! Errors in this generation's words: the fields that refusals are blamed on.
//! Shapes and the total map from our refusals are the family's.

pub(super) use crate::banked::errors::{Fault, Kind, Reply, Shape, to_json};

use crate::banked::errors::{self, Blame};
use refundry_domain::refusal::Refusal;

/// Path of the pay-in's id in a refund request.
pub(super) const PAYIN_PATH: &str = "original_payin_information/id";
/// Path of the mandate's token.
pub(super) const TOKEN_PATH: &str = "processing_method/mandate/token";
/// Path of the float account's id.
pub(super) const FLOAT_PATH: &str = "processing_method/debtor_account/bank_account_id";

/// The error for a refused refund. `funding` is the path of the mandate's
/// token or of the float account, as the request chose.
pub(super) fn of_refusal(refusal: Refusal, funding: &'static str) -> Fault {
    errors::of_refusal(refusal, Blame { payment: PAYIN_PATH, funding })
}

/// The error for a refused pay-in: the same words, with its own paths.
pub(crate) fn of_payin_refusal(refusal: Refusal) -> Fault {
    const ACCOUNT: &str = "creditor_account/bank_account_id";
    if refusal == Refusal::AccountUnknown {
        return Fault::of(Kind::BankAccount, "No such bank account", ACCOUNT, "no such bank account");
    }
    if refusal == Refusal::CurrencyMismatch {
        return Fault::of(Kind::BankAccount, "The account has another currency", ACCOUNT, "another currency");
    }
    of_refusal(refusal, ACCOUNT)
}
