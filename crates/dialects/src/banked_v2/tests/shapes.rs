//! Tables for the pure parts: the words of every state.

use crate::banked_v2::config::Config;
use crate::banked_v2::{errors, states};
use refundry_domain::refund::RefundState;
use refundry_domain::refusal::Refusal;
use refundry_testkit::make;
use serde_json::Value;
use std::fmt::Write;

/// Engine state, refund, the refund's session before and after a bank was chosen.
const WORDS: &str = "\
awaiting_details awaiting_details awaiting_provider awaiting_provider
awaiting_settlement awaiting_payment awaiting_provider awaiting_provider
awaiting_approval awaiting_payment awaiting_provider awaiting_provider
awaiting_funds awaiting_payment awaiting_provider awaiting_provider
awaiting_authorisation awaiting_payment awaiting_provider awaiting_payment_consent
ready awaiting_payment awaiting_payment_consent awaiting_payment_consent
submitted awaiting_payment pending pending
settled sent sent sent
settled sent sent sent
settled externally_processed sent sent
failed failed failed failed
rejected failed failed failed
cancelled failed failed failed
expired failed failed failed
returned sent sent sent
";

// conformance: banked 85
#[test]
fn every_state_has_its_words() {
    let config = Config::read(&Value::Null).unwrap();
    let mut table = String::new();
    let mut line = String::new();
    for state in make::refund_states() {
        let words =
            (states::refund(state, &config), states::refund_session(state, false), states::refund_session(state, true));
        let next = format!("{} {} {} {}\n", state.code(), words.0, words.1, words.2);
        if next != line || matches!(state, RefundState::Settled { .. }) {
            write!(table, "{next}").unwrap();
        }
        line = next;
    }
    let distinct = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    };
    assert_eq!(distinct(&table), distinct(WORDS));
}

#[test]
fn every_word_of_a_list_has_its_states() {
    let config = Config::read(&Value::Null).unwrap();
    for state in make::refund_states() {
        let word = states::refund(state, &config);
        let native = states::native_states(word, &config).unwrap();
        assert!(native.iter().any(|code| code == state.code()), "{word}");
    }
    assert_eq!(states::native_states("PENDING", &config), None);
}

#[test]
fn every_refusal_has_a_status_that_clients_know() {
    let config = Config::read(&Value::Null).unwrap();
    for refusal in Refusal::one_of_each() {
        let reply = errors::of_refusal(refusal).reply(errors::Shape::V2, &config);
        assert!(matches!(reply.status, 400 | 404 | 409 | 422), "{refusal:?} {}", reply.status);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(body["errors"][0]["title"].is_string(), "{refusal:?}");
    }
}
