//! Changes of the registry, and what decisions need of it.

use super::{Committer, Gathered};
use crate::audit;
use crate::envelope::{Answer, Envelope};
use crate::registry::{Directory, MerchantPolicy, RegistryChange, RegistryEntry};
use refundry_domain::approval::ApprovalRules;
use refundry_domain::event::Actor;
use refundry_domain::facts::Facts;
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Timestamp;
use std::sync::Arc;

impl Committer {
    pub(super) fn change_registry(
        &self,
        (envelope, at): (&Envelope, Timestamp),
        change: &RegistryChange,
        gathered: &mut Gathered,
    ) -> Result<Answer, Refusal> {
        let directory = gathered.directory.get_or_insert_with(|| (*self.snapshot()).clone());
        let entry = match change {
            RegistryChange::Put(entry) => entry.clone(),
            RegistryChange::PutEndpointWithin { endpoint, per_event_max } => {
                let crowded = endpoint.events.iter().any(|event| {
                    let others = directory.endpoints_of(endpoint.merchant, &endpoint.dialect, &endpoint.group);
                    let count = others.filter(|other| other.id != endpoint.id && other.events.contains(event)).count();
                    count >= *per_event_max
                });
                if crowded {
                    return Err(Refusal::TooManyEndpoints);
                }
                RegistryEntry::Endpoint(endpoint.clone())
            }
            RegistryChange::RemoveEndpoint(id) => {
                let owned = directory.endpoints.get(id).is_some_and(|endpoint| endpoint.merchant == envelope.merchant);
                let removed = if owned { directory.endpoints.remove(id) } else { None };
                let removed = removed.ok_or(Refusal::EndpointUnknown)?;
                let entry = RegistryEntry::Endpoint((*removed).clone());
                gathered.registry_remove.push(entry.key());
                write_down((envelope, at), (Some(&entry), None), gathered);
                return Ok(Answer::Done);
            }
            RegistryChange::PutPerson(person) => {
                if directory.person_by_email(&person.email).is_some_and(|other| other.id != person.id) {
                    return Err(Refusal::AlreadyExists);
                }
                RegistryEntry::Person(person.clone())
            }
            RegistryChange::PutPolicy(rules) => {
                let version = directory.approval_rules(envelope.merchant).version.saturating_add(1);
                let rules = Arc::new(ApprovalRules { version, ..rules.clone() });
                RegistryEntry::Policy(MerchantPolicy { merchant: envelope.merchant, rules })
            }
        };
        let before = directory.in_place_of(&entry);
        directory.put(entry.clone());
        write_down((envelope, at), (before.as_ref(), Some(&entry)), gathered);
        gathered.registry_put.push(entry);
        Ok(Answer::Done)
    }
}

/// Writes down who changed what, in the transaction of the change.
fn write_down(
    (envelope, at): (&Envelope, Timestamp),
    change: (Option<&RegistryEntry>, Option<&RegistryEntry>),
    gathered: &mut Gathered,
) {
    let Some(directory) = &mut gathered.directory else { return };
    let who = audit::Change { merchant: envelope.merchant, by: &envelope.actor, at };
    if let Some(record) = audit::record(directory, who, change) {
        let head = RegistryEntry::AuditHead(record.head());
        directory.put(head.clone());
        gathered.registry_put.push(head);
        gathered.audit.push(record);
    }
}

/// Puts the people and rules of a directory into the facts.
pub(super) fn enter_rules(facts: &mut Facts, directory: &Directory) {
    let approvers = directory.people.values().filter(|person| person.may_approve());
    facts.approvers = approvers.map(|person| (person.merchant, person.id)).collect();
    facts.approval_rules.clone_from(&directory.policies);
    facts.fee_rules.clone_from(&directory.fees);
}

/// Puts the humans behind the credentials of a batch into the facts.
pub(super) fn enter_owners(facts: &mut Facts, envelopes: &[&Envelope], directory: &Directory) {
    for envelope in envelopes {
        if let Actor::Credential(id) = &envelope.actor {
            let name = (envelope.merchant, Arc::clone(id));
            facts.owners.extend(directory.owners.get(&name).map(|owner| (name, *owner)));
        }
    }
}
