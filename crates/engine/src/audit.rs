//! Who changed what about a merchant's people, keys, rules and endpoints, and
//! when. Each change writes one record in its own transaction; the records of
//! a merchant are numbered and chained by hash, and an entry of the registry
//! holds the newest hash, so that `verify` finds one that was edited, removed
//! or put elsewhere. No record holds a secret, a name or an account number.

use crate::digest::sha256;
use crate::registry::{Credential, Directory, Endpoint, Person, RegistryEntry, Role, Scope};
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::event::{Actor, decode_actor, encode_actor};
use refundry_domain::id::{MerchantId, PersonId};
use refundry_domain::time::{NANOS_PER_SECOND, Timestamp};

/// First byte of a stored record.
const FORM: u8 = 1;

/// One change of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Whose affairs.
    pub merchant: MerchantId,
    /// 1, 2, 3… per merchant.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub by: Actor,
    /// The human behind that, where one is known.
    pub person: Option<PersonId>,
    /// What kind of thing was changed, such as `policy`.
    pub kind: String,
    /// Which one: its public id; empty where a merchant has only one.
    pub id: String,
    /// What it is since then, in a few words.
    pub words: String,
    /// The hash of the record before; zeros for the first.
    pub previous: [u8; 32],
}

/// Where the chain of a merchant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Whose.
    pub merchant: MerchantId,
    /// The number of the newest record.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl AuditRecord {
    /// The hash of everything in it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.encode())
    }

    /// The stored form, which is what is hashed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.byte(FORM).id(self.merchant.0).number(self.number).signed(self.at.0);
        encode_actor(&mut to, &self.by);
        to.option(self.person, |to, id| {
            to.id(id.0);
        });
        to.text(&self.kind).text(&self.id).text(&self.words).blob(&self.previous);
        to.finish()
    }

    /// Reads a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != FORM {
            return Err(Malformed);
        }
        let record = Self {
            merchant: MerchantId(from.id()?),
            number: from.number()?,
            at: Timestamp(from.signed()?),
            by: decode_actor(&mut from)?,
            person: from.option(Decoder::id)?.map(PersonId),
            kind: from.text()?.to_owned(),
            id: from.text()?.to_owned(),
            words: from.text()?.to_owned(),
            previous: from.blob()?.try_into().map_err(|_| Malformed)?,
        };
        if from.is_empty() { Ok(record) } else { Err(Malformed) }
    }

    /// Where the chain ends with this record.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        AuditHead { merchant: self.merchant, number: self.number, hash: self.hash() }
    }
}

impl AuditHead {
    pub(crate) fn put(&self, to: &mut Encoder) {
        to.id(self.merchant.0).number(self.number).blob(&self.hash);
    }

    pub(crate) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            merchant: MerchantId(from.id()?),
            number: from.number()?,
            hash: from.blob()?.try_into().map_err(|_| Malformed)?,
        })
    }
}

/// Who changes something, when, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) merchant: MerchantId,
    pub(crate) by: &'a Actor,
    pub(crate) at: Timestamp,
}

/// The record of a change from one entry to another; none removes it. Nothing
/// where nothing changed, and for the engine's own notes.
pub(crate) fn record(
    directory: &Directory,
    change: Change<'_>,
    (before, after): (Option<&RegistryEntry>, Option<&RegistryEntry>),
) -> Option<AuditRecord> {
    let (kind, id) = name_of(after.or(before)?)?;
    if before == after {
        return None;
    }
    let Change { merchant, by, at } = change;
    let head = directory.audit_heads.get(&merchant);
    let person = match by {
        Actor::Person(person) => Some(*person),
        Actor::Credential(id) => directory.owners.get(&(merchant, id.clone())).copied(),
        Actor::Engine | Actor::Customer | Actor::Rail(_) | Actor::Sandbox | Actor::Operator => None,
    };
    Some(AuditRecord {
        merchant,
        number: head.map_or(0, |head| head.number).saturating_add(1),
        at,
        by: by.clone(),
        person,
        kind: kind.to_owned(),
        id,
        words: after.map_or_else(|| "removed".to_owned(), |after| words(before, after)),
        previous: head.map_or([0; 32], |head| head.hash),
    })
}

fn name_of(entry: &RegistryEntry) -> Option<(&'static str, String)> {
    Some(match entry {
        RegistryEntry::Merchant(_) => ("merchant", String::new()),
        RegistryEntry::Group(entry) => ("group", format!("{}/{}", entry.dialect, entry.id)),
        RegistryEntry::Credential(entry) => ("credential", format!("{}/{}", entry.dialect, entry.id)),
        RegistryEntry::Endpoint(entry) => ("endpoint", entry.id.to_string()),
        RegistryEntry::Person(entry) => ("person", entry.id.to_string()),
        RegistryEntry::Policy(_) => ("policy", String::new()),
        RegistryEntry::Fees(_) => ("fees", String::new()),
        RegistryEntry::Brand(_) => ("brand", String::new()),
        RegistryEntry::Settings(entry) => ("settings", entry.dialect.clone()),
        RegistryEntry::AuditHead(_) | RegistryEntry::Unswept(_) => return None,
    })
}

fn words(before: Option<&RegistryEntry>, after: &RegistryEntry) -> String {
    match after {
        RegistryEntry::Policy(entry) => {
            let rules = &entry.rules;
            let seconds = rules.valid_for.0 / NANOS_PER_SECOND;
            let asks =
                if rules.refunds { format!("{} others within {seconds} s", rules.required) } else { "off".into() };
            format!("version {}: {asks}, limits of {} currencies", rules.version, rules.limits.len())
        }
        RegistryEntry::Fees(entry) => {
            let rules = &entry.rules;
            let counted = if rules.reduce_refundable { ", counted against what is left" } else { "" };
            let (back, rounding) = (rules.on_return.code(), rules.rounding.code());
            format!("{} rules, {back} on return, rounded {rounding}{counted}", rules.rules.len())
        }
        RegistryEntry::Person(entry) => {
            let before = if let Some(RegistryEntry::Person(before)) = before { Some(before) } else { None };
            of_person(before, entry)
        }
        RegistryEntry::Credential(entry) => of_credential(entry),
        RegistryEntry::Endpoint(entry) => of_endpoint(entry),
        RegistryEntry::Settings(entry) => entry.words(),
        RegistryEntry::Merchant(_)
        | RegistryEntry::Group(_)
        | RegistryEntry::Brand(_)
        | RegistryEntry::AuditHead(_)
        | RegistryEntry::Unswept(_) => if before.is_some() { "changed" } else { "made" }.to_owned(),
    }
}

fn of_person(before: Option<&Person>, person: &Person) -> String {
    let roles: Vec<&str> = person.roles.iter().map(Role::code).collect();
    let state = if person.enabled { "enabled" } else { "disabled" };
    let mut words = format!("{state}; {}", if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") });
    if let Some(before) = before {
        for (what, changed) in [
            ("another password", before.password_hash != person.password_hash),
            ("another second factor", before.totp_secret != person.totp_secret),
            ("another e-mail", before.email != person.email),
        ] {
            if changed {
                words.push_str("; ");
                words.push_str(what);
            }
        }
    }
    words
}

fn of_credential(credential: &Credential) -> String {
    let what = match credential.scope {
        Scope::Calls => "calls",
        Scope::Decisions => "decisions",
    };
    let end = if credential.expires_at.is_some() { ", with an end" } else { "" };
    let revoked = if credential.revoked_at.is_some() { ", revoked" } else { "" };
    format!("for {what}{end}{revoked}")
}

fn of_endpoint(endpoint: &Endpoint) -> String {
    let state = if endpoint.enabled { "enabled" } else { "disabled" };
    format!("{}, {state}", endpoint.dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_record() -> AuditRecord {
        AuditRecord {
            merchant: MerchantId(1),
            number: 300,
            at: Timestamp(5),
            by: Actor::Operator,
            person: Some(PersonId(2)),
            kind: "policy".to_owned(),
            id: String::new(),
            words: "version 2: off, limits of 0 currencies".to_owned(),
            previous: [7; 32],
        }
    }

    #[test]
    fn reads_what_it_writes_and_every_field_counts() {
        let record = a_record();
        assert_eq!(AuditRecord::decode(&record.encode()), Ok(record.clone()));
        let others = [
            AuditRecord { merchant: MerchantId(9), ..a_record() },
            AuditRecord { number: 301, ..a_record() },
            AuditRecord { at: Timestamp(6), ..a_record() },
            AuditRecord { by: Actor::Sandbox, ..a_record() },
            AuditRecord { person: None, ..a_record() },
            AuditRecord { kind: "fees".to_owned(), ..a_record() },
            AuditRecord { id: "x".to_owned(), ..a_record() },
            AuditRecord { words: String::new(), ..a_record() },
            AuditRecord { previous: [8; 32], ..a_record() },
        ];
        assert!(others.iter().all(|other| other.hash() != record.hash()));
    }

    #[test]
    fn a_person_s_record_tells_what_they_may_do_and_no_secret() {
        let mut before = Person::new(PersonId(1), MerchantId(2), &[Role::Maker], Timestamp(3));
        before.email = "ada@shop.example".to_owned();
        let mut after = before.clone();
        after.roles = crate::registry::Roles::of(&[Role::Maker, Role::Approver]);
        after.password_hash = Some("hash".to_owned());
        after.enabled = false;
        let words = of_person(Some(&before), &after);
        assert_eq!(words, "disabled; maker, approver; another password");
        assert_eq!(of_person(None, &before), "enabled; maker");
    }
}
