//! The walk with a fee and a policy: an administrator sets both, a refund above
//! the limit waits for another person, one is approved and one is rejected.

use super::Walk;
use crate::demo::client::{Call, Called, Client};
use crate::demo::table::Steps;
use anyhow::Context;
use serde_json::{Value, json};

pub(crate) async fn walk(client: &Client) -> anyhow::Result<Steps> {
    let (id, key) = (client.credential("/bvnk/auth_id")?, client.credential("/bvnk/auth_key")?);
    let mut walk = Walk { client, id, key, steps: Steps::default() };
    walk.rules().await?;
    let payin = walk.payin("INV-20418").await?;
    walk.estimate("what would a refund cost now?", &payin, (0.8, 120.0)).await?;
    let small =
        walk.refund("refund 10.00: below the limit", (&payin, "10.00", "ticket-88413"), "demo-people-1").await?;
    walk.hear("the bank paid it", &small, "COMPLETED").await?;
    let large = walk.refund("refund 60.00: above it", (&payin, "60.00", "ticket-88414"), "demo-people-2").await?;
    walk.hear("somebody must look at it", &large, "PENDING_APPROVAL").await?;
    walk.decide("another person approves", &large, ("approve", "ready")).await?;
    walk.hear("the bank paid it", &large, "COMPLETED").await?;
    let wrong = walk.refund("refund 50.00", (&payin, "50.00", "ticket-88415"), "demo-people-3").await?;
    walk.hear("somebody must look at it", &wrong, "PENDING_APPROVAL").await?;
    walk.decide("another person rejects it, for good", &wrong, ("reject", "rejected")).await?;
    walk.hear("nothing leaves", &wrong, "CANCELLED").await?;
    walk.estimate("its amount can be refunded again", &payin, (0.45, 50.0)).await?;
    walk.as_before().await?;
    Ok(walk.steps)
}

impl Walk<'_> {
    /// A call of the native API by one of the sandbox's people.
    async fn by(&self, person: &str, method: &str, path: &str, body: Value) -> anyhow::Result<Called> {
        let people = self.client.sandbox["console"]["users"].as_array().context("sandbox.json has no people")?;
        let email = format!("{person}@sandbox.example");
        let found = people.iter().find(|one| one["email"] == email.as_str());
        let key = found.and_then(|one| one["api_key"].as_str()).with_context(|| format!("{email} has no key"))?;
        let authorization = format!("Bearer {key}");
        self.client
            .call(Call { method, path, authorization: &authorization, body: Some(body), ..Call::default() })
            .await
    }

    async fn rules(&mut self) -> anyhow::Result<()> {
        let rule = json!({ "currency": "GBP", "method": "FASTER_PAYMENT", "flat": 20, "basis_points": 50 });
        let fees = self.by("admin", "PUT", "/v1/fees", json!({ "rules": [rule] })).await?;
        let good = fees.status == 200;
        self.add("a refund shall cost 0.20 and half a percent", &fees, fees.status.to_string(), good);
        let limit = json!({ "currency": "GBP", "refund": 2_500 });
        let policy =
            self.by("admin", "PUT", "/v1/approval-policy", json!({ "refunds": true, "limits": [limit] })).await?;
        let good = policy.status == 200;
        self.add("above 25.00 somebody else must agree", &policy, policy.status.to_string(), good);
        Ok(())
    }

    async fn decide(&mut self, what: &str, refund: &str, (word, state): (&str, &str)) -> anyhow::Result<()> {
        let path = format!("/v1/refunds/{refund}/{word}");
        let decided = self.by("approver", "POST", &path, json!({ "reason": "seen in the demo" })).await?;
        let is = decided.json["status"].as_str().unwrap_or_default().to_owned();
        let good = decided.status == 200 && is == state;
        self.add(what, &decided, format!("{} {is}", decided.status), good);
        Ok(())
    }

    /// The next walk, and whoever plays with the sandbox, finds it without rules.
    async fn as_before(&mut self) -> anyhow::Result<()> {
        let fees = self.by("admin", "PUT", "/v1/fees", json!({})).await?;
        let policy = self.by("admin", "PUT", "/v1/approval-policy", json!({ "refunds": false })).await?;
        let good = fees.status == 200 && policy.status == 200;
        self.add("both rules are taken back", &policy, format!("{} {}", fees.status, policy.status), good);
        Ok(())
    }
}
