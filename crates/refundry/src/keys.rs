//! `key`: what programs and people call with. A secret is printed once and
//! kept as a hash, or sealed where the dialect signs with it.

use crate::door::{Door, Store};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use refundry_dialects::host::{Dialect, SandboxPlan};
use refundry_domain::id::{MandateId, MandateToken, PersonId};
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::registry::{Credential, RegistryChange, RegistryEntry, Scope};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

/// Longest life of a key, days.
const DAYS_MAX: u64 = 3_650;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once. Like all of these, with the server stopped.
    Issue(Issue),
    /// List the keys, without their secrets.
    List {
        #[command(flatten)]
        store: Store,
    },
    /// Take everything away from a key at once.
    Revoke {
        #[command(flatten)]
        store: Store,
        /// The key as it is listed, such as `native/0123456789abcdef`.
        key: String,
    },
}

/// What a key is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum For {
    /// Everything that programs do.
    Calls,
    /// Decisions of the human who owns it, and nothing else.
    Decisions,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    store: Store,
    /// The dialect that it opens.
    #[arg(long)]
    dialect: String,
    /// What it is there for.
    #[arg(long = "for", value_enum, default_value = "calls")]
    purpose: For,
    /// The e-mail of the human who owns it; a key for decisions needs one, and
    /// what a key for calls makes is never approved by its owner.
    #[arg(long)]
    owner: Option<String>,
    /// What it opens, where the dialect tells such things apart; several times
    /// for several. Everything without it.
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// After how many days it opens nothing any more.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=DAYS_MAX))]
    days: Option<u64>,
    /// An application that there is already, for a further key of it.
    #[arg(long)]
    group: Option<String>,
}

/// Runs a subcommand to its end.
pub(crate) async fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    match command {
        KeyCommand::Issue(wish) => issue(&wish).await?,
        KeyCommand::List { store } => list(&store).await?,
        KeyCommand::Revoke { store, key } => revoke(&store, &key).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn issue(wish: &Issue) -> anyhow::Result<()> {
    let door = Door::open(&wish.store)?;
    let dialects = door.dialects(&Value::Null)?;
    let issuing: Vec<&Arc<dyn Dialect>> = dialects.iter().filter(|one| !one.key_members().is_empty()).collect();
    let dialect = issuing.iter().find(|one| one.sandbox_member() == wish.dialect);
    let words = || issuing.iter().map(|one| one.sandbox_member()).collect::<Vec<_>>().join(", ");
    let dialect = dialect.with_context(|| format!("keys are of one of {}", words()))?;
    let owner = wish.owner.as_deref().map(|email| owner(&door, email)).transpose()?;
    check(wish, &***dialect, owner)?;
    let at = door.engine().now();
    let plan = SandboxPlan {
        merchant: door.merchant,
        at,
        accounts: &BTreeMap::new(),
        mandate: MandateId(0),
        mandate_token: MandateToken(0),
        seed: &json!({ "scopes": wish.scopes, "application_id": wish.group }),
    };
    let made = dialect.provision(&plan);
    let mut entries = Vec::new();
    for entry in made.entries {
        match entry {
            RegistryEntry::Credential(made) => {
                let credential = narrowed(wish, made, (owner, at));
                if let Some(group) = &wish.group
                    && (credential.group != *group || !door.has_group(&credential))
                {
                    bail!("there is no {group:?} that may have further keys");
                }
                entries.push(RegistryEntry::Credential(credential));
            }
            RegistryEntry::Group(_) if wish.group.is_some() => {}
            // A sandbox's inbox; others register their own.
            RegistryEntry::Endpoint(_) => {}
            other @ (RegistryEntry::Merchant(_)
            | RegistryEntry::Group(_)
            | RegistryEntry::Person(_)
            | RegistryEntry::Policy(_)
            | RegistryEntry::Fees(_)
            | RegistryEntry::Brand(_)
            | RegistryEntry::Settings(_)
            | RegistryEntry::AuditHead(_)
            | RegistryEntry::Unswept(_)) => entries.push(other),
        }
    }
    for entry in entries {
        door.change(RegistryChange::Put(entry)).await.context("the key was not made")?;
    }
    for name in dialect.key_members() {
        if let Some(value) = made.members.get(*name).and_then(Value::as_str) {
            println!("{name}: {value}");
        }
    }
    door.close().await
}

fn check(wish: &Issue, dialect: &dyn Dialect, owner: Option<PersonId>) -> anyhow::Result<()> {
    if let Some(unknown) = wish.scopes.iter().find(|word| !dialect.key_scopes().contains(&word.as_str())) {
        match dialect.key_scopes() {
            [] => bail!("keys of {} all open the same", wish.dialect),
            known => bail!("{unknown:?} is not one of {}", known.join(", ")),
        }
    }
    match wish.purpose {
        For::Calls => Ok(()),
        For::Decisions if !dialect.has_decision_keys() => bail!("nobody decides by calls of {}", wish.dialect),
        For::Decisions if owner.is_none() => bail!("a key for decisions belongs to a human: --owner EMAIL"),
        For::Decisions => Ok(()),
    }
}

fn narrowed(wish: &Issue, made: Credential, (owner, at): (Option<PersonId>, Timestamp)) -> Credential {
    let scope = match wish.purpose {
        For::Calls => Scope::Calls,
        For::Decisions => Scope::Decisions,
    };
    Credential { scope, owner, expires_at: wish.days.map(|days| at.plus(Span::days(days))), ..made }
}

fn owner(door: &Door, email: &str) -> anyhow::Result<PersonId> {
    let directory = door.directory();
    let found = directory.person_by_email(email).filter(|person| person.merchant == door.merchant);
    found.map(|person| person.id).with_context(|| format!("nobody signs in with {email}"))
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let door = Door::open(store)?;
    let directory = door.directory();
    let mut found: Vec<_> = directory.credentials.values().filter(|key| key.merchant == door.merchant).collect();
    found.sort_by_key(|key| (key.dialect.clone(), key.created_at, key.id.clone()));
    let now = door.engine().now();
    for key in found {
        let purpose = match key.scope {
            Scope::Calls => "calls",
            Scope::Decisions => "decisions",
        };
        let owner = key.owner.and_then(|owner| directory.person(door.merchant, owner));
        let owner = owner.map(|person| format!(", of {}", person.email)).unwrap_or_default();
        let state = if key.revoked_at.is_some() {
            "revoked"
        } else if key.is_good_at(now) {
            "good"
        } else {
            "expired"
        };
        println!("{}/{}  for {purpose}{owner}  {state}", key.dialect, key.id);
    }
    door.close().await
}

async fn revoke(store: &Store, named: &str) -> anyhow::Result<()> {
    let door = Door::open(store)?;
    let directory = door.directory();
    let parts = named.split_once('/').map(|(dialect, id)| (dialect.to_owned(), id.to_owned()));
    let found = parts.and_then(|parts| directory.credentials.get(&parts)).filter(|key| key.merchant == door.merchant);
    let key = found.with_context(|| format!("there is no key {named}"))?;
    if key.revoked_at.is_some() {
        bail!("{named} is revoked already");
    }
    let revoked = Credential { revoked_at: Some(door.engine().now()), ..(**key).clone() };
    door.change(RegistryChange::Put(RegistryEntry::Credential(revoked))).await?;
    println!("revoked {named}");
    door.close().await
}
