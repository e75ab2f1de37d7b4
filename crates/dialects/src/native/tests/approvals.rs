//! Four eyes and fees by calls: who may decide, what a policy asks, what a
//! refund costs.

use super::shop::{Heard, Shop, Tenant};
use refundry_domain::rules::Environment;
use refundry_engine::registry::{Person, RegistryEntry, Role};
use serde_json::{Value, json};

async fn put(shop: &Shop, tenant: &Tenant, path: &str, body: &Value) -> Heard {
    shop.with_method(tenant, "PUT", path, body).await
}

/// A shop whose policy asks one other person above 100 minor units of AUD; an
/// administrator and two approvers with keys of their own.
async fn guarded() -> (Shop, Tenant, [Tenant; 3]) {
    let (shop, tenant) = Shop::sandbox().await;
    let (_, admin) = shop.person(&tenant, &[Role::Admin]).await;
    let (_, first) = shop.person(&tenant, &[Role::Approver]).await;
    let (_, second) = shop.person(&tenant, &[Role::Approver]).await;
    let policy = json!({ "refunds": true, "limits": [{ "currency": "AUD", "refund": 100 }] });
    let heard = put(&shop, &admin, "/v1/approval-policy", &policy).await;
    assert_eq!(heard.status, 200, "{}", heard.code());
    assert_eq!(heard.json()["version"], 1);
    (shop, tenant, [admin, first, second])
}

async fn refund(shop: &Shop, tenant: &Tenant, amount: u64) -> Heard {
    let payment = shop.payment(tenant, 1_000).await;
    let key = format!("refund-{payment}");
    shop.post(tenant, "/v1/refunds", &key, &json!({ "payment_id": payment, "amount": amount })).await
}

async fn decide(shop: &Shop, by: &Tenant, id: &str, word: &str, body: &Value) -> (u16, String) {
    let heard = shop.post(by, &format!("/v1/refunds/{id}/{word}"), "", body).await;
    let said = if heard.status == 200 { heard.text("/status") } else { heard.code() };
    (heard.status.as_u16(), said)
}

#[tokio::test]
async fn what_is_above_the_limit_waits_for_another_person() {
    let (shop, tenant, [_, first, second]) = guarded().await;
    assert_eq!(refund(&shop, &tenant, 100).await.text("/status"), "ready", "the limit itself is free");
    let id = refund(&shop, &tenant, 101).await.text("/id");
    let page = shop.get(&tenant, "/v1/approvals").await.json();
    let listed = &page["data"][0];
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!((&listed["refund"]["id"], &listed["approval"]["required"]), (&json!(id), &json!(1)));
    assert_eq!(listed["effect"]["available_after"], 1_000_000 - 201 + 2_000);
    assert_eq!(shop.get(&first, &format!("/v1/refunds/{id}/approval")).await.json(), listed["approval"]);

    let none = json!({});
    assert_eq!(decide(&shop, &tenant, &id, "approve", &none).await, (403, "key_scope".to_owned()));
    let stale = json!({ "content": "00".repeat(32) });
    for word in ["approve", "reject"] {
        assert_eq!(decide(&shop, &first, &id, word, &stale).await, (409, "changed".to_owned()), "{word}");
    }
    let shown = json!({ "content": listed["approval"]["content"], "reason": "known customer" });
    assert_eq!(decide(&shop, &first, &id, "approve", &shown).await, (200, "ready".to_owned()));
    assert_eq!(decide(&shop, &first, &id, "approve", &none).await, (409, "already_decided".to_owned()));
    assert_eq!(decide(&shop, &second, &id, "reject", &none).await, (409, "not_awaited".to_owned()));
    assert_eq!(shop.get(&tenant, "/v1/approvals").await.json()["data"], json!([]));
    let approval = shop.get(&tenant, &format!("/v1/refunds/{id}/approval")).await.json();
    assert_eq!(approval["notes"][0]["text"], "known customer");

    let id = refund(&shop, &tenant, 500).await.text("/id");
    let reason = json!({ "reason": "a double" });
    assert_eq!(decide(&shop, &second, &id, "reject", &reason).await, (200, "rejected".to_owned()));
    assert_eq!(decide(&shop, &first, &id, "approve", &none).await, (409, "already_ended".to_owned()));
    let unknown = "11111111-1111-4111-8111-111111111111";
    assert_eq!(decide(&shop, &first, unknown, "approve", &none).await, (404, "refund_not_found".to_owned()));
}

#[tokio::test]
async fn a_key_that_decides_makes_nothing() {
    let (shop, tenant, [admin, first, _]) = guarded().await;
    for path in ["/v1/refunds", "/v1/payments", "/v1/mandates"] {
        let heard = shop.post(&first, path, "k", &json!({})).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (403, "key_scope"), "{path}");
    }
    let fees = json!({ "rules": [] });
    for (who, status, code) in [(&tenant, 403, "key_scope"), (&first, 403, "not_eligible"), (&admin, 200, "")] {
        let heard = put(&shop, who, "/v1/fees", &fees).await;
        assert_eq!((heard.status.as_u16(), heard.code().as_str()), (status, code));
    }
    let id = refund(&shop, &tenant, 500).await.text("/id");
    assert_eq!(decide(&shop, &admin, &id, "approve", &json!({})).await, (403, "not_eligible".to_owned()));
    let live = Shop::open(Environment::Live);
    let owner = live.merchant(1_000).await;
    let (_, approver) = live.person(&owner, &[Role::Approver]).await;
    assert_eq!(decide(&live, &approver, &id, "approve", &json!({})).await, (403, "approval_api_off".to_owned()));
}

#[tokio::test]
async fn a_human_does_not_approve_what_their_own_key_made() {
    let (shop, tenant, [_, _, second]) = guarded().await;
    let (id, maker) = shop.person(&tenant, &[Role::Approver]).await;
    // The key for calls belongs to the same human.
    let directory = shop.engine.directory();
    let of_calls = directory.credentials.values().find(|key| key.merchant == tenant.id && key.owner.is_none());
    let mut owned = (**of_calls.expect("the merchant has a key")).clone();
    owned.owner = Some(id);
    shop.register(&tenant, RegistryEntry::Credential(owned)).await;
    let refund = refund(&shop, &tenant, 500).await.text("/id");
    assert_eq!(decide(&shop, &maker, &refund, "approve", &json!({})).await, (403, "self_approval".to_owned()));
    let gone = Person { enabled: false, ..Person::new(id, tenant.id, &[Role::Approver], shop.engine.now()) };
    shop.register(&tenant, RegistryEntry::Person(gone)).await;
    assert_eq!(decide(&shop, &second, &refund, "approve", &json!({})).await, (200, "ready".to_owned()));
}

#[tokio::test]
async fn policies_and_fees_read_back_and_are_checked() {
    let (shop, _, [admin, ..]) = guarded().await;
    let policy = json!({
        "refunds": true, "required": 2, "valid_for_seconds": 3_600,
        "limits": [{ "currency": "EUR", "refund": 0, "payment": null, "creditor_day": 5, "day": null }],
    });
    let heard = put(&shop, &admin, "/v1/approval-policy", &policy).await.json();
    assert_eq!(heard, shop.get(&admin, "/v1/approval-policy").await.json());
    assert_eq!((&heard["version"], &heard["limits"]), (&json!(2), &policy["limits"]));
    for (path, body, pointer) in [
        ("/v1/approval-policy", json!({}), "/refunds"),
        ("/v1/approval-policy", json!({ "refunds": true, "required": 11 }), "/required"),
        ("/v1/approval-policy", json!({ "refunds": true, "valid_for_seconds": 59 }), "/valid_for_seconds"),
        ("/v1/approval-policy", json!({ "refunds": true, "limits": [{}] }), "/limits/0/currency"),
        ("/v1/fees", json!({ "rules": [{ "currency": "AUD", "min": 2, "max": 1 }] }), "/rules/0/basis_points"),
        ("/v1/fees", json!({ "rules": [{ "currency": "AUD" }, { "currency": "AUD" }] }), "/rules/1/currency"),
        ("/v1/fees", json!({ "on_return": "burn" }), "/on_return"),
        ("/v1/fees", json!({ "rounding": "down" }), "/rounding"),
    ] {
        let heard = put(&shop, &admin, path, &body).await;
        assert_eq!((heard.status.as_u16(), heard.text("/errors/0/pointer").as_str()), (422, pointer), "{body}");
    }
    let fees = json!({
        "rules": [
            { "currency": "AUD", "method": null, "flat": 5, "basis_points": 100, "min": 10, "max": 40 },
            { "currency": "AUD", "method": "card", "flat": 0, "basis_points": 0, "min": null, "max": null },
        ],
        "on_return": "refund", "rounding": "half_even", "reduce_refundable": true,
    });
    assert_eq!(put(&shop, &admin, "/v1/fees", &fees).await.json(), fees);
    assert_eq!(shop.get(&admin, "/v1/fees").await.json(), fees);
}

#[tokio::test]
async fn an_estimate_is_what_the_refund_costs() {
    let (shop, tenant) = Shop::sandbox().await;
    let (_, admin) = shop.person(&tenant, &[Role::Admin]).await;
    let rule = json!({ "currency": "AUD", "flat": 5, "basis_points": 150, "min": 10 });
    let fees = json!({ "rules": [rule, { "currency": "AUD", "method": "card" }], "reduce_refundable": true });
    assert_eq!(put(&shop, &admin, "/v1/fees", &fees).await.status, 200);
    let payment = shop.payment(&tenant, 10_000).await;
    let mut left = 10_000;
    for (place, (amount, method)) in
        [(Some(1), ""), (Some(333), ""), (Some(3_333), "card"), (Some(4_567), ""), (None, "")].into_iter().enumerate()
    {
        let mut asked = json!({ "payment_id": payment, "amount": amount, "payment_method": method });
        let members = asked.as_object_mut().expect("an object");
        members.retain(|_, value| !value.is_null() && value != "");
        let estimate = shop.post(&tenant, "/v1/refunds/estimate", "", &asked).await.json();
        assert_eq!(estimate["refundable"], left, "{asked}");
        let made = shop.post(&tenant, "/v1/refunds", &format!("r{place}"), &asked).await.json();
        for member in ["amount", "fee"] {
            assert_eq!(estimate[member], made[member], "{member} of {asked}");
        }
        let taken = made["amount"].as_u64().zip(made["fee"].as_u64()).expect("numbers");
        left = u64::saturating_sub(left, taken.0 + taken.1);
    }
    let exhausted = shop.post(&tenant, "/v1/refunds/estimate", "", &json!({ "payment_id": payment })).await;
    assert_ne!(exhausted.status, 200);
    let foreign = shop.merchant(1).await;
    let hidden = shop.post(&foreign, "/v1/refunds/estimate", "", &json!({ "payment_id": payment })).await;
    assert_eq!(hidden.code(), "payment_not_found");
}

#[tokio::test]
async fn who_changed_what_is_listed() {
    let (shop, tenant, [admin, first, _]) = guarded().await;
    put(&shop, &admin, "/v1/fees", &json!({ "rules": [{ "currency": "AUD", "flat": 5 }] })).await;
    let endpoint = json!({ "url": "https://shop.example/hooks" });
    let endpoint = shop.post(&tenant, "/v1/webhook-endpoints", "", &endpoint).await.text("/id");
    let page = shop.get(&tenant, "/v1/audit?limit=3").await.json();
    let told: Vec<(&str, &str)> = page["data"].as_array().expect("a list").iter().map(words).collect();
    let expected = [
        ("endpoint", "native, enabled"),
        ("fees", "1 rules, keep on return, rounded half_up"),
        ("policy", "version 1: 1 others within 604800 s, limits of 1 currencies"),
    ];
    assert_eq!((told.as_slice(), &page["has_more"]), (&expected[..], &json!(true)));
    assert_eq!(page["data"][0]["id"], endpoint);
    let (by_key, by_admin) = (&page["data"][0], &page["data"][1]);
    assert_eq!((&by_key["actor"], &by_key["person_id"]), (&json!("credential"), &Value::Null));
    assert_eq!((&by_admin["actor"], by_admin["person_id"].is_string()), (&json!("credential"), true));
    let next = format!("/v1/audit?cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    let rest = shop.get(&first, &next).await.json();
    assert_eq!(rest["data"][0]["number"].as_u64(), page["data"][2]["number"].as_u64().map(|number| number - 1));
    assert_eq!(shop.get(&tenant, "/v1/audit?cursor=x").await.code(), "invalid_cursor");
    let foreign = shop.merchant(1).await;
    let others = shop.get(&foreign, "/v1/audit").await.json();
    assert!(!others["data"].as_array().expect("a list").iter().any(|change| words(change).0 == "policy"));
}

fn words(change: &Value) -> (&str, &str) {
    let text = |member: &str| change[member].as_str().unwrap_or_default();
    (text("kind"), text("description"))
}

#[tokio::test]
async fn the_account_that_a_refund_waits_for_can_be_named() {
    let (shop, tenant) = Shop::sandbox().await;
    let account = shop.get(&tenant, "/v1/accounts").await.text("/data/0/id");
    let payment = json!({ "account_id": account, "amount": 500, "currency": "AUD" });
    let payment = shop.post(&tenant, "/v1/payments", "p", &payment).await.text("/id");
    let asked = json!({ "payment_id": payment, "amount": 100, "ask_details": true });
    let refund = shop.post(&tenant, "/v1/refunds", "r", &asked).await;
    assert_eq!(refund.text("/status"), "awaiting_details");
    let path = format!("/v1/refunds/{}/creditor", refund.text("/id"));
    for body in [json!({}), json!({ "creditor": {} })] {
        let heard = shop.post(&tenant, &path, "", &body).await;
        assert_eq!((heard.status.as_u16(), heard.text("/errors/0/pointer").as_str()), (422, "/creditor"), "{body}");
    }
    let creditor = json!({ "creditor": { "name": "Ada Kettle", "bsb": "082-001", "account_number": "12345678" } });
    let named = shop.post(&tenant, &path, "", &creditor).await;
    assert_eq!((named.status.as_u16(), named.text("/status").as_str()), (200, "ready"));
    assert_eq!(shop.post(&tenant, &path, "", &creditor).await.code(), "not_awaited");
    let foreign = shop.merchant(1).await;
    assert_eq!(shop.post(&foreign, &path, "", &creditor).await.code(), "refund_not_found");
}
