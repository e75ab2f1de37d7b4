//! Refunds: rules of acceptance, course, times, balances and webhooks.

use super::shop::{failed, part, plain};
use super::world::{FUNDED, World};
use crate::host::KeyRefused;
use crate::truelayer::extension::PaymentExtension;
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_domain::payment::{PaymentBlockCode, PaymentState};
use refundry_domain::refund::{BlockCode, CaseCode};
use refundry_domain::time::Span;
use refundry_engine::mint;
use refundry_testkit::rail::Manner;
use serde_json::{Value, json};
use std::sync::Arc;

const PAID: u64 = 7_450;

fn fault(status: u16, slug: &str, fields: &[&str]) -> (u16, String, Vec<String>) {
    (status, slug.to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

fn over() -> (u16, String, Vec<String>) {
    fault(400, "invalid-parameters", &["amount_in_minor"])
}

fn state() -> (u16, String, Vec<String>) {
    fault(400, "invalid-state", &[])
}

// conformance: truelayer 40
// conformance: truelayer 41
// conformance: truelayer 55
// conformance: truelayer 57
#[tokio::test]
async fn a_full_refund_goes_its_way() {
    let world = World::new().await;
    for body in
        [json!({ "reference": "all" }), json!({ "reference": "all", "amount_in_minor": null, "metadata": null })]
    {
        let payment = world.paid(PAID).await;
        let none = world.get(&format!("/v3/payments/{payment}/refunds")).await;
        assert_eq!((none.status, none.text()), (200, r#"{"items":[]}"#.to_owned()));
        let heard = world.ask(payment, &payment.to_string(), &body).await;
        assert_eq!(heard.status, 202, "{}", heard.text());
        assert_eq!(heard.header("tl-should-retry"), "false");
        let id = RefundId::parse(&heard.id()).unwrap();
        assert_eq!(heard.json(), json!({ "id": id.to_string() }));
        let first = world.shown(payment, id).await;
        let expected = json!({
            "id": id.to_string(), "amount_in_minor": PAID, "currency": "GBP", "status": "pending",
            "reference": "all", "created_at": first["created_at"],
        });
        assert_eq!(first, expected);
        world.clock.advance(Span::seconds(1));
        world.work().await;
        let done = world.shown(payment, id).await;
        assert_eq!(done["status"], "executed");
        for name in ["authorized_at", "executed_at"] {
            assert!(done[name].as_str().is_some_and(|at| at > first["created_at"].as_str().unwrap()), "{done}");
        }
        assert_eq!((&done["failed_at"], &done["failure_reason"]), (&Value::Null, &Value::Null));
    }
}

// conformance: truelayer 42
// conformance: truelayer 43
// conformance: truelayer 58
#[tokio::test]
async fn wrong_fields_are_named() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    let mut number = 0;
    let mut check = async |body: String, fields: &[&str]| {
        number += 1;
        let path = format!("/v3/payments/{payment}/refunds");
        let heard = world.post(&path).key(&format!("k{number}")).raw(body.clone()).send().await;
        assert_eq!(heard.problem(), fault(400, "invalid-parameters", fields), "{body}");
    };
    for amount in ["0", "-1", "1.5", "\"10\"", "1e2", "true"] {
        check(format!("{{\"reference\":\"r\",\"amount_in_minor\":{amount}}}"), &["amount_in_minor"]).await;
    }
    for reference in ["null", "\"\"", "7", "\"1234567890123456789\"", "\"a\\nb\""] {
        check(format!("{{\"reference\":{reference}}}"), &["reference"]).await;
    }
    for metadata in [
        json!({ "k": null }).to_string(),
        json!({ "k": "v".repeat(501) }).to_string(),
        json!({ "k".repeat(41): "v" }).to_string(),
        format!("{{{}}}", (0..11).map(|n| format!("\"{n}\":\"\"")).collect::<Vec<_>>().join(",")),
        "7".to_owned(),
    ] {
        check(format!("{{\"reference\":\"r\",\"metadata\":{metadata}}}"), &["metadata"]).await;
    }
    check(String::new(), &["reference"]).await;
    check("{\"amount_in_minor\":0}".to_owned(), &["amount_in_minor", "reference"]).await;
    check("{".to_owned(), &[]).await;
    check("{\"reference\":\"a\",\"reference\":\"b\"}".to_owned(), &["reference"]).await;
    let eighteen = world.ask(payment, "good", &json!({ "reference": "é".repeat(18) })).await;
    assert_eq!(eighteen.status, 202);
}

// conformance: truelayer 44
#[tokio::test]
async fn the_length_of_the_text_is_a_setting() {
    let world = World::with(json!({ "reference_length_max": 35 })).await;
    let payment = world.paid(PAID).await;
    let ask = |length: usize| {
        let body = json!({ "amount_in_minor": 1, "reference": "r".repeat(length) });
        let world = &world;
        async move { world.ask(payment, &format!("k{length}"), &body).await }
    };
    assert_eq!(ask(35).await.status, 202);
    assert_eq!(ask(36).await.problem(), fault(400, "invalid-parameters", &["reference"]));

    let cutting = World::with(json!({ "reference_overflow": "truncate" })).await;
    let payment = cutting.paid(PAID).await;
    let heard = cutting.ask(payment, "k", &json!({ "reference": "1234567890123456789" })).await;
    let id = RefundId::parse(&heard.id()).unwrap();
    assert_eq!(cutting.shown(payment, id).await["reference"], "123456789012345678");
    assert_eq!(cutting.stored_refund(id).await.remittance.as_deref(), Some("123456789012345678"));
}

// conformance: truelayer 45
// conformance: truelayer 46
#[tokio::test]
async fn parts_pass_up_to_the_payment() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    for (number, minor) in [3_000, 3_000, 1_450].into_iter().enumerate() {
        world.refund(payment, minor, &format!("k{number}")).await;
        let whole = world.ask(payment, &format!("w{number}"), &json!({ "reference": "all" })).await;
        assert_eq!(whole.problem(), over());
        assert!(whole.text().contains("original value"), "{}", whole.text());
    }
    let more = world.ask(payment, "more", &part(1)).await;
    assert_eq!(more.problem(), over());
    let text = "The total of live refunds would exceed the payment amount.";
    assert_eq!(more.json()["errors"]["amount_in_minor"], json!([text]));
    let much = world.paid(PAID).await;
    assert_eq!(world.ask(much, "much", &part(PAID + 1)).await.problem(), over());
}

// conformance: truelayer 47
// conformance: truelayer 48
// conformance: truelayer 55
#[tokio::test]
async fn what_failed_or_came_back_is_free_again() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    world.rail.next(Manner::RefuseLater("AC04"));
    let first = world.refund(payment, PAID, "1").await;
    world.work().await;
    world.rail.refuse_kept("AC04");
    world.work().await;
    assert_eq!(world.status(payment, first).await, failed("scheme_error"));
    let shown = world.shown(payment, first).await;
    assert!(shown["failed_at"].is_string() && shown["authorized_at"].is_string(), "{shown}");
    assert_eq!(shown["executed_at"], Value::Null);
    // Without an amount: no live refund is left.
    let heard = world.ask(payment, "2", &json!({ "reference": "again" })).await;
    let second = RefundId::parse(&heard.id()).unwrap();
    world.work().await;
    assert_eq!(world.status(payment, second).await, plain("executed"));
    world.give_back_newest().await;
    assert_eq!(world.status(payment, second).await, failed("returned"));
    let shown = world.shown(payment, second).await;
    for name in ["authorized_at", "executed_at", "failed_at"] {
        assert!(shown[name].is_string(), "{name}: {shown}");
    }
    world.refund(payment, PAID, "3").await;
}

// conformance: truelayer 49
#[tokio::test]
async fn parallel_parts_never_exceed_the_payment() {
    for callers in [50_u64, 200] {
        let world = Arc::new(World::new().await);
        let payment = world.paid(1_000).await;
        let asked: Vec<_> = (0..callers)
            .map(|number| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.ask(payment, &format!("k{number}"), &part(90)).await })
            })
            .collect();
        let mut made = 0;
        for call in asked {
            let heard = call.await.unwrap();
            if heard.status == 202 {
                made += 1;
            } else {
                assert_eq!(heard.problem(), over());
            }
        }
        assert_eq!(made, 11);
        let listed = world.get(&format!("/v3/payments/{payment}/refunds")).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 11);
        world.work().await;
        let paid: u64 = world.rail.payments().iter().map(|(_, amount)| amount.minor).sum();
        assert_eq!(paid, 990);
    }
}

// conformance: truelayer 50
// conformance: truelayer 52
#[tokio::test]
async fn a_refund_waits_for_its_payment() {
    let world = World::new().await;
    for state in [PaymentState::Authorised, PaymentState::Executed] {
        for (to, expected) in [(PaymentState::Settled, plain("executed")), (PaymentState::Failed, failed("unknown"))] {
            let payment = world.payment(PAID, state).await;
            let id = world.refund(payment, 100, &payment.to_string()).await;
            world.work().await;
            assert_eq!(world.status(payment, id).await, plain("pending"));
            world.advance(payment, to, None).await;
            world.work().await;
            assert_eq!(world.status(payment, id).await, expected, "{state:?} {to:?}");
        }
    }
}

// conformance: truelayer 51
#[tokio::test]
async fn only_settled_payments_is_a_setting() {
    let world = World::with(json!({ "require_settled": true })).await;
    for state_of_payment in [PaymentState::Authorised, PaymentState::Executed] {
        let payment = world.payment(PAID, state_of_payment).await;
        assert_eq!(world.ask(payment, &payment.to_string(), &part(1)).await.problem(), state());
    }
    let payment = world.paid(PAID).await;
    world.refund(payment, 1, "k").await;
}

// conformance: truelayer 53
#[tokio::test]
async fn other_payments_are_not_refundable() {
    let world = World::new().await;
    let open = world.payment(PAID, PaymentState::Open).await;
    let gone = world.payment(PAID, PaymentState::Open).await;
    world.advance(gone, PaymentState::Failed, None).await;
    let mut record = world.payment_record(PAID, PaymentState::Executed);
    record.extension = PaymentExtension { external: true, ..PaymentExtension::default() }.encode();
    let external = record.id;
    world.command(Command::RecordPayment(record)).await;
    let disputed = world.paid(PAID).await;
    world.command(Command::BlockPayment { payment: disputed, code: PaymentBlockCode::Dispute }).await;
    for payment in [open, gone, external, disputed] {
        // The state is looked at before the amount.
        assert_eq!(world.ask(payment, &payment.to_string(), &part(PAID + 1)).await.problem(), state());
    }
}

// conformance: truelayer 36
// conformance: truelayer 54
#[tokio::test]
async fn what_is_not_the_clients_is_not_found() {
    let world = World::new().await;
    let (payment, other) = (world.paid(PAID).await, world.paid(PAID).await);
    let refund = world.refund(payment, 1, "k").await;
    let nobody = PaymentId(mint::random_id());
    let stranger = world.further_client(&json!({})).await;
    let detail = async |path: String| {
        let heard = world.get(&path).await;
        assert_eq!(heard.problem(), fault(404, "not-found", &[]), "{path}");
        heard.json()["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail(format!("/v3/payments/{nobody}/refunds")).await, "Payment could not be found.");
    assert_eq!(detail(format!("/v3/payments/{nobody}/refunds/{refund}")).await, "Payment could not be found.");
    assert_eq!(detail(format!("/v3/payments/{payment}/refunds/{nobody}")).await, "Refund could not be found.");
    assert_eq!(detail(format!("/v3/payments/{payment}/refunds/x")).await, "Refund could not be found.");
    assert_eq!(detail(format!("/v3/payments/{other}/refunds/{refund}")).await, "Refund could not be found.");
    for unknown in [nobody.to_string(), "x".to_owned()] {
        let heard = world.post(&format!("/v3/payments/{unknown}/refunds")).key(&unknown).json(&part(1)).send().await;
        assert_eq!(heard.problem(), fault(404, "not-found", &[]));
    }
    let path = format!("/v3/payments/{payment}/refunds");
    let theirs = world.post(&path).by(&stranger).key("k").json(&part(1)).send().await;
    assert_eq!(theirs.problem(), fault(404, "not-found", &[]));
    // What came through another door of the merchant is everybody's.
    let foreign = world.foreign_payment(PAID).await;
    world.refund(foreign, 1, "foreign").await;
}

// conformance: truelayer 56
// conformance: truelayer 58
#[tokio::test]
async fn the_list_has_what_each_one_has() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        world.clock.advance(Span::seconds(1));
        let body =
            json!({ "amount_in_minor": 10, "reference": "r", "metadata": { "case": number.to_string(), "a": "" } });
        let heard = world.ask(payment, &format!("k{number}"), &body).await;
        ids.push(RefundId::parse(&heard.id()).unwrap());
        if number == 0 {
            world.work().await;
        }
    }
    for prefix in ["/v3", ""] {
        for end in ["", "/"] {
            let listed = world.get(&format!("{prefix}/payments/{payment}/refunds{end}")).await;
            let items = listed.json()["items"].as_array().unwrap().clone();
            assert_eq!(items.len(), ids.len());
            for (number, (item, id)) in items.into_iter().zip(&ids).enumerate() {
                assert_eq!(item["metadata"], json!({ "case": number.to_string(), "a": "" }));
                assert_eq!(item, world.shown(payment, *id).await);
            }
        }
    }
    let empty = world.ask(payment, "empty", &json!({ "amount_in_minor": 1, "reference": "r", "metadata": {} })).await;
    let id = RefundId::parse(&empty.id()).unwrap();
    assert_eq!(world.shown(payment, id).await["metadata"], Value::Null);
}

// conformance: truelayer 59
#[tokio::test]
async fn an_account_without_the_money_fails_the_refund() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    world.command(Command::SetBalance { account: world.gbp, available: PAID - 1 }).await;
    let id = world.refund(payment, PAID, "k").await;
    assert_eq!(world.status(payment, id).await, plain("pending"));
    world.work().await;
    assert_eq!(world.status(payment, id).await, failed("insufficient_funds"));
    assert_eq!(world.balances(world.gbp).await, (PAID - 1, PAID - 1));
    world.refund(payment, PAID - 1, "less").await;
}

// conformance: truelayer 60
#[tokio::test]
async fn balances_move_at_their_moments() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    world.command(Command::SetBalance { account: world.gbp, available: FUNDED }).await;
    world.rail.next(Manner::Keep);
    world.refund(payment, PAID, "k").await;
    let shown = async || {
        let heard = world.get(&format!("/v3/merchant-accounts/{}", world.gbp)).await.json();
        let minor = |name: &str| heard[name].as_u64().unwrap();
        (minor("available_balance_in_minor"), minor("current_balance_in_minor"))
    };
    assert_eq!(shown().await, (FUNDED, FUNDED));
    world.work().await;
    assert_eq!(shown().await, (FUNDED - PAID, FUNDED));
    world.rail.pay_kept();
    world.work().await;
    assert_eq!(shown().await, (FUNDED - PAID, FUNDED - PAID));
    world.give_back_newest().await;
    assert_eq!(shown().await, (FUNDED, FUNDED));
}

// conformance: truelayer 87
#[tokio::test]
async fn blocks_and_cases_do_not_show() {
    let world = World::with(json!({ "access_token_ttl": 2_000_000 })).await;
    let payment = world.paid(PAID).await;
    let id = world.refund(payment, 1, "held").await;
    world.command(Command::PlaceBlock { refund: id, code: BlockCode::Operator }).await;
    world.work().await;
    assert_eq!(world.status(payment, id).await, plain("pending"));
    world.command(Command::LiftBlock { refund: id, code: BlockCode::Operator }).await;
    world.rail.next(Manner::Keep);
    world.work().await;
    // After a day without an answer a case is open; the clock ends nothing.
    world.wait(Span::days(2)).await;
    assert!(world.stored_refund(id).await.has_open_case(CaseCode::Overdue));
    assert_eq!(world.status(payment, id).await, plain("authorized"));
    world.rail.pay_kept();
    world.work().await;
    assert!(world.stored_refund(id).await.has_open_case(CaseCode::Overdue));
    assert_eq!(world.status(payment, id).await, plain("executed"));
}

// conformance: truelayer 88
#[tokio::test]
async fn a_recall_stops_further_refunds_only() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    let id = world.refund(payment, 100, "k").await;
    world.work().await;
    world.command(Command::ReversePayment { payment, amount: None }).await;
    assert_eq!(world.status(payment, id).await, plain("executed"));
    assert_eq!(world.ask(payment, "next", &part(1)).await.problem(), state());
}

// conformance: truelayer 89
#[tokio::test]
async fn what_does_not_fit_a_short_credit_fails() {
    let world = World::new().await;
    let payment = world.payment(1_000, PaymentState::Executed).await;
    let first = world.refund(payment, 600, "1").await;
    world.clock.advance(Span::seconds(1));
    let second = world.refund(payment, 400, "2").await;
    world.advance(payment, PaymentState::Settled, Some(900)).await;
    assert_eq!(world.status(payment, second).await, failed("unknown"));
    world.work().await;
    assert_eq!(world.status(payment, first).await, plain("executed"));
    assert_eq!(world.ask(payment, "3", &part(301)).await.problem(), over());
    world.refund(payment, 300, "4").await;
}

// conformance: truelayer 82
// conformance: truelayer 83
// conformance: truelayer 84
#[tokio::test]
async fn webhooks_tell_endings_only() {
    let world = World::new().await;
    let payment = world.paid(PAID).await;
    let quiet = world.inbox().await.len();
    let body = json!({ "amount_in_minor": 100, "reference": "r", "metadata": { "case": "88" } });
    let id = RefundId::parse(&world.ask(payment, "k", &body).await.id()).unwrap();
    assert_eq!(world.inbox().await.len(), quiet);
    world.work().await;
    world.give_back_newest().await;
    let heard = world.inbox().await.split_off(quiet);
    let shown = world.shown(payment, id).await;
    let common = |event: &Value, name: &str| {
        json!({
            "type": name, "event_version": 1, "event_id": event["event_id"],
            "refund_id": id.to_string(), "payment_id": payment.to_string(), "metadata": { "case": "88" },
        })
    };
    let (heard, further) = heard.split_at(2);
    let types: Vec<&str> = further.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["external_payment_received"], "money came from outside");
    let mut executed = common(&heard[0], "refund_executed");
    executed["executed_at"] = shown["executed_at"].clone();
    executed["scheme_id"] = json!("faster_payments_service");
    let mut returned = common(&heard[1], "refund_failed");
    returned["failed_at"] = shown["failed_at"].clone();
    returned["failure_reason"] = json!("returned");
    assert_eq!(heard, [executed, returned]);
    assert_ne!(heard[0]["event_id"], heard[1]["event_id"]);
    let stranger = world.further_client(&json!({})).await;
    assert!(world.sent_to(&stranger.inbox).await.iter().all(|event| event["payment_id"] != json!(payment.to_string())));
}

#[tokio::test]
async fn whether_returns_are_reported_is_a_clients_setting() {
    for (server, client, reported) in [
        (true, json!(false), false),
        (false, json!(true), true),
        (true, Value::Null, true),
        (false, Value::Null, false),
    ] {
        let world = World::with(json!({ "report_returns": server })).await;
        let other = world.further_client(&json!({ "report_returns": !reported })).await;
        let change = |settings: Value| {
            let (dialect, id, merchant) = (Arc::clone(&world.dialect), world.client.id.clone(), world.merchant);
            async move { dialect.change_client(merchant, &id, &settings).unwrap().await }
        };
        change(json!({ "report_returns": client })).await.unwrap();
        assert_eq!(change(json!({ "colour": "red" })).await, Err(KeyRefused::Malformed));
        assert_eq!(change(json!({ "report_returns": "yes" })).await, Err(KeyRefused::Malformed));
        let payment = world.foreign_payment(PAID).await;
        let path = format!("/payments/{payment}/refunds");
        let mut made = Vec::new();
        for (by, shows) in [(&world.client, reported), (&other, !reported)] {
            let body = json!({ "amount_in_minor": 5, "reference": "r" });
            let id = world.post(&path).by(by).key("k").json(&body).send().await.id();
            world.work().await;
            world.give_back_newest().await;
            made.push((by, id, shows));
        }
        for (by, id, shows) in made {
            let shown = world.call(Method::GET, &format!("{path}/{id}")).by(by).send().await.json();
            let status = if shows { "failed" } else { "executed" };
            assert_eq!(shown["status"], status, "{server} {client} {shown}");
            let told = world.sent_to(&by.inbox).await.iter().any(|event| event["type"] == "refund_failed");
            assert_eq!(told, shows);
        }
    }
}

// conformance: truelayer 87
#[tokio::test]
async fn returns_are_reported_unless_a_setting_says_otherwise() {
    let world = World::with(json!({ "report_returns": false })).await;
    let payment = world.paid(PAID).await;
    let id = world.refund(payment, PAID, "k").await;
    world.work().await;
    let before = world.inbox().await.len();
    world.give_back_newest().await;
    assert_eq!(world.status(payment, id).await, plain("executed"));
    assert_eq!(world.inbox().await.len(), before);
    // The amount is free all the same.
    world.refund(payment, PAID, "again").await;
}
