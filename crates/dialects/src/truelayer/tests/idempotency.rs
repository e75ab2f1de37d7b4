//! What happens once (contract 6).

use super::world::{Heard, World};
use refundry_domain::time::Span;
use serde_json::json;

async fn refunds(world: &World) -> String {
    format!("/payments/{}/refunds", world.foreign_payment(1_000).await)
}

async fn count(world: &World, path: &str) -> usize {
    world.get(path).await.json()["items"].as_array().unwrap().len()
}

fn same(first: &Heard, again: &Heard, what: &str) {
    assert_eq!((again.status, again.text()), (first.status, first.text()), "{what}");
}

// conformance: truelayer 62
// conformance: truelayer 63
// conformance: truelayer 65
#[tokio::test]
async fn the_same_request_is_answered_alike_and_done_once() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let call = |path: &str, body: &str| world.post(path).key("k").raw(body);
    let first = call(&path, r#"{"amount_in_minor":5,"reference":"r","metadata":{"a":"1","b":"2"}}"#).send().await;
    assert_eq!(first.status, 202, "{}", first.text());
    assert_eq!(first.json().as_object().unwrap().len(), 1);
    let reordered = r#" {"metadata":{"b":"2","a":"1"}, "reference":"r","amount_in_minor":5,"x":null}"#;
    for path in [path.clone(), format!("{path}/"), format!("/v3{path}"), format!("/v3{path}/")] {
        same(&first, &call(&path, reordered).send().await, &path);
    }
    let fresh = world.token(&world.client, None).await;
    same(&first, &call(&path, reordered).bearer(&fresh).send().await, "a new token");
    assert_eq!(count(&world, &path).await, 1);
}

// conformance: truelayer 64
#[tokio::test]
async fn another_request_with_the_key_is_refused() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let other_path = refunds(&world).await;
    let body = json!({ "amount_in_minor": 5, "reference": "r" });
    assert_eq!(world.post(&path).key("k").json(&body).send().await.status, 202);
    let reused = |heard: Heard| {
        assert_eq!(heard.problem().0, 422);
        assert_eq!(heard.json()["title"], "Idempotency-Key Reuse");
        assert_eq!(heard.header("tl-should-retry"), "false");
    };
    let other = json!({ "amount_in_minor": 6, "reference": "r" });
    reused(world.post(&path).key("k").json(&other).send().await);
    reused(world.post(&other_path).key("k").json(&body).send().await);
    reused(world.post(&path).key("k").raw("no json").send().await);
    reused(world.post(&path).key("k").json(&json!({})).send().await);
    let client = world.further_client(&json!({})).await;
    let foreign = world.post(&path).by(&client).key("k").json(&other).send().await;
    assert_eq!(foreign.status, 202, "keys belong to their client: {}", foreign.text());
}

// conformance: truelayer 65
// conformance: truelayer 69
#[tokio::test]
async fn refusals_by_form_and_by_state_are_kept_with_their_bytes() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let unknown = "/payments/00000000-0000-4000-8000-000000000000/refunds".to_owned();
    let body = json!({ "amount_in_minor": 600, "reference": "r" });
    for (path, body, status) in [
        (&path, json!({ "amount_in_minor": 5 }), 400),
        (&path, json!({ "amount_in_minor": 1_001, "reference": "r" }), 400),
        (&unknown, body.clone(), 404),
    ] {
        let key = format!("k{status}{body}");
        let key = key.replace(|letter: char| !letter.is_ascii_alphanumeric(), "");
        let call = |path: &str| world.post(path).key(&key).json(&body);
        let first = call(path).send().await;
        assert_eq!(first.problem().0, status, "{}", first.text());
        assert_eq!(first.header("tl-should-retry"), "false");
        let again = call(&format!("/v3{path}")).send().await;
        assert_eq!(again.problem().0, status);
        same(&first, &again, "with its trace id");
        assert_eq!(world.post(path).key(&key).json(&json!({ "reference": "x" })).send().await.status, 422);
    }
    // Kept although it would pass by now.
    assert_eq!(world.post(&path).key("all").json(&body).send().await.status, 202);
    let late = || world.post(&path).key("late").json(&body);
    let first = late().send().await;
    assert_eq!(first.problem().0, 400);
    let other = world.foreign_payment(1_000).await;
    assert_eq!(world.post(&format!("/payments/{other}/refunds")).key("late").json(&body).send().await.status, 422);
    same(&first, &late().send().await, "the world may change");
}

// conformance: truelayer 66
// conformance: truelayer 69
#[tokio::test]
async fn callers_with_one_key_at_once_hear_one_answer() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let body = json!({ "amount_in_minor": 5, "reference": "r" });
    let calls = (0..20).map(|_| world.post(&path).key("k").json(&body).send());
    let mut heard = Vec::new();
    for answer in join_all(calls.collect()).await {
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.header("tl-should-retry"), "false");
        heard.push(answer.text());
    }
    heard.dedup();
    assert_eq!((heard.len(), count(&world, &path).await), (1, 1));
}

async fn join_all<F: Future<Output = Heard>>(calls: Vec<F>) -> Vec<Heard> {
    let mut calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
    let mut heard: Vec<Option<Heard>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (call, place) in calls.iter_mut().zip(&mut heard) {
            if place.is_none()
                && let std::task::Poll::Ready(answer) = call.as_mut().poll(context)
            {
                *place = Some(answer);
            }
        }
        if heard.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    heard.into_iter().flatten().collect()
}

// conformance: truelayer 66
// conformance: truelayer 69
#[tokio::test]
async fn an_outcome_that_is_not_known_in_time_is_a_conflict_worth_repeating() {
    let world = World::with(json!({ "lock_timeout": 1 })).await;
    let path = refunds(&world).await;
    let call = || world.post(&path).key("k").json(&json!({ "amount_in_minor": 5, "reference": "r" })).send();
    world.store.hold_commits(true);
    let begun = now();
    // Whichever came second is answered while the other one still waits.
    let (mut one, mut other) = (std::pin::pin!(call()), std::pin::pin!(call()));
    let (late, first) = tokio::select! {
        late = &mut one => { world.store.hold_commits(false); (late, other.await) }
        late = &mut other => { world.store.hold_commits(false); (late, one.await) }
    };
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1), "it waited for the first one");
    assert_eq!(late.problem().0, 409);
    assert_eq!(late.json()["title"], "Idempotency-Key Concurrency Conflict");
    let kind = "https://docs.truelayer.com/docs/error-types#idempotency-key-concurrency-conflict";
    assert_eq!((&late.json()["type"], late.header("tl-should-retry")), (&json!(kind), "true"));
    assert_eq!(first.status, 202, "{}", first.text());
    same(&first, &call().await, "nothing was kept of the conflict");
    assert_eq!(count(&world, &path).await, 1);
}

#[expect(clippy::disallowed_methods, reason = "how long a caller waited is what is asserted")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

// conformance: truelayer 67
#[tokio::test]
async fn a_key_that_made_a_refund_is_never_free_again() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let body = json!({ "amount_in_minor": 5, "reference": "r" });
    let empty = json!({ "amount_in_minor": 5 });
    let made = world.post(&path).key("made").json(&body).send().await;
    assert_eq!(world.post(&path).key("nothing").json(&empty).send().await.status, 400);
    for days in [30, 3_650] {
        world.clock.advance(Span::days(days));
        let token = world.token(&world.client, None).await;
        let again = world.post(&path).bearer(&token).key("made").json(&body).send().await;
        same(&made, &again, "after a long time");
        let other = world.post(&path).bearer(&token).key("made").json(&empty).send().await;
        assert_eq!(other.problem().0, 422);
    }
    let token = world.token(&world.client, None).await;
    let free = world.post(&path).bearer(&token).key("nothing").json(&body).send().await;
    assert_eq!(free.status, 202, "{}", free.text());
}

#[tokio::test]
async fn how_long_a_key_counts_is_a_setting() {
    let world = World::with(json!({ "idempotency_ttl": 60 })).await;
    let path = refunds(&world).await;
    let call = |body| world.post(&path).key("k").json(&body).send();
    assert_eq!(call(json!({})).await.status, 400);
    world.clock.advance(Span::seconds(59));
    assert_eq!(call(json!({ "reference": "r" })).await.status, 422);
    world.clock.advance(Span::seconds(1));
    assert_eq!(call(json!({ "reference": "r" })).await.status, 202);
    world.clock.advance(Span::seconds(61));
    assert_eq!(call(json!({})).await.status, 422, "it made a refund");
}

// conformance: truelayer 68
// conformance: truelayer 69
#[tokio::test]
async fn what_failed_on_our_side_may_be_repeated() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let call = || world.post(&path).key("k").json(&json!({ "amount_in_minor": 5, "reference": "r" }));
    world.store.fail_next_commit();
    let failed = call().send().await;
    let (status, slug, _) = failed.problem();
    assert_eq!((status, &*slug), (503, "service-unavailable"));
    assert_eq!((failed.header("tl-should-retry"), failed.header("retry-after")), ("true", "1"));
    world.store.free_room();
    let first = call().send().await;
    assert_eq!(first.status, 202);
    same(&first, &call().send().await, "and then it is kept");
    assert_eq!(count(&world, &path).await, 1);
}

#[tokio::test]
async fn a_key_has_255_visible_characters_at_most() {
    let world = World::new().await;
    let path = refunds(&world).await;
    let body = json!({ "amount_in_minor": 5, "reference": "r" });
    let call = |key: &str| world.post(&path).key(key).json(&body);
    assert_eq!(call(&"k".repeat(255)).send().await.status, 202);
    for key in ["k".repeat(256), "two words".to_owned()] {
        let (status, slug, fields) = call(&key).send().await.problem();
        assert_eq!((status, &*slug, fields), (400, "invalid-parameters", vec!["Idempotency-Key".to_owned()]));
    }
}
