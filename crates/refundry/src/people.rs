//! `user`: who may sign in and what for. Passwords and secrets are made here
//! and printed once.

use crate::cli::SignInLinkArgs;
use crate::door::{Door, Store};
use crate::sign_in_link;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use refundry_console::{password, totp};
use refundry_domain::id::PersonId;
use refundry_engine::mint::{new_id, random_id};
use refundry_engine::registry::{Person, RegistryChange, Role, Roles};
use std::process::ExitCode;

/// The longest e-mail, bytes (RFC 5321).
const EMAIL_LENGTH_MAX: usize = 254;
/// Who issues the second factors, as authenticator apps show it.
const ISSUER: &str = "Refundry";

/// What is printed once: its name and its value.
struct Told(&'static str, String);

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person and print their password. Whoever decides sets up an
    /// authenticator when they first sign in. Like all of these, with the
    /// server stopped.
    Add {
        #[command(flatten)]
        store: Store,
        /// How they sign in.
        email: String,
        /// What others read.
        #[arg(long)]
        name: String,
        /// What they may do; several times for several roles.
        #[arg(long = "role", value_parser = role, required = true)]
        roles: Vec<Role>,
        /// Make the secret of their second factor here and print it, in place
        /// of setting it up at the first sign-in.
        #[arg(long)]
        print_second_factor: bool,
    },
    /// List the people.
    List {
        #[command(flatten)]
        store: Store,
    },
    /// Replace the roles of a person; none takes all of them away.
    Roles {
        #[command(flatten)]
        who: Who,
        /// What they may do; several times for several roles.
        #[arg(long = "role", value_parser = role)]
        roles: Vec<Role>,
    },
    /// Take everything away from a person at once; words they gave are void.
    Disable(Who),
    /// Give it back.
    Enable(Who),
    /// Make a new password for a person and print it.
    ResetPassword(Who),
    /// Take the second factor of a person away; they set up a new one when they
    /// next sign in.
    ResetTotp {
        #[command(flatten)]
        who: Who,
        /// Make a new secret here and print it instead.
        #[arg(long)]
        print_second_factor: bool,
    },
    /// Print a link that signs a person in once, without a password; the server may be running.
    SignInLink(SignInLinkArgs),
}

/// Which person of which store.
#[derive(Debug, Clone, Args)]
pub(crate) struct Who {
    #[command(flatten)]
    store: Store,
    /// How they sign in.
    email: String,
}

fn role(text: &str) -> Result<Role, String> {
    let words: Vec<&str> = Role::ALL.iter().map(|role| role.code()).collect();
    Role::from_code(text).ok_or_else(|| format!("must be one of {}", words.join(", ")))
}

/// Runs a subcommand to its end.
pub(crate) async fn run(command: UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Add { store, email, name, roles, print_second_factor } => {
            add(&store, (&email, &name), &roles, print_second_factor).await?;
        }
        UserCommand::List { store } => list(&store).await?,
        UserCommand::Roles { who, roles } => {
            change(&who, |person| {
                person.roles = Roles::of(&roles);
                Ok(Vec::new())
            })
            .await?;
        }
        UserCommand::Disable(who) => change(&who, |person| enable(person, false)).await?,
        UserCommand::Enable(who) => change(&who, |person| enable(person, true)).await?,
        UserCommand::ResetPassword(who) => change(&who, reset_password).await?,
        UserCommand::SignInLink(args) => return sign_in_link::run(&args),
        UserCommand::ResetTotp { who, print_second_factor } => {
            change(&who, |person| {
                person.totp_secret = None;
                Ok(if print_second_factor { make_totp(person) } else { vec![set_up()] })
            })
            .await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(store: &Store, (email, name): (&str, &str), roles: &[Role], print: bool) -> anyhow::Result<()> {
    let email = email.trim().to_lowercase();
    let parts = email.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if parts.is_none() || email.len() > EMAIL_LENGTH_MAX || email.chars().any(char::is_whitespace) {
        bail!("{email:?} is no e-mail");
    }
    let door = Door::open(store)?;
    if door.directory().person_by_email(&email).is_some() {
        bail!("somebody signs in with {email} already");
    }
    let at = door.engine().now();
    let mut person = Person::new(PersonId(new_id(at)), door.merchant, roles, at);
    person.email = email;
    name.trim().clone_into(&mut person.name);
    let mut told = reset_password(&mut person)?;
    if print {
        told.extend(make_totp(&mut person));
    } else if person.may_approve() || person.is(Role::Admin) {
        told.push(set_up());
    }
    door.change(RegistryChange::PutPerson(person)).await?;
    tell(&told);
    door.close().await
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let door = Door::open(store)?;
    let directory = door.directory();
    for person in directory.people_of(door.merchant) {
        let roles: Vec<&str> = person.roles.iter().map(Role::code).collect();
        let state = if person.enabled { "enabled" } else { "disabled" };
        let factor = if person.totp_secret.is_some() { "second factor" } else { "no second factor" };
        println!("{}  {}  {}  {}  {state}, {factor}", person.id, person.email, person.name, roles.join(","));
    }
    door.close().await
}

/// Changes a person; what the change tells is printed once it is true.
async fn change(who: &Who, how: impl FnOnce(&mut Person) -> anyhow::Result<Vec<Told>>) -> anyhow::Result<()> {
    let door = Door::open(&who.store)?;
    let directory = door.directory();
    let found = directory.person_by_email(&who.email).filter(|person| person.merchant == door.merchant);
    let mut person = found.with_context(|| format!("nobody signs in with {}", who.email))?.clone();
    let told = how(&mut person)?;
    door.change(RegistryChange::PutPerson(person)).await?;
    tell(&told);
    println!("done");
    door.close().await
}

fn enable(person: &mut Person, enabled: bool) -> anyhow::Result<Vec<Told>> {
    person.enabled = enabled;
    Ok(Vec::new())
}

fn reset_password(person: &mut Person) -> anyhow::Result<Vec<Told>> {
    let made = format!("{:032x}", random_id());
    person.password_hash = Some(password::hash(&made)?);
    Ok(vec![Told("password", made)])
}

fn set_up() -> Told {
    Told("second factor", "set up when they sign in next".to_owned())
}

fn make_totp(person: &mut Person) -> Vec<Told> {
    let secret = totp::new_secret();
    let url = totp::otpauth_url(ISSUER, &person.email, &secret);
    person.totp_secret = Some(secret.clone());
    vec![Told("second factor", secret), Told("for the app", url)]
}

fn tell(told: &[Told]) {
    for Told(what, value) in told {
        println!("{what}: {value}");
    }
}
