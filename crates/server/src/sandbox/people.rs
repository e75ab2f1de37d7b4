//! The sandbox's people: one who makes refunds, two who approve them, one who
//! looks after rules and people. Made at the first start, or taken from what
//! the file tells already.

use super::document::Document;
use refundry_console::{password, totp};
use refundry_dialects::host::Dialect;
use refundry_domain::id::{MerchantId, PersonId};
use refundry_domain::time::Timestamp;
use refundry_engine::engine::Engine;
use refundry_engine::mint::{new_id, random_id};
use refundry_engine::registry::{Credential, Person, RegistryEntry, Role, Roles};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The member that tells of them.
const MEMBER: &str = "console";
/// Who there is when nobody is named: e-mail, name, roles.
const STAFF: [(&str, &str, &[Role]); 4] = [
    ("maker@sandbox.example", "Mia Maker", &[Role::Maker]),
    ("approver@sandbox.example", "Ada Approver", &[Role::Approver]),
    ("approver2@sandbox.example", "Abe Approver", &[Role::Approver]),
    ("admin@sandbox.example", "Alma Admin", &[Role::Admin]),
];

/// A person as the file tells of them.
struct User {
    id: PersonId,
    email: String,
    name: String,
    password: String,
    totp_secret: Option<String>,
    roles: Vec<Role>,
    /// The key with which they decide by calls.
    api_key: Option<String>,
}

impl User {
    fn new((email, name, roles): (&str, &str, &[Role]), at: Timestamp) -> Self {
        Self {
            id: PersonId(new_id(at)),
            email: email.to_owned(),
            name: name.to_owned(),
            password: new_password(),
            totp_secret: decides(roles).then(totp::new_secret),
            roles: roles.to_vec(),
            api_key: None,
        }
    }

    /// Who a member of the file tells of; what it leaves out is made.
    fn read(told: &Value, at: Timestamp) -> Option<Self> {
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        let roles = told.get("roles")?.as_array()?.iter().map(|role| Role::from_code(role.as_str()?));
        let roles: Vec<Role> = roles.collect::<Option<_>>()?;
        let email = text("email")?.to_lowercase();
        let id = text("id").and_then(|id| PersonId::parse(&id).ok());
        Some(Self {
            id: id.unwrap_or_else(|| PersonId(new_id(at))),
            name: text("name").unwrap_or_else(|| email.clone()),
            email,
            password: text("password").unwrap_or_else(new_password),
            totp_secret: text("totp_secret").or_else(|| decides(&roles).then(totp::new_secret)),
            roles,
            api_key: text("api_key"),
        })
    }

    fn told(&self) -> Value {
        let mut told = Map::new();
        told.insert("id".into(), json!(self.id.to_string()));
        told.insert("email".into(), json!(self.email));
        told.insert("name".into(), json!(self.name));
        told.insert("password".into(), json!(self.password));
        told.insert("totp_secret".into(), json!(self.totp_secret));
        told.insert("roles".into(), json!(self.roles.iter().map(|role| role.code()).collect::<Vec<_>>()));
        if let Some(key) = &self.api_key {
            told.insert("api_key".into(), json!(key));
        }
        Value::Object(told)
    }

    fn person(&self, merchant: MerchantId, at: Timestamp, hash: String) -> Person {
        Person {
            email: self.email.clone(),
            name: self.name.clone(),
            roles: Roles::of(&self.roles),
            password_hash: Some(hash),
            totp_secret: self.totp_secret.clone(),
            ..Person::new(self.id, merchant, &[], at)
        }
    }
}

/// Whoever decides about money or rules has a second factor.
fn decides(roles: &[Role]) -> bool {
    roles.contains(&Role::Approver) || roles.contains(&Role::Admin)
}

/// A password of 122 random bits.
fn new_password() -> String {
    format!("{:032x}", random_id())
}

/// Puts the people into the file's members; what the registry lacks of them.
pub(super) async fn provision(
    engine: &Engine,
    dialects: &[Arc<dyn Dialect>],
    (merchant, base_url): (MerchantId, &str),
    document: &mut Document,
) -> Vec<RegistryEntry> {
    let at = engine.now();
    let told = document.member(MEMBER).get("users").and_then(Value::as_array);
    let mut users: Vec<User> = match told {
        Some(told) => told.iter().filter_map(|user| User::read(user, at)).collect(),
        None => STAFF.into_iter().map(|one| User::new(one, at)).collect(),
    };
    let mut entries = Vec::new();
    for user in &mut users {
        if engine.directory().people.contains_key(&user.id) {
            continue;
        }
        let (text, given) = (user.password.clone(), user.api_key.take());
        let hashed = tokio::task::spawn_blocking(move || password::hash(&text)).await;
        match hashed {
            Ok(Ok(hash)) => entries.push(RegistryEntry::Person(user.person(merchant, at, hash))),
            Ok(Err(refused)) => {
                tracing::warn!(error = %refused, "a given password is not taken; its owner is left out")
            }
            Err(error) => tracing::error!(error = %error, "a password was not hashed; its owner is left out"),
        }
        let mut key_of = |dialect: &Arc<dyn Dialect>| dialect.decision_key((merchant, user.id), at, given.as_deref());
        let key: Option<(String, Credential)> =
            if decides(&user.roles) { dialects.iter().find_map(&mut key_of) } else { None };
        if let Some((text, credential)) = key {
            entries.push(RegistryEntry::Credential(credential));
            user.api_key = Some(text);
        }
    }
    let mut members = Map::new();
    members.insert("url".into(), json!(format!("{base_url}/console")));
    members.insert("users".into(), users.iter().map(User::told).collect());
    document.set_member(MEMBER, members);
    entries
}
