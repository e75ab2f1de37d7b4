//! The registry: merchants, credential groups, credentials, endpoints, people
//! and their rules. Small, read often, changed rarely: the whole of it is in memory,
//! and its changes go through the door.

mod brand;
mod people;
mod rules;
mod settings;

pub use brand::{BRAND_NAME_LENGTH_MAX, Brand, LOGO_BYTES_MAX};
pub use people::{Person, Role, Roles};
pub use rules::{MerchantFees, MerchantPolicy};
pub use settings::MerchantSettings;

use crate::audit::AuditHead;
use refundry_domain::approval::ApprovalRules;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::fee::{FeeRule, FeeRules};
use refundry_domain::id::{EndpointId, MandateId, MandateToken, MerchantId, PersonId};
use refundry_domain::money::Currency;
use refundry_domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Its name, as customers know it.
    pub name: String,
}

/// A credential group of a dialect: an application or a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The dialect it belongs to.
    pub dialect: String,
    /// Its id in that dialect.
    pub id: String,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Settings that only the dialect understands.
    pub settings: Vec<u8>,
}

/// What a credential may change; all of them read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everything that calls change, but nothing that people decide.
    #[default]
    Calls,
    /// Decisions of the human who owns it, and nothing else: who makes
    /// refunds with a key never approves with it.
    Decisions,
}

/// What proves who calls: a public id and the hash of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Public id: key id, `pk_…`, client id.
    pub id: String,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The dialect it opens.
    pub dialect: String,
    /// The group it belongs to; empty for the whole merchant.
    pub group: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// What it may change.
    pub scope: Scope,
    /// The human who owns it, where one does.
    pub owner: Option<PersonId>,
    /// Creation.
    pub created_at: Timestamp,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// From when on it opens nothing; none for a key without an end.
    pub expires_at: Option<Timestamp>,
}

impl Credential {
    /// Whether it opens anything at this time.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Credential({} of {})", self.id, self.merchant)
    }
}

/// A place that receives webhooks.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The dialect whose payloads it gets.
    pub dialect: String,
    /// The group whose objects it hears of; empty for all.
    pub group: String,
    /// Where to send; `inbox:<name>` is the sandbox's own inbox.
    pub url: String,
    /// The signing key.
    pub secret: String,
    /// The dialect's event names it wants; empty for all.
    pub events: Vec<String>,
    /// Whether it gets anything.
    pub enabled: bool,
    /// Not listed and not counted: the sandbox's own.
    pub hidden: bool,
    /// What people call it.
    pub description: String,
    /// Settings that only the dialect understands.
    pub settings: Vec<u8>,
    /// Creation; earlier events are not sent to it.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Endpoint({} of {})", self.id, self.merchant)
    }
}

/// One entry of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryEntry {
    /// A tenant.
    Merchant(Merchant),
    /// An application or client.
    Group(Group),
    /// A credential.
    Credential(Credential),
    /// A webhook endpoint.
    Endpoint(Endpoint),
    /// A human being.
    Person(Person),
    /// When people of a merchant must agree.
    Policy(MerchantPolicy),
    /// What refunds cost a merchant.
    Fees(MerchantFees),
    /// How a merchant's pages look.
    Brand(Brand),
    /// What a merchant has set otherwise in a dialect.
    Settings(MerchantSettings),
    /// Where the chain of a merchant's audit records ends.
    AuditHead(AuditHead),
    /// A note of the engine's own: a sweep that has not ended compares the
    /// rail's debits since this time.
    Unswept(Timestamp),
}

impl RegistryEntry {
    /// Kind and id: the key under which it is stored.
    #[must_use]
    pub fn key(&self) -> RegistryKey {
        match self {
            Self::Merchant(entry) => RegistryKey { kind: 0, id: entry.id.to_string() },
            Self::Group(entry) => RegistryKey { kind: 1, id: format!("{}/{}", entry.dialect, entry.id) },
            Self::Credential(entry) => RegistryKey { kind: 2, id: format!("{}/{}", entry.dialect, entry.id) },
            Self::Endpoint(entry) => RegistryKey { kind: 3, id: entry.id.to_string() },
            Self::Person(entry) => RegistryKey { kind: 4, id: entry.id.to_string() },
            Self::Policy(entry) => RegistryKey { kind: 6, id: entry.merchant.to_string() },
            Self::Fees(entry) => RegistryKey { kind: 7, id: entry.merchant.to_string() },
            Self::Brand(entry) => RegistryKey { kind: 8, id: entry.merchant.to_string() },
            Self::Settings(entry) => RegistryKey { kind: 9, id: format!("{}/{}", entry.dialect, entry.merchant) },
            Self::AuditHead(entry) => RegistryKey { kind: 10, id: entry.merchant.to_string() },
            Self::Unswept(_) => RegistryKey { kind: 5, id: String::new() },
        }
    }

    /// Writes the entry; the store seals the bytes, they hold secrets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        match self {
            Self::Merchant(entry) => {
                to.byte(0).id(entry.id.0).text(&entry.name);
            }
            Self::Group(entry) => {
                to.byte(1).text(&entry.dialect).text(&entry.id).id(entry.merchant.0).blob(&entry.settings);
            }
            Self::Credential(entry) => {
                put_credential(&mut to, entry);
            }
            Self::Endpoint(entry) => {
                to.byte(3).id(entry.id.0).id(entry.merchant.0).text(&entry.dialect).text(&entry.group);
                to.text(&entry.url).text(&entry.secret);
                to.list(&entry.events, |to, event| {
                    to.text(event);
                });
                to.byte(u8::from(entry.enabled)).byte(u8::from(entry.hidden)).text(&entry.description);
                to.blob(&entry.settings).signed(entry.created_at.0);
            }
            Self::Person(entry) => {
                to.byte(10);
                entry.put(&mut to);
            }
            Self::Policy(entry) => {
                to.byte(7);
                entry.put(&mut to);
            }
            Self::Fees(entry) => {
                to.byte(8);
                entry.put(&mut to);
            }
            Self::Brand(entry) => {
                to.byte(11);
                entry.put(&mut to);
            }
            Self::Settings(entry) => {
                to.byte(12);
                entry.put(&mut to);
            }
            Self::AuditHead(entry) => {
                to.byte(13);
                entry.put(&mut to);
            }
            Self::Unswept(since) => {
                to.byte(6).signed(since.0);
            }
        }
        to.finish()
    }

    /// Reads an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let from = &mut from;
        Ok(match from.byte()? {
            0 => Self::Merchant(Merchant { id: MerchantId(from.id()?), name: from.text()?.to_owned() }),
            1 => Self::Group(Group {
                dialect: from.text()?.to_owned(),
                id: from.text()?.to_owned(),
                merchant: MerchantId(from.id()?),
                settings: from.blob()?.to_vec(),
            }),
            kind @ (2 | 5 | 9) => Self::Credential(take_credential(from, kind)?),
            3 => Self::Endpoint(Endpoint {
                id: EndpointId(from.id()?),
                merchant: MerchantId(from.id()?),
                dialect: from.text()?.to_owned(),
                group: from.text()?.to_owned(),
                url: from.text()?.to_owned(),
                secret: from.text()?.to_owned(),
                events: from.list(|from| from.text().map(str::to_owned))?,
                enabled: from.flag()?,
                hidden: from.flag()?,
                description: from.text()?.to_owned(),
                settings: from.blob()?.to_vec(),
                created_at: Timestamp(from.signed()?),
            }),
            4 => Self::Person(Person::take_first(from)?),
            6 => Self::Unswept(Timestamp(from.signed()?)),
            10 => Self::Person(Person::take(from)?),
            7 => Self::Policy(MerchantPolicy::take(from)?),
            8 => Self::Fees(MerchantFees::take(from)?),
            11 => Self::Brand(Brand::take(from)?),
            12 => Self::Settings(MerchantSettings::take(from)?),
            13 => Self::AuditHead(AuditHead::take(from)?),
            _ => return Err(Malformed),
        })
    }
}

/// A key without an end, and one for calls, are written as they were before
/// there were others.
fn put_credential(to: &mut Encoder, entry: &Credential) {
    let kind = match (entry.scope, entry.expires_at) {
        (Scope::Calls, None) => 2,
        (Scope::Calls, Some(_)) => 5,
        (Scope::Decisions, _) => 9,
    };
    to.byte(kind).text(&entry.id).id(entry.merchant.0).text(&entry.dialect).text(&entry.group);
    to.blob(&entry.secret_hash);
    to.option(entry.owner, |to, id| {
        to.id(id.0);
    });
    to.signed(entry.created_at.0);
    to.option(entry.revoked_at, |to, at| {
        to.signed(at.0);
    });
    match kind {
        2 => {}
        5 => {
            to.signed(entry.expires_at.unwrap_or_default().0);
        }
        _ => {
            to.option(entry.expires_at, |to, at| {
                to.signed(at.0);
            });
        }
    }
}

fn take_credential(from: &mut Decoder<'_>, kind: u8) -> Result<Credential, Malformed> {
    Ok(Credential {
        id: from.text()?.to_owned(),
        merchant: MerchantId(from.id()?),
        dialect: from.text()?.to_owned(),
        group: from.text()?.to_owned(),
        secret_hash: from.blob()?.try_into().map_err(|_| Malformed)?,
        scope: if kind == 9 { Scope::Decisions } else { Scope::Calls },
        owner: from.option(Decoder::id)?.map(PersonId),
        created_at: Timestamp(from.signed()?),
        revoked_at: from.option(Decoder::signed)?.map(Timestamp),
        expires_at: match kind {
            2 => None,
            5 => Some(Timestamp(from.signed()?)),
            _ => from.option(Decoder::signed)?.map(Timestamp),
        },
    })
}

/// The key of an entry: a kind's number and an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryKey {
    /// Number of the kind.
    pub kind: u8,
    /// Id, with the dialect's name before it where it is only unique there.
    pub id: String,
}

/// A change of the registry.
#[derive(Debug, Clone)]
pub enum RegistryChange {
    /// Insert or replace.
    Put(RegistryEntry),
    /// Insert or replace an endpoint unless one of its events has this many
    /// others already.
    PutEndpointWithin {
        /// The endpoint.
        endpoint: Endpoint,
        /// Most endpoints for one event in its group.
        per_event_max: usize,
    },
    /// Remove an endpoint of a merchant.
    RemoveEndpoint(EndpointId),
    /// Insert or replace a person, unless somebody else signs in with the
    /// same e-mail.
    PutPerson(Person),
    /// Replace a merchant's approval rules; they get the next version, so that
    /// approvals given under the ones before are void.
    PutPolicy(ApprovalRules),
}

/// Where a mandate token leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateEntry {
    /// Whose mandate.
    pub merchant: MerchantId,
    /// Which.
    pub mandate: MandateId,
    /// The group it belongs to; empty for all.
    pub group: Arc<str>,
}

/// The whole registry, as one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Tenants.
    pub merchants: BTreeMap<MerchantId, Merchant>,
    /// Groups by dialect and id.
    pub groups: BTreeMap<(String, String), Group>,
    /// Credentials by dialect and public id.
    pub credentials: HashMap<(String, String), Arc<Credential>>,
    /// Endpoints.
    pub endpoints: BTreeMap<EndpointId, Arc<Endpoint>>,
    /// The humans who own credentials, by merchant and public id.
    pub owners: HashMap<(MerchantId, Arc<str>), PersonId>,
    /// People.
    pub people: BTreeMap<PersonId, Person>,
    /// Approval rules.
    pub policies: BTreeMap<MerchantId, Arc<ApprovalRules>>,
    /// Fee rules.
    pub fees: BTreeMap<MerchantId, Arc<FeeRules>>,
    /// How pages look.
    pub brands: BTreeMap<MerchantId, Arc<Brand>>,
    /// What merchants have set otherwise, by merchant and dialect.
    pub settings: BTreeMap<(MerchantId, String), Arc<BTreeMap<String, String>>>,
    /// Where the chains of audit records end.
    pub audit_heads: BTreeMap<MerchantId, AuditHead>,
    /// Mandates by token.
    pub mandate_tokens: HashMap<MandateToken, MandateEntry>,
    /// From where the sweep of an earlier process had to begin, where it had
    /// not ended; as the store was opened.
    pub unswept_since: Option<Timestamp>,
}

impl Directory {
    /// Puts an entry in its place.
    pub fn put(&mut self, entry: RegistryEntry) {
        match entry {
            RegistryEntry::Merchant(entry) => {
                self.merchants.insert(entry.id, entry);
            }
            RegistryEntry::Group(entry) => {
                self.groups.insert((entry.dialect.clone(), entry.id.clone()), entry);
            }
            RegistryEntry::Credential(entry) => {
                let name = (entry.merchant, Arc::from(entry.id.as_str()));
                match entry.owner {
                    Some(owner) => self.owners.insert(name, owner),
                    None => self.owners.remove(&name),
                };
                self.credentials.insert((entry.dialect.clone(), entry.id.clone()), Arc::new(entry));
            }
            RegistryEntry::Endpoint(entry) => {
                self.endpoints.insert(entry.id, Arc::new(entry));
            }
            RegistryEntry::Person(entry) => {
                self.people.insert(entry.id, entry);
            }
            RegistryEntry::Policy(entry) => {
                self.policies.insert(entry.merchant, entry.rules);
            }
            RegistryEntry::Fees(entry) => {
                self.fees.insert(entry.merchant, entry.rules);
            }
            RegistryEntry::Brand(entry) => {
                self.brands.insert(entry.merchant, Arc::new(entry));
            }
            RegistryEntry::Settings(entry) => {
                self.settings.insert((entry.merchant, entry.dialect), entry.values);
            }
            RegistryEntry::AuditHead(entry) => {
                self.audit_heads.insert(entry.merchant, entry);
            }
            RegistryEntry::Unswept(since) => self.unswept_since = Some(since),
        }
    }

    /// The entry in the place of another one, where there is one.
    #[must_use]
    pub fn in_place_of(&self, entry: &RegistryEntry) -> Option<RegistryEntry> {
        match entry {
            RegistryEntry::Merchant(entry) => self.merchants.get(&entry.id).cloned().map(RegistryEntry::Merchant),
            RegistryEntry::Group(entry) => {
                self.groups.get(&(entry.dialect.clone(), entry.id.clone())).cloned().map(RegistryEntry::Group)
            }
            RegistryEntry::Credential(entry) => {
                let found = self.credentials.get(&(entry.dialect.clone(), entry.id.clone()));
                found.map(|found| RegistryEntry::Credential((**found).clone()))
            }
            RegistryEntry::Endpoint(entry) => {
                self.endpoints.get(&entry.id).map(|found| RegistryEntry::Endpoint((**found).clone()))
            }
            RegistryEntry::Person(entry) => self.people.get(&entry.id).cloned().map(RegistryEntry::Person),
            RegistryEntry::Policy(entry) => {
                let (merchant, rules) = (entry.merchant, self.policies.get(&entry.merchant)?);
                Some(RegistryEntry::Policy(MerchantPolicy { merchant, rules: Arc::clone(rules) }))
            }
            RegistryEntry::Fees(entry) => {
                let (merchant, rules) = (entry.merchant, self.fees.get(&entry.merchant)?);
                Some(RegistryEntry::Fees(MerchantFees { merchant, rules: Arc::clone(rules) }))
            }
            RegistryEntry::Brand(entry) => {
                self.brands.get(&entry.merchant).map(|found| RegistryEntry::Brand((**found).clone()))
            }
            RegistryEntry::Settings(entry) => {
                let values = self.settings.get(&(entry.merchant, entry.dialect.clone()))?;
                Some(RegistryEntry::Settings(MerchantSettings { values: Arc::clone(values), ..entry.clone() }))
            }
            RegistryEntry::AuditHead(entry) => {
                self.audit_heads.get(&entry.merchant).copied().map(RegistryEntry::AuditHead)
            }
            RegistryEntry::Unswept(_) => self.unswept_since.map(RegistryEntry::Unswept),
        }
    }

    /// A credential that is neither revoked nor expired.
    #[must_use]
    pub fn credential(&self, dialect: &str, id: &str, now: Timestamp) -> Option<Arc<Credential>> {
        let found = self.credentials.get(&(dialect.to_owned(), id.to_owned()))?;
        found.is_good_at(now).then(|| Arc::clone(found))
    }

    /// What a refund of this currency and payment method costs a merchant. A
    /// method without a rule of its own takes the currency's.
    #[must_use]
    pub fn fee_rule(&self, merchant: MerchantId, currency: Currency, method: &str) -> FeeRule {
        self.fees.get(&merchant).map(|rules| rules.rule(currency, method)).unwrap_or_default()
    }

    /// What refunds cost a merchant.
    #[must_use]
    pub fn fee_rules(&self, merchant: MerchantId) -> Arc<FeeRules> {
        self.fees.get(&merchant).map(Arc::clone).unwrap_or_default()
    }

    /// When people of a merchant must agree.
    #[must_use]
    pub fn approval_rules(&self, merchant: MerchantId) -> Arc<ApprovalRules> {
        self.policies.get(&merchant).map(Arc::clone).unwrap_or_default()
    }

    /// A person of a merchant.
    #[must_use]
    pub fn person(&self, merchant: MerchantId, id: PersonId) -> Option<&Person> {
        self.people.get(&id).filter(|person| person.merchant == merchant)
    }

    /// Who signs in with this e-mail, however it is written.
    #[must_use]
    pub fn person_by_email(&self, email: &str) -> Option<&Person> {
        let email = email.trim().to_lowercase();
        self.people.values().find(|person| !email.is_empty() && person.email == email)
    }

    /// The people of a merchant.
    pub fn people_of(&self, merchant: MerchantId) -> impl Iterator<Item = &Person> {
        self.people.values().filter(move |person| person.merchant == merchant)
    }

    /// The endpoints of a merchant and dialect that are not hidden and belong
    /// to this group.
    pub fn endpoints_of<'a>(
        &'a self,
        merchant: MerchantId,
        dialect: &'a str,
        group: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Endpoint>> {
        self.endpoints.values().filter(move |endpoint| {
            endpoint.merchant == merchant && endpoint.dialect == dialect && endpoint.group == group && !endpoint.hidden
        })
    }
}
