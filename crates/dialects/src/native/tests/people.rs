//! Refunds that people make on a page, and what they cost.

use super::shop::Shop;
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::id::{PaymentId, PersonId};
use refundry_domain::money::Currency;
use refundry_domain::refund::Funding;
use refundry_engine::person_refund::{PersonRefund, RefundDesk};
use refundry_engine::registry::{MerchantFees, RegistryEntry};
use serde_json::json;
use std::sync::Arc;

fn rules() -> FeeRules {
    let of = |flat| FeeRule { flat, ..FeeRule::default() };
    let rules = [((Currency::AUD, String::new()), of(70)), ((Currency::AUD, "CARD".to_owned()), of(35))];
    FeeRules { rules: rules.into(), ..FeeRules::default() }
}

#[tokio::test]
async fn a_payment_that_knows_its_method_costs_the_same_whoever_asks() {
    let (shop, tenant) = Shop::sandbox().await;
    let merchant = tenant.id;
    shop.register(&tenant, RegistryEntry::Fees(MerchantFees { merchant, rules: Arc::new(rules()) })).await;
    let recorded = json!({ "amount": 5_000, "currency": "AUD", "payment_method": "CARD",
        "debtor": { "name": "Ann", "payid": "ann@example.org" } });
    let recorded = shop.post(&tenant, "/v1/payments", "p", &recorded).await;
    assert_eq!(recorded.json()["payment_method"], "CARD");
    let id = recorded.text("/id");
    assert_eq!(shop.get(&tenant, &format!("/v1/payments/{id}")).await.json()["payment_method"], "CARD");
    for (key, method) in [("a", None), ("b", Some("CARD")), ("c", Some("CHEQUE"))] {
        let mut body = json!({ "payment_id": id, "amount": 100 });
        if let Some(method) = method {
            body["payment_method"] = json!(method);
        }
        let quoted = shop.post(&tenant, "/v1/refunds/estimate", key, &body).await.json()["fee"].clone();
        let charged = shop.post(&tenant, "/v1/refunds", key, &body).await.json()["fee"].clone();
        assert_eq!((quoted, charged), (json!(35), json!(35)), "{method:?}");
    }
    let payment = PaymentId::parse(&id).unwrap();
    let desk = RefundDesk::new(vec![shop.dialect.person_refunds()]);
    let ask = PersonRefund {
        merchant,
        payment,
        amount: Some(100),
        remittance: "Broken cup".to_owned(),
        intent: "form-1".into(),
        by: PersonId(7),
    };
    let made = desk.make(&shop.engine, ask).await.unwrap().unwrap();
    assert!(matches!(made.funding, Funding::Held { .. }) && made.fee == 35, "{made:?}");
    // Of one that does not know, whoever asks may say.
    let id = shop.payment(&tenant, 5_000).await;
    for (method, fee) in [("CARD", 35), ("CHEQUE", 70)] {
        let body = json!({ "payment_id": id, "amount": 100, "payment_method": method });
        assert_eq!(shop.post(&tenant, "/v1/refunds/estimate", method, &body).await.json()["fee"], fee);
    }
}
