//! Four eyes.

use super::world::{World, a_refund};
use refundry_domain::approval::ApprovalRules;
use refundry_domain::id::PersonId;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use refundry_engine::digest::sha256;
use refundry_engine::registry::{Credential, MerchantPolicy, Person, RegistryEntry, Role, Scope};
use serde_json::json;
use std::sync::Arc;

/// Somebody who may approve, and their key.
async fn approver(world: &World, number: u128, id: &str) -> PersonId {
    let person = PersonId(number);
    let somebody = Person::new(person, world.merchant, &[Role::Approver], world.engine.now());
    world.put(RegistryEntry::Person(somebody)).await;
    world.further_key(&json!({ "auth_id": id, "auth_key": "k" })).await;
    let credential = Credential {
        id: id.to_owned(),
        merchant: world.merchant,
        dialect: "bvnk".to_owned(),
        group: String::new(),
        secret_hash: sha256(b"k"),
        scope: Scope::Decisions,
        owner: Some(person),
        created_at: world.engine.now(),
        revoked_at: None,
        expires_at: None,
    };
    world.put(RegistryEntry::Credential(credential)).await;
    person
}

async fn with_approval(world: &World, version: u32) {
    let rules = ApprovalRules { version, refunds: true, ..ApprovalRules::default() };
    let entry = MerchantPolicy { merchant: world.merchant, rules: Arc::new(rules) };
    world.put(RegistryEntry::Policy(entry)).await;
}

async fn act(world: &World, id: &str, action: &str, refund: &str) -> (u16, String) {
    let body = json!({ "action": action, "reference": [refund] });
    let call = world.post("/api/approval-workflow/v2/action").json(&body).signed_by(id, "k");
    let heard = call.send().await;
    let result = heard.json()["results"][0]["result"].as_str().unwrap_or_default().to_owned();
    (heard.status, result)
}

// conformance: bvnk 52
// conformance: bvnk 53
#[tokio::test]
async fn another_person_approves_by_program() {
    let world = World::with(json!({ "approval_api": true })).await;
    with_approval(&world, 1).await;
    let maker = approver(&world, 7, "maker").await;
    approver(&world, 8, "other").await;
    let payin = world.gbp("100").await;
    let pending = |key: &'static str| world.refund(&payin, "10", key);
    let refund = pending("key-0001").await;
    world.work().await;
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(shown.member("/status"), "PENDING_APPROVAL");
    assert_eq!((&shown.json()["approval"]["required"], &shown.json()["approval"]["given"]), (&json!(1), &json!(0)));
    assert_eq!(act(&world, "other", "APPROVE", &refund).await, (200, "APPROVED".to_owned()));
    world.work().await;
    assert_eq!(world.words(&refund).await, ["PENDING_APPROVAL", "PROCESSING", "COMPLETED"]);
    assert_eq!(world.told(&refund).await[2]["sequence"], 3);
    assert_eq!(act(&world, "other", "APPROVE", &refund).await, (200, "ALREADY_DECIDED".to_owned()));
    assert_eq!(act(&world, "other", "APPROVE", "x").await, (200, "NOT_FOUND".to_owned()));
    // A key that belongs to the maker makes the refund; the maker's other key cannot approve it.
    let stored = world.engine.directory().credential("bvnk", "shop", world.engine.now()).unwrap();
    let owned = Credential { owner: Some(maker), ..Credential::clone(&stored) };
    world.put(RegistryEntry::Credential(owned)).await;
    let own = pending("key-0002").await;
    assert_eq!(act(&world, "maker", "APPROVE", &own).await, (200, "SELF_APPROVAL".to_owned()));
    assert_eq!(act(&world, "shop", "APPROVE", &own).await.0, 401, "its key is another");
    let path = format!("/payment/v1/payins/{payin}/refund");
    let call = world.post(&path).key("key-0003").json(&a_refund("1", "GBP")).signed_by("other", "k");
    assert_eq!(call.send().await.fault().0, 403, "who decides makes nothing");
    let off = World::new().await;
    assert_eq!(act(&off, "shop", "APPROVE", &own).await.0, 401);
    let body = json!({ "action": "APPROVE", "reference": [own] });
    assert_eq!(off.post("/api/approval-workflow/v2/action").json(&body).send().await.status, 404);
}

// conformance: bvnk 54
#[tokio::test]
async fn no_is_final() {
    let world = World::with(json!({ "approval_api": true })).await;
    with_approval(&world, 1).await;
    approver(&world, 8, "other").await;
    let payin = world.gbp("100").await;
    let before = world.available(Currency::GBP).await;
    let refund = world.refund(&payin, "100", "key-0001").await;
    assert_eq!(world.available(Currency::GBP).await, before - 10_000);
    assert_eq!(act(&world, "other", "REJECT", &refund).await, (200, "REJECTED".to_owned()));
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/statusReason/code")),
        ("CANCELLED".to_owned(), "approval_rejected".to_owned())
    );
    assert_eq!(act(&world, "other", "APPROVE", &refund).await.1, "ALREADY_DECIDED");
    assert_eq!(world.status(&refund).await, "CANCELLED");
    assert_eq!(world.available(Currency::GBP).await, before);
    world.refund(&payin, "100", "key-0002").await;
}

// conformance: bvnk 55
#[tokio::test]
async fn nobody_answers_for_seven_days() {
    let world = World::new().await;
    with_approval(&world, 1).await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "100", "key-0001").await;
    world.wait(Span::days(7)).await;
    let shown = world.get(&format!("/payment/v1/payouts/{refund}")).await;
    assert_eq!(
        (shown.member("/status"), shown.member("/statusReason/code")),
        ("CANCELLED".to_owned(), "approval_timeout".to_owned())
    );
}

// conformance: bvnk 56
#[tokio::test]
async fn what_was_approved_must_still_be_so() {
    let world = World::with(json!({ "approval_api": true })).await;
    with_approval(&world, 1).await;
    approver(&world, 8, "other").await;
    let payin = world.gbp("100").await;
    let refund = world.refund(&payin, "100", "key-0001").await;
    assert_eq!(act(&world, "other", "APPROVE", &refund).await.1, "APPROVED");
    with_approval(&world, 2).await;
    world.work().await;
    assert_eq!(world.status(&refund).await, "PENDING_APPROVAL");
    assert_eq!(world.rail.call_count(), 0, "nothing is sent");
    assert_eq!(world.words(&refund).await, ["PENDING_APPROVAL", "PROCESSING", "PENDING_APPROVAL"]);
    assert_eq!(act(&world, "other", "APPROVE", &refund).await.1, "APPROVED");
    world.work().await;
    assert_eq!(world.status(&refund).await, "COMPLETED");
}
