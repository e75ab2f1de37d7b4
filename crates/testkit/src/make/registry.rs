//! One registry entry of each kind.

use super::{AT, Ids};
use refundry_domain::approval::{ApprovalLimits, ApprovalRules};
use refundry_domain::fee::{FeeOnReturn, FeeRounding, FeeRule, FeeRules};
use refundry_domain::id::MerchantId;
use refundry_domain::money::Currency;
use refundry_domain::time::Span;
use refundry_engine::audit::AuditHead;
use refundry_engine::registry::{
    Brand, Credential, Endpoint, Group, Merchant, MerchantFees, MerchantPolicy, MerchantSettings, Person,
    RegistryEntry, Role, Scope,
};
use std::sync::Arc;

/// Approval rules with every limit.
fn policy(merchant: MerchantId) -> MerchantPolicy {
    let limits = ApprovalLimits { refund: Some(10_000), payment: Some(20_000), creditor_day: Some(30_000), day: None };
    let limits = [(Currency::AUD, limits), (Currency::EUR, ApprovalLimits::default())].into();
    let rules = ApprovalRules { version: 3, refunds: true, required: 2, valid_for: Span::days(3), limits };
    MerchantPolicy { merchant, rules: Arc::new(rules) }
}

/// Fee rules with every member.
fn fees(merchant: MerchantId) -> MerchantFees {
    let rule = FeeRule { flat: 35, basis_points: 25, min: Some(40), max: Some(900) };
    let rules = [((Currency::GBP, String::new()), rule), ((Currency::GBP, "card".to_owned()), FeeRule::default())];
    let rules = FeeRules {
        rules: rules.into(),
        on_return: FeeOnReturn::Refund,
        reduce_refundable: true,
        rounding: FeeRounding::Up,
    };
    MerchantFees { merchant, rules: Arc::new(rules) }
}

/// One registry entry of each kind.
pub fn registry_entries(ids: &mut Ids, merchant: MerchantId) -> Vec<RegistryEntry> {
    let owner = ids.person();
    vec![
        RegistryEntry::Merchant(Merchant { id: merchant, name: "Corner Shop".to_owned() }),
        RegistryEntry::Group(Group {
            dialect: "native".to_owned(),
            id: format!("till-{merchant}"),
            merchant,
            settings: vec![1, 2, 3],
        }),
        RegistryEntry::Credential(Credential {
            id: format!("key-{merchant}"),
            merchant,
            dialect: "native".to_owned(),
            group: String::new(),
            secret_hash: [9; 32],
            scope: Scope::Decisions,
            owner: Some(owner),
            created_at: AT,
            revoked_at: None,
            expires_at: None,
        }),
        RegistryEntry::Endpoint(Endpoint {
            id: ids.endpoint(),
            merchant,
            dialect: "native".to_owned(),
            group: String::new(),
            url: "https://shop.example/hook".to_owned(),
            secret: "not a real secret".to_owned(),
            events: vec!["refund.settled".to_owned()],
            enabled: true,
            hidden: false,
            description: "the shop's own".to_owned(),
            settings: Vec::new(),
            created_at: AT,
        }),
        RegistryEntry::Person(Person {
            email: format!("{owner}@shop.example"),
            name: "Ada Kettle".to_owned(),
            password_hash: Some("$argon2id$no-hash".to_owned()),
            totp_secret: Some("NOSECRET".to_owned()),
            ..Person::new(owner, merchant, &[Role::Approver, Role::Admin], AT)
        }),
        RegistryEntry::Policy(policy(merchant)),
        RegistryEntry::Fees(fees(merchant)),
        RegistryEntry::Brand(Brand {
            name: Some("Fernhill".to_owned()),
            colour: Some([11, 90, 94]),
            logo: Some(Arc::from(&b"\x89PNG\r\n\x1a\n"[..])),
            ..Brand::plain(merchant)
        }),
        RegistryEntry::Settings(MerchantSettings {
            merchant,
            dialect: "native".to_owned(),
            values: Arc::new([("colour".to_owned(), "\"green\"".to_owned())].into()),
        }),
        RegistryEntry::AuditHead(AuditHead { merchant, number: 300, hash: [5; 32] }),
    ]
}
