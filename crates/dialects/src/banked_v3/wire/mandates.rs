//! A mandate in a webhook. The provider's pages know two generations of it:
//! one with `state`, one with `status_details` in the v3 envelope. Ours has
//! the members of both, so that a receiver of either finds what it reads.

use super::{ACCOUNT_TYPE, BankAccount, EventHead, StatusDetails};
use crate::banked_v3::states::{self, MandateShown};
use crate::print::{Text, rfc3339_nanos, uuid};
use refundry_domain::mandate::Mandate;
use refundry_domain::rules::Environment;
use serde::Serialize;

/// Length of `YYYY-MM-DD` at the beginning of a time.
const DATE_LENGTH: usize = 10;

/// A mandate as it was at an event.
#[derive(Serialize)]
struct MandateBody<'a> {
    created_at: Text<30>,
    currency: &'a str,
    debtor_account: Option<BankAccount>,
    external_reference: Option<&'a str>,
    id: Text<36>,
    mode: &'static str,
    /// No network has given it an id.
    network_mandate_id: (),
    payments_terms: PaymentsTerms,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<StateReason>,
    status_details: StatusDetails<'a>,
    updated_at: Text<30>,
    /// Mandates have no end of their own here.
    validity_end_date: (),
    validity_start_date: &'a str,
}

#[derive(Serialize)]
struct PaymentsTerms {
    variable_terms: VariableTerms,
}

#[derive(Serialize)]
struct VariableTerms {
    count_per_period: Option<u32>,
    frequency: &'static str,
    max_payment_amount: Option<u64>,
}

#[derive(Serialize)]
struct StateReason {
    code: &'static str,
    /// What the network said; it said nothing.
    network_code: (),
}

/// The body of a mandate's webhook: its terms, which never change, and the
/// state that it entered.
pub(in super::super) fn mandate_event(
    head: EventHead,
    mandate: &Mandate,
    shown: &MandateShown,
    environment: Environment,
) -> Vec<u8> {
    let created_at = rfc3339_nanos(mandate.created_at);
    let terms = VariableTerms {
        count_per_period: mandate.count_max,
        frequency: states::frequency(mandate.period),
        // An amount alone means exactly that one.
        max_payment_amount: mandate.amount_max.or(mandate.amount),
    };
    let account = mandate.debtor_account;
    let body = MandateBody {
        created_at,
        currency: mandate.currency.code(),
        debtor_account: account.map(|id| BankAccount { account_type: ACCOUNT_TYPE, bank_account_id: uuid(id.0) }),
        external_reference: mandate.merchant_reference.as_deref(),
        id: uuid(mandate.id.0),
        mode: match environment {
            Environment::Live => "live",
            Environment::Sandbox => "test",
        },
        network_mandate_id: (),
        payments_terms: PaymentsTerms { variable_terms: terms },
        state: shown.state,
        state_reason: shown.reason.map(|code| StateReason { code, network_code: () }),
        status_details: StatusDetails { reason: None, status: shown.status },
        updated_at: rfc3339_nanos(head.at),
        validity_end_date: (),
        validity_start_date: created_at.as_str().get(..DATE_LENGTH).unwrap_or_default(),
    };
    head.around(body, 1)
}
