//! Tables for the pure parts of payments: wishes, states, steps, providers.

use crate::json;
use crate::truelayer::extension::{Choice, Deed, Flow, PaymentExtension, Step};
use crate::truelayer::providers::catalogue::{self, Filter};
use crate::truelayer::states::payments as states;
use crate::truelayer::wire::flow::Returned;
use crate::truelayer::wire::payments::request::{Beneficiary, Limits, PaymentRequest, Selection};
use refundry_domain::id::{AccountId, MerchantId, PaymentId};
use refundry_domain::money::Currency;
use refundry_domain::payment::{Payment, PaymentFailure, PaymentFailureReason, PaymentState};
use refundry_testkit::make;
use serde_json::{Value, json};

const ACCOUNT: &str = "325735de-60d3-4781-92ad-1ecdc2343cf3";
const LIMITS: Limits<'static> = Limits { sandbox: true, verify_check_digits: false, return_uris: &[] };

fn wish() -> Value {
    json!({
        "amount_in_minor": 7450, "currency": "GBP",
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": {
                "type": "preselected", "provider_id": "mock-payments-gb-redirect",
                "scheme_id": "faster_payments_service",
            },
            "beneficiary": { "type": "merchant_account", "merchant_account_id": ACCOUNT },
        },
        "user": { "name": "Ida Korhonen", "email": "ida@example.org" },
        "metadata": { "order": "FB-2093" },
    })
}

/// The wish with another value at a path of names.
fn with(path: &str, value: Value) -> Value {
    let mut wish = wish();
    let mut place = &mut wish;
    for name in path.split('.') {
        if place.get(name).is_none() {
            place[name] = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
    wish
}

fn read(body: &Value, limits: Limits<'_>) -> Result<PaymentRequest, Vec<String>> {
    let as_sent = json::parse(body.to_string().as_bytes()).unwrap();
    let plain = crate::truelayer::idempotency::read(body.to_string().as_bytes()).unwrap();
    let config = crate::truelayer::config::Config::read(&Value::Null).unwrap();
    PaymentRequest::read(&plain, &as_sent, limits).map_err(|fault| {
        let body: Value = serde_json::from_slice(&fault.body(&config, "t")).unwrap();
        assert_eq!(body["status"], 400, "{body}");
        body["errors"].as_object().map(|errors| errors.keys().cloned().collect()).unwrap_or_default()
    })
}

// conformance: truelayer 12
#[test]
fn explicit_nulls_change_nothing() {
    let plain = read(&wish(), LIMITS).unwrap();
    assert_eq!(plain.beneficiary, Beneficiary::MerchantAccount(AccountId::parse(ACCOUNT).unwrap()));
    for path in [
        "payment_method.provider_selection.remitter",
        "payment_method.provider_selection.scheme_selection",
        "payment_method.beneficiary.account_holder_name",
        "payment_method.beneficiary.reference",
        "payment_method.beneficiary.verification",
        "payment_method.retry",
        "user.phone",
        "user.id",
        "user.date_of_birth",
        "user.address",
        "authorization_flow",
        "hosted_page",
        "related_products",
        "risk_assessment",
        "sub_merchants",
        "retry",
    ] {
        assert_eq!(read(&with(path, Value::Null), LIMITS).as_ref(), Ok(&plain), "{path}");
    }
    let mut bare = wish();
    bare["metadata"] = Value::Null;
    assert_eq!(read(&bare, LIMITS).unwrap().metadata, []);
    let selected =
        |filter: Value| with("payment_method.provider_selection", json!({ "type": "user_selected", "filter": filter }));
    let nulls = json!({
        "countries": null, "release_channel": null, "customer_segments": null, "provider_ids": null,
        "excludes": { "provider_ids": null },
    });
    assert_eq!(
        read(&selected(nulls), LIMITS).unwrap().selection,
        read(&selected(Value::Null), LIMITS).unwrap().selection
    );
}

#[test]
fn what_is_wrong_is_named() {
    let selection = "payment_method.provider_selection";
    let beneficiary = "payment_method.beneficiary";
    for (path, value, named) in [
        ("amount_in_minor", json!(0), "amount_in_minor"),
        ("amount_in_minor", json!("7450"), "amount_in_minor"),
        ("amount_in_minor", json!(1.5), "amount_in_minor"),
        ("amount_in_minor", Value::Null, "amount_in_minor"),
        ("amount_in_minor", json!(5_000_001), "amount_in_minor"),
        ("currency", json!("AUD"), "currency"),
        ("currency", Value::Null, "currency"),
        ("payment_method", Value::Null, "payment_method"),
        ("payment_method.type", json!("mandate"), "payment_method.type"),
        ("payment_method.beneficiary", Value::Null, beneficiary),
        ("payment_method.beneficiary.type", json!("user_determined"), "payment_method.beneficiary.type"),
        (
            "payment_method.beneficiary.merchant_account_id",
            json!("x"),
            "payment_method.beneficiary.merchant_account_id",
        ),
        (
            beneficiary,
            json!({ "type": "external_account", "account_holder_name": "A", "reference": "r" }),
            "payment_method.beneficiary.account_identifier",
        ),
        (
            "payment_method.provider_selection.provider_id",
            json!("mock-payments-xx"),
            "payment_method.provider_selection.provider_id",
        ),
        (
            "payment_method.provider_selection.provider_id",
            json!("mock-payments-de-redirect"),
            "payment_method.provider_selection.provider_id",
        ),
        (
            "payment_method.provider_selection.scheme_id",
            json!("sepa_credit_transfer"),
            "payment_method.provider_selection.scheme_id",
        ),
        (
            selection,
            json!({ "type": "user_selected", "filter": { "countries": ["DE"] } }),
            "payment_method.provider_selection.filter",
        ),
        ("currency", json!("EUR"), "currency"),
        (selection, json!({ "type": "user_selected", "filter": { "countries": ["DE"] } }), "currency"),
        ("user.id", json!("ida"), "user.id"),
        ("user.name", json!(7), "user.name"),
        ("metadata", json!({ "a": null }), "metadata"),
        ("authorization_flow.redirect.return_uri", json!("/back"), "authorization_flow.redirect.return_uri"),
        ("authorization_flow.redirect.return_uri", json!("ftp://a/b"), "authorization_flow.redirect.return_uri"),
        ("authorization_flow.redirect.return_uri", json!(" https://a/b"), "authorization_flow.redirect.return_uri"),
        ("authorization_flow.redirect.return_uri", json!("https://a/b c"), "authorization_flow.redirect.return_uri"),
    ] {
        let named_in = read(&with(path, value.clone()), LIMITS).unwrap_err();
        assert!(named_in.iter().any(|name| name == named), "{path} {value}: {named_in:?}");
    }
    assert!(!read(&json!([]), LIMITS).unwrap_err().is_empty());
    let live = Limits { sandbox: false, ..LIMITS };
    assert!(read(&with("amount_in_minor", json!(5_000_001)), live).is_ok());
    assert!(read(&with("amount_in_minor", json!(5_000_000)), LIMITS).is_ok());
}

#[test]
fn return_addresses_can_be_limited() {
    let allowed = ["https://shop.example.org/pay/".to_owned()];
    let limits = Limits { return_uris: &allowed, ..LIMITS };
    let to = |uri: &str| read(&with("authorization_flow.redirect.return_uri", json!(uri)), limits).is_ok();
    assert!(to("https://shop.example.org/pay/back?order=1"));
    for other in
        ["https://shop.example.org.evil.example/pay/", "http://shop.example.org/pay/", "https://shop.example.org/"]
    {
        assert!(!to(other), "{other}");
    }
    assert!(
        read(&with("authorization_flow.redirect.return_uri", json!("http://localhost:3000/callback")), LIMITS).is_ok()
    );
}

#[test]
fn schemes_follow_the_clients_wish() {
    let scheme = |selection: Value| {
        let mut wish = with("payment_method.provider_selection", selection);
        wish["currency"] = json!("EUR");
        match read(&wish, LIMITS).unwrap().selection {
            Selection::Preselected { scheme, provider: _ } => scheme,
            Selection::UserSelected(_) => "-",
        }
    };
    let french = |scheme_selection: Value| json!({ "type": "preselected", "provider_id": "mock-payments-fr-redirect", "scheme_selection": scheme_selection });
    assert_eq!(scheme(french(Value::Null)), "sepa_credit_transfer");
    assert_eq!(scheme(french(json!({ "type": "instant_only" }))), "sepa_credit_transfer_instant");
    assert_eq!(scheme(french(json!({ "type": "instant_preferred" }))), "sepa_credit_transfer_instant");
    let chosen = json!({ "type": "preselected", "scheme_id": "sepa_credit_transfer_instant" });
    assert_eq!(scheme(french(chosen)), "sepa_credit_transfer_instant");
}

fn payment(state: PaymentState, failure: Option<PaymentFailure>) -> Payment {
    let account = make::account(AccountId(1), MerchantId(2), Currency::GBP);
    Payment { state, failure, ..make::payment(PaymentId(3), &account, 100) }
}

fn extension(step: Option<(Step, Option<Deed>)>) -> PaymentExtension {
    let flow = step.map(|(step, deed)| Flow {
        consent: false,
        form: false,
        return_uri: None,
        direct_return_uri: None,
        step,
        choice: deed.map(|deed| Choice { deed, execution_delay: None, settlement_delay: None }),
    });
    PaymentExtension { flow, ..PaymentExtension::default() }
}

// conformance: truelayer 87
#[test]
fn every_state_of_a_payment_has_its_words() {
    let open = [
        (None, "authorization_required - -"),
        (Some((Step::ProviderSelection, None)), "authorizing - -"),
        (Some((Step::Consent, None)), "authorizing - -"),
        (Some((Step::Form, None)), "authorizing - -"),
        (Some((Step::Redirect, Some(Deed::Execute))), "authorizing - -"),
        (Some((Step::Wait, Some(Deed::Execute))), "authorizing - -"),
        (Some((Step::Retry, Some(Deed::RejectAuthorisation))), "attempt_failed authorizing authorization_failed"),
        (Some((Step::Retry, Some(Deed::RejectExecution))), "attempt_failed authorized provider_rejected"),
        (Some((Step::Retry, Some(Deed::Cancel))), "attempt_failed authorizing not_authorized"),
    ];
    let show = |payment: &Payment, extension: Option<&PaymentExtension>| {
        let shown = states::payment(payment, extension);
        let (stage, reason) = shown.failed.map_or(("-", "-"), |failed| (failed.stage, failed.reason));
        format!("{} {stage} {reason}", shown.status)
    };
    for (step, words) in open {
        assert_eq!(show(&payment(PaymentState::Open, None), Some(&extension(step))), words, "{step:?}");
    }
    let mut blocked = payment(PaymentState::Settled, None);
    blocked.blocks.push(refundry_domain::payment::PaymentBlock {
        code: refundry_domain::payment::PaymentBlockCode::Recall,
        at: make::AT,
    });
    assert_eq!(show(&blocked, None), "settled - -");
    for (state, words) in [
        (PaymentState::Authorised, "authorized - -"),
        (PaymentState::Executed, "executed - -"),
        (PaymentState::Settled, "settled - -"),
        (PaymentState::Reversed, "settled - -"),
        (PaymentState::Failed, "failed authorization_required rejected"),
    ] {
        assert_eq!(show(&payment(state, None), None), words);
    }
    let reasons =
        ["authorization_failed", "not_authorized", "provider_rejected", "rejected", "canceled", "expired", "rejected"];
    for (reason, word) in PaymentFailureReason::ALL.into_iter().zip(reasons) {
        for (stage, stage_word) in [
            (PaymentState::Open, if word == "canceled" { "authorization_required" } else { "authorizing" }),
            (PaymentState::Authorised, "authorized"),
            (PaymentState::Executed, "authorized"),
        ] {
            let failed = payment(PaymentState::Failed, Some(PaymentFailure { stage, reason }));
            let known = extension(Some((Step::Wait, None)));
            assert_eq!(show(&failed, Some(&known)), format!("failed {stage_word} {word}"));
        }
    }
}

#[test]
fn both_parts_of_an_address_come_with_or_without_their_signs() {
    for (query, fragment) in [("?mock-payment-id=a%20b", "#token=t"), ("mock-payment-id=a+b", "token=t")] {
        let body = json!({ "query": query, "fragment": fragment }).to_string();
        let returned = Returned::read(&json::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(returned.value("mock-payment-id").as_deref(), Some("a b"));
        assert_eq!(returned.value("token").as_deref(), Some("t"));
        assert_eq!(returned.value("other"), None);
    }
    assert!(Returned::read(&json::parse(b"{}").unwrap()).is_ok());
    assert!(Returned::read(&json::parse(br#"{"query":7}"#).unwrap()).is_err());
}

#[test]
fn filters_leave_what_they_name() {
    let ids = |filter: Filter| filter.providers().map(|provider| provider.id).collect::<Vec<_>>();
    assert_eq!(ids(Filter::default()).len(), 8);
    let german = Filter { countries: Some(vec!["DE".into()]), ..Filter::default() };
    assert_eq!(ids(german.clone()).len(), 3);
    let but = Filter { except: vec!["mock-payments-de-embedded".into()], ..german };
    assert_eq!(ids(but), ["mock-payments-de-redirect", "mock-payments-de-redirect-additional-input-text"]);
    let only = Filter { only: Some(vec!["mock-payments-pl-redirect".into()]), ..Filter::default() };
    assert_eq!(ids(only.clone()), ["mock-payments-pl-redirect"]);
    assert_eq!(only.paying(Currency::GBP).count(), 0);
    assert!(catalogue::countries().all(|country| country.len() == 2));
    for provider in Filter::default().providers() {
        assert_eq!(provider.questions.is_empty(), !provider.asks(true), "{}", provider.id);
    }
}
