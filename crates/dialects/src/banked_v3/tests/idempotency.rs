//! What happens once.

use super::world::{PAID, World};
use http::Method;
use refundry_domain::command::Command;
use refundry_domain::id::{EndpointId, RefundId};
use refundry_domain::refund::BlockCode;
use refundry_domain::rules::{Environment, Rules};
use refundry_domain::time::Span;
use serde_json::json;

// conformance: banked 65
#[tokio::test]
async fn the_same_request_has_the_same_answer() {
    let world = World::new().await;
    let body = world.by_float(1_000);
    let ask = |raw: String| world.post("/v3/refunds").key("k").raw(raw).send();
    let first = ask(body.to_string()).await;
    assert_eq!(first.status, 201);
    // Order of members and spaces do not matter, nor what happened since, nor a slash.
    let other_order = format!(
        "{{ \"processing_method\": {}, \"original_payin_information\": {}, \"amount\": 1000 }}",
        body["processing_method"], body["original_payin_information"]
    );
    world.clock.advance(Span::seconds(5));
    world.settle(RefundId::parse(&first.id()).unwrap()).await;
    for raw in [body.to_string(), other_order] {
        let again = ask(raw).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
    }
    let slash = world.post("/v3/refunds/").key("k").json(&body).send().await;
    assert_eq!((slash.status, &slash.body), (201, &first.body));
    assert_eq!(world.refund_count().await, 1);

    // Refusals are kept, also where the world would now allow the request.
    let mut schema = body.clone();
    schema["amount"] = json!(0);
    for (key, body) in [("schema", schema), ("over", world.by_float(PAID))] {
        let first = world.post("/v3/refunds").key(key).json(&body).send().await;
        assert_eq!(first.status, 400);
        if key == "over" {
            world.command(Command::CancelRefund { refund: world.refund(&world.by_float(1), "x").await }).await;
        }
        let again = world.post("/v3/refunds").key(key).json(&body).send().await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
    }
    let broken = || world.post("/v3/refunds").key("broken").raw("{\"amount\": ").send();
    assert_eq!(broken().await.body, broken().await.body);
}

#[tokio::test]
async fn a_kept_refusal_stays_when_the_world_has_changed() {
    let world = World::new().await;
    let all = world.refund(&world.by_float(PAID), "all").await;
    let ask = || world.post("/v3/refunds").key("late").json(&world.by_float(100)).send();
    let first = ask().await;
    assert_eq!(first.status, 400);
    world.command(Command::CancelRefund { refund: all }).await;
    assert_eq!(ask().await.body, first.body);
    world.refund(&world.by_float(100), "fresh").await;
}

// conformance: banked 66
#[tokio::test]
async fn another_body_under_the_key_is_a_conflict() {
    let world = World::new().await;
    world.refund(&world.by_float(100), "k").await;
    for body in [world.by_float(101), world.by_mandate(100), json!({})] {
        let heard = world.post("/v3/refunds").key("k").json(&body).send().await;
        assert_eq!(heard.fault(), (409, "idempotency_conflict".into(), vec![]), "{body}");
    }
    let heard = world.post("/v3/refunds").key("k").raw("{").send().await;
    assert_eq!(heard.fault(), (409, "idempotency_conflict".into(), vec![]));
    let payin = |amount: u64| json!({ "amount": amount, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/" } });
    let hook = |event: &str| json!({ "target_url": "https://shop.example.org/", "events": [event] });
    let cases = [
        ("/v3/payins", payin(1), payin(2), "invalid_idempotency_key"),
        ("/v2/webhooks", hook("refund_sent"), hook("refund_failed"), "invalid_idempotency_key"),
        ("/v3/webhooks", hook("refund_sent"), hook("refund_failed"), "idempotency_conflict"),
    ];
    for (path, first, second, code) in cases {
        let made = world.post(path).key("k").json(&first).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        let again = world.post(path).key("k").json(&first).send().await;
        assert_eq!((again.status, again.body), (201, made.body), "{path}");
        let heard = world.post(path).key("k").json(&second).send().await;
        assert_eq!((heard.status, heard.json()["errors"][0]["code"].as_str()), (409, Some(code)), "{path}");
    }
}

// conformance: banked 67
#[tokio::test]
async fn a_hundred_callers_with_one_key_make_one_refund() {
    let world = World::new().await;
    let calls = (0..100).map(|_| world.post("/v3/refunds").key("k").json(&world.by_float(100)).send());
    let answers = futures_of(calls).await;
    assert!(answers.iter().all(|heard| heard.status == 201 && heard.body == answers[0].body));
    assert_eq!(world.refund_count().await, 1);
    // The outcome that is not known after two seconds has its own answer.
    let fault = crate::banked_v3::errors::Fault::of_unavailable(refundry_engine::envelope::Unavailable::InFlight);
    let config = crate::banked_v3::config::Config::read(&serde_json::Value::Null).unwrap();
    for shape in [crate::banked_v3::errors::Shape::V2, crate::banked_v3::errors::Shape::V3] {
        let reply = fault.reply(shape, &config);
        let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, json["errors"][0]["code"].as_str()), (409, Some("processing")));
    }
}

/// Runs futures at once on this task and returns their values in order.
async fn futures_of<F: Future>(calls: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(move |context| {
        let mut open = false;
        for (call, done) in &mut calls {
            if done.is_none() {
                match call.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(calls.iter_mut().filter_map(|(_, done)| done.take()).collect())
    })
    .await
}

// conformance: banked 68
#[tokio::test]
async fn failures_of_ours_and_wrong_credentials_are_not_kept() {
    let world = World::new().await;
    let ask = || world.post("/v3/refunds").key("k").json(&world.by_float(100));
    let heard = ask().header("authorization", "Bearer rfb_x").send().await;
    assert_eq!(heard.status, 401);
    world.store.fail_next_commit();
    let heard = ask().send().await;
    assert_eq!(heard.fault(), (503, "service_unavailable".into(), vec![]));
    assert!(heard.headers.contains_key("retry-after"));
    assert_eq!(ask().send().await.status, 201);
    assert_eq!(world.refund_count().await, 1);
}

// conformance: banked 69
#[tokio::test]
async fn deleting_twice_with_one_key_is_one_deletion() {
    let world = World::new().await;
    for root in ["/v2/webhooks", "/v3/webhooks"] {
        let body = json!({ "target_url": "https://shop.example.org/", "events": ["refund_sent"] });
        let id = world.post(root).json(&body).send().await.id();
        let delete = |key: &'static str| world.call(Method::DELETE, &format!("{root}/{id}")).key(key).send();
        assert_eq!((delete("d").await.status, delete("d").await.status, delete("e").await.status), (204, 204, 404));
        let bare = || world.call(Method::DELETE, &format!("{root}/{id}")).send();
        assert_eq!(bare().await.status, 404);
    }
}

#[tokio::test]
async fn the_alias_shares_the_records() {
    let world = World::new().await;
    let body = json!({ "target_url": "https://shop.example.org/", "events": ["refund_sent"] });
    let first = world.post("/v2/webhooks").key("k").json(&body).send().await;
    let second = world.post("/api/v2/webhooks/").key("k").json(&body).send().await;
    assert_eq!((second.status, &second.body), (201, &first.body));
    assert!(EndpointId::parse(&first.id()).is_ok());
    assert_eq!(world.get("/api/v2/webhooks").await.json().as_array().unwrap().len(), 1);
}

// conformance: banked 70
#[tokio::test]
async fn a_key_that_made_a_refund_never_ends() {
    let world = World::new().await;
    let body = world.by_float(100);
    let first = world.post("/v3/refunds").key("k").json(&body).send().await;
    let over = || world.post("/v3/refunds").key("over").json(&world.by_float(PAID)).send();
    assert_eq!(over().await.status, 400);
    world.command(Command::CancelRefund { refund: RefundId::parse(&first.id()).unwrap() }).await;
    assert_eq!(over().await.status, 400);
    for days in [31, 3_650] {
        world.clock.advance(Span::days(days));
        let again = world.post("/v3/refunds").key("k").json(&body).send().await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        let heard = world.post("/v3/refunds").key("k").json(&world.by_float(200)).send().await;
        assert_eq!(heard.status, 409);
    }
    // A key that made nothing works anew.
    assert_eq!(over().await.status, 201);
}

// conformance: banked 71
#[tokio::test]
async fn one_key_on_two_paths_makes_two_things() {
    let world = World::new().await;
    let refund = world.refund(&world.by_float(100), "k").await.to_string();
    let payin =
        json!({ "amount": 1, "currency": "AUD", "checkout_config": { "redirect_url": "https://shop.example.org/" } });
    let payin = world.post("/v3/payins").key("k").json(&payin).send().await;
    assert_eq!(payin.status, 201);
    assert_ne!(payin.id(), refund);
    // Nor do two applications share their keys.
    let other = world.application(&json!({})).await;
    let theirs = world
        .post("/v3/refunds")
        .header("authorization", &other.basic())
        .key("k")
        .json(&world.by_float(100))
        .send()
        .await;
    assert_eq!(theirs.status, 201);
    assert_ne!(theirs.id(), refund);
}

// conformance: banked 40
// conformance: banked 51
#[tokio::test]
async fn parallel_refunds_never_exceed_the_payin_nor_the_float() {
    let world = World::new().await;
    let keys: Vec<String> = (0..100).map(|number| format!("k{number}")).collect();
    let calls = keys.iter().map(|key| {
        let body = if key.len() % 2 == 0 { world.by_float(100) } else { world.by_mandate(100) };
        world.post("/v3/refunds").key(key).json(&body).send()
    });
    let answers = futures_of(calls).await;
    let made = answers.iter().filter(|heard| heard.status == 201).count();
    assert_eq!(made, 44);
    assert!(answers.iter().filter(|heard| heard.status != 201).all(|heard| heard.fault().2 == ["amount"]));
    assert_eq!(world.refund_count().await, 44);
}

// conformance: banked 86
#[tokio::test]
async fn equal_refunds_without_a_key_are_two_and_the_same_after_a_restore() {
    let live = Rules::of(Environment::Live);
    let world = World::build(json!({ "require_idempotency_key_v3": false }), live).await;
    let backup = world.store.snapshot();
    let mut rounds = Vec::new();
    for _ in 0..2 {
        world.store.restore(&backup);
        world.clock.advance(Span::seconds(60));
        let mut names = Vec::new();
        for blocked in [false, true] {
            let heard = world.post("/v3/refunds").json(&world.by_float(100)).send().await;
            assert_eq!(heard.status, 201);
            let id = RefundId::parse(&heard.id()).unwrap();
            assert_eq!(world.stored(id).await.is_blocked(), blocked);
            if blocked {
                world.command(Command::LiftBlock { refund: id, code: BlockCode::DuplicateSuspect }).await;
            }
            names.push(world.begin(id).await.unwrap().ids.instruction_id);
        }
        assert_ne!(names[0], names[1]);
        rounds.push(names);
    }
    assert_eq!(rounds[0], rounds[1]);
}

#[tokio::test]
async fn a_repeated_key_after_a_restore_goes_out_under_the_same_ids() {
    let world = World::new().await;
    let backup = world.store.snapshot();
    let mut names = Vec::new();
    for _ in 0..2 {
        world.store.restore(&backup);
        world.clock.advance(Span::seconds(60));
        let id = world.refund(&world.by_mandate(100), "k").await;
        names.push(world.begin(id).await.unwrap().ids);
    }
    assert_eq!(names[0], names[1]);
}
