//! Tables for the pure parts: states, reasons, refusals.

use crate::banked_v3::config::Config;
use crate::banked_v3::errors::{self, Shape, TOKEN_PATH};
use crate::banked_v3::states;
use refundry_domain::id::{AccountId, MandateId};
use refundry_domain::reason::{BankCode, Failure, FailureKind};
use refundry_domain::refund::{Funding, RefundState};
use refundry_domain::refusal::Refusal;
use refundry_testkit::make;
use serde_json::Value;
use std::fmt::Write;

const FLOAT: Funding = Funding::Held { account: AccountId(1) };
const MANDATE: Funding = Funding::Mandate { mandate: MandateId(1), debtor_account: None };

// conformance: banked 85
#[test]
fn every_state_has_its_words() {
    let mut table = String::new();
    for state in make::refund_states() {
        let shown = states::refund(state, FLOAT, false);
        let first = states::refund_event(state, true, false).unwrap_or("-");
        let later = states::refund_event(state, false, false).unwrap_or("-");
        let reason = shown.reason.map_or("-", |reason| reason.code);
        writeln!(table, "{} {} {reason} {first} {later}", state.code(), shown.status).unwrap();
    }
    let expected = "\
awaiting_details PENDING - refund_pending -
awaiting_settlement PENDING - refund_pending -
awaiting_approval PENDING - refund_pending -
awaiting_funds PENDING - refund_pending -
awaiting_authorisation PENDING - refund_pending -
ready PENDING - refund_pending -
submitted PENDING - refund_pending -
settled SENT - refund_sent refund_sent
settled SENT - refund_sent refund_sent
settled SENT - refund_sent refund_sent
failed FAILED BANK_REJECTED refund_failed refund_failed
failed FAILED UNKNOWN refund_failed refund_failed
rejected FAILED REFUND_REJECTED refund_failed refund_failed
cancelled FAILED REFUND_CANCELED refund_failed refund_failed
cancelled FAILED REFUND_CANCELED refund_failed refund_failed
expired FAILED PAYMENT_EXPIRED refund_failed refund_failed
expired FAILED PAYMENT_EXPIRED refund_failed refund_failed
returned SENT - - -
returned SENT - - -
";
    assert_eq!(table, expected);
}

#[test]
fn lists_by_status_cover_every_state_once() {
    for canceled_state in [false, true] {
        for state in make::refund_states() {
            let shown = states::refund(state, FLOAT, canceled_state).status;
            for status in ["PENDING", "SENT", "FAILED", "CANCELED"] {
                let listed = states::native_states(status, canceled_state).unwrap_or_default();
                let expected = status == shown;
                assert_eq!(listed.iter().any(|word| word == state.code()), expected, "{status} {}", state.code());
            }
        }
    }
    assert_eq!(states::native_states("sent", false), None);
}

#[test]
fn every_failure_has_its_code() {
    let mut table = String::new();
    for kind in FailureKind::ALL {
        let state = RefundState::Failed { failure: Failure::of(*kind) };
        let reason = states::refund(state, FLOAT, false).reason.unwrap();
        writeln!(table, "{} {}: {}", kind.code(), reason.code, reason.message).unwrap();
    }
    let expected = "\
account_invalid BANK_REJECTED: Bank Rejected Refund
own_account PAYER_ACCOUNT_NOT_FOUND: Merchant Account Was Not Found
account_closed BANK_REJECTED: Bank Rejected Refund
account_blocked BANK_REJECTED: Bank Rejected Refund
name_mismatch BANK_REJECTED: Bank Rejected Refund
payee_deceased BANK_REJECTED: Bank Rejected Refund
insufficient_funds INSUFFICIENT_FUNDS: Insufficient Funds
limit_exceeded BANK_REJECTED: Bank Rejected Refund
duplicate UNKNOWN: Refund Failed
unsupported BANK_REJECTED: Bank Rejected Refund
regulatory BANK_REJECTED: Bank Rejected Refund
fraud_suspect BANK_REJECTED: Bank Rejected Refund
format BANK_REJECTED: Bank Rejected Refund
cut_off BANK_REJECTED: Bank Rejected Refund
technical BANK_REJECTED: Bank Rejected Refund
unspecified UNKNOWN: Refund Failed
not_executed UNKNOWN: Refund Failed
expired PAYMENT_EXPIRED: Refund Expired
payment_failed UNKNOWN: Refund Failed
payment_short UNKNOWN: Refund Failed
payment_blocked UNKNOWN: Refund Failed
mandate_amount_exceeded MANDATE_INELIGIBLE_AMOUNT_EXCEEDED: Amount Requested Exceeds Mandate Limit
mandate_amount MANDATE_INELIGIBLE_AMOUNT: Amount Requested Does Not Fit Mandate Terms
mandate_count MANDATE_INELIGIBLE_COUNT: Mandate Payment Count Is Used Up
mandate_inactive MANDATE_INACTIVE: Mandate Is Not Active
mandate_expired MANDATE_EXPIRED: Mandate Has Expired
authorisation_declined UNKNOWN: Refund Failed
own_account_closed PAYER_ACCOUNT_CLOSED: Merchant Account Is Closed
own_account_blocked PAYER_ACCOUNT_BLOCKED: Merchant Account Is Blocked
alias_unknown ALIAS_PAYEE_NOT_FOUND: Customer Alias Was Not Found
";
    assert_eq!(table, expected);
}

#[test]
fn network_codes_say_more() {
    for (kind, code, funding, expected) in [
        (FailureKind::AccountClosed, "AC07", FLOAT, "BANK_REJECTED: Bank Rejected Refund (AC07)"),
        (FailureKind::Unspecified, "XX99", FLOAT, "BANK_REJECTED: Bank Rejected Refund (XX99)"),
        (FailureKind::Unspecified, "MD16", MANDATE, "MANDATE_INACTIVE: Mandate Is Not Active"),
        (FailureKind::Unspecified, "MD17", MANDATE, "MANDATE_INACTIVE: Mandate Is Not Active"),
        (
            FailureKind::LimitExceeded,
            "AM02",
            MANDATE,
            "MANDATE_INELIGIBLE_AMOUNT_EXCEEDED: Amount Requested Exceeds Mandate Limit",
        ),
        (FailureKind::LimitExceeded, "AM14", FLOAT, "BANK_REJECTED: Bank Rejected Refund (AM14)"),
        (FailureKind::OwnAccount, "AC02", MANDATE, "PAYER_ACCOUNT_NOT_FOUND: Merchant Account Was Not Found"),
        (FailureKind::OwnAccount, "AC05", MANDATE, "PAYER_ACCOUNT_CLOSED: Merchant Account Is Closed"),
        (FailureKind::InsufficientFunds, "AM04", MANDATE, "INSUFFICIENT_FUNDS: Insufficient Funds"),
    ] {
        let failure = Failure { kind, bank_code: BankCode::parse(code) };
        let reason = states::refund(RefundState::Failed { failure }, funding, false).reason.unwrap();
        assert_eq!(format!("{}: {}", reason.code, reason.message), expected);
    }
}

#[test]
fn every_refusal_is_a_client_error_in_every_shape() {
    let config = Config::read(&Value::Null).unwrap();
    for refusal in Refusal::one_of_each() {
        for (fault, shape) in [
            (errors::of_refusal(refusal, TOKEN_PATH), Shape::V3),
            (errors::of_refusal(refusal, TOKEN_PATH), Shape::V2),
            (errors::of_payin_refusal(refusal), Shape::Payin),
        ] {
            let reply = fault.reply(shape, &config);
            let json: Value = serde_json::from_slice(&reply.body).unwrap();
            assert!(matches!(reply.status, 400 | 404 | 409 | 422), "{refusal:?} {shape:?}: {}", reply.status);
            assert!(json["errors"][0]["code"].is_string(), "{json}");
            if shape == Shape::V3 {
                assert_ne!(reply.status, 422, "{refusal:?}");
            }
        }
    }
}

#[test]
fn schema_faults_may_have_another_status() {
    let config = Config::read(&serde_json::json!({ "v3_schema_status": 422 })).unwrap();
    let status = |fault: errors::Fault| fault.reply(Shape::V3, &config).status;
    assert_eq!(status(errors::Fault::of_body(vec![])), 422);
    assert_eq!(status(errors::of_refusal(Refusal::AlreadyRefunded, TOKEN_PATH)), 400);
}
