//! `refundry user sign-in-link`: whoever may read the data folder may sign in
//! as anybody, once, also beside a running server: the link is signed with the
//! server's key, and nothing is written here.

use crate::cli::SignInLinkArgs;
use crate::compose;
use crate::secrets::key_file;
use anyhow::{Context, bail};
use refundry_console::link::{SignInLinks, VALID_FOR};
use refundry_domain::id::PersonId;
use refundry_domain::time::NANOS_PER_SECOND;
use refundry_engine::clock::real_now;
use refundry_engine::registry::RegistryEntry;
use std::path::Path;
use std::process::ExitCode;

/// Prints the link.
pub(crate) fn run(args: &SignInLinkArgs) -> anyhow::Result<ExitCode> {
    let origin = match &args.origin {
        Some(origin) => origin.trim_end_matches('/').to_owned(),
        None => listening_at(&args.data)?,
    };
    let key = match &args.field_key_file {
        Some(file) => key_file(file, false)?,
        None => key_file(&args.data.join("field.key"), false)?,
    };
    let person = person(&args.data, key, &args.email)?;
    let links = SignInLinks::new(&key_file(&args.data.join("token.key"), false)?);
    println!("{origin}{}", links.make(person, real_now()));
    println!("It signs {} in once, within {} minutes.", args.email, VALID_FOR.0 / NANOS_PER_SECOND / 60);
    Ok(ExitCode::SUCCESS)
}

/// Where the sandbox that has this folder said that it listens.
fn listening_at(data: &Path) -> anyhow::Result<String> {
    let file = data.join("sandbox.json");
    let text = std::fs::read(&file).with_context(|| format!("{} does not read; give --origin", file.display()))?;
    let document: serde_json::Value = serde_json::from_slice(&text).context("sandbox.json is no JSON")?;
    let base = document["base_url"].as_str().context("sandbox.json names no base_url; give --origin")?;
    Ok(base.to_owned())
}

fn person(data: &Path, key: [u8; 32], email: &str) -> anyhow::Result<PersonId> {
    let email = email.trim().to_lowercase();
    for entry in compose::open_read_only(data, key)?.registry()? {
        if let RegistryEntry::Person(person) = entry
            && person.email == email
            && !email.is_empty()
        {
            if !person.enabled {
                bail!("{email} is disabled");
            }
            return Ok(person.id);
        }
    }
    bail!("nobody signs in as {email}")
}
