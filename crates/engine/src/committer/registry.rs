//! Changes of the registry, and what decisions need of it.

use super::{Committer, Gathered};
use crate::envelope::{Answer, Envelope};
use crate::registry::{Directory, MerchantPolicy, RegistryChange, RegistryEntry};
use refundry_domain::approval::ApprovalRules;
use refundry_domain::event::Actor;
use refundry_domain::facts::Facts;
use refundry_domain::refusal::Refusal;
use std::sync::Arc;

impl Committer {
    pub(super) fn change_registry(
        &self,
        envelope: &Envelope,
        change: &RegistryChange,
        gathered: &mut Gathered,
    ) -> Result<Answer, Refusal> {
        let directory = gathered.directory.get_or_insert_with(|| (*self.snapshot()).clone());
        match change {
            RegistryChange::Put(entry) => {
                directory.put(entry.clone());
                gathered.registry_put.push(entry.clone());
            }
            RegistryChange::PutEndpointWithin { endpoint, per_event_max } => {
                let crowded = endpoint.events.iter().any(|event| {
                    let others = directory.endpoints_of(endpoint.merchant, &endpoint.dialect, &endpoint.group);
                    let count = others.filter(|other| other.id != endpoint.id && other.events.contains(event)).count();
                    count >= *per_event_max
                });
                if crowded {
                    return Err(Refusal::TooManyEndpoints);
                }
                let entry = RegistryEntry::Endpoint(endpoint.clone());
                directory.put(entry.clone());
                gathered.registry_put.push(entry);
            }
            RegistryChange::RemoveEndpoint(id) => {
                let owned = directory.endpoints.get(id).is_some_and(|endpoint| endpoint.merchant == envelope.merchant);
                if !owned {
                    return Err(Refusal::EndpointUnknown);
                }
                if let Some(endpoint) = directory.endpoints.remove(id) {
                    gathered.registry_remove.push(RegistryEntry::Endpoint((*endpoint).clone()).key());
                }
            }
            RegistryChange::PutPerson(person) => {
                if directory.person_by_email(&person.email).is_some_and(|other| other.id != person.id) {
                    return Err(Refusal::AlreadyExists);
                }
                gathered.registry_put.push(RegistryEntry::Person(person.clone()));
                directory.put(RegistryEntry::Person(person.clone()));
            }
            RegistryChange::PutPolicy(rules) => {
                let version = directory.approval_rules(envelope.merchant).version.saturating_add(1);
                let rules = Arc::new(ApprovalRules { version, ..rules.clone() });
                let entry = RegistryEntry::Policy(MerchantPolicy { merchant: envelope.merchant, rules });
                directory.put(entry.clone());
                gathered.registry_put.push(entry);
            }
        }
        Ok(Answer::Done)
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
