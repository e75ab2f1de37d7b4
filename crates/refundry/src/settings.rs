//! `settings`: what a merchant has set otherwise in a dialect than the
//! configuration says.

use crate::config::{Config, Flags};
use crate::door::{Door, Store};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use refundry_engine::registry::{MerchantSettings, RegistryChange, RegistryEntry};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Print what the merchant has set.
    Show(Which),
    /// Set something for the merchant, such as `additive_fields=off` or
    /// `partial_refunds.ACH=true`.
    Set {
        #[command(flatten)]
        which: Which,
        /// Names as below `[dialects.…]`, with dots, and values as there.
        #[arg(required = true)]
        pairs: Vec<String>,
    },
    /// Have something as the configuration says again.
    Unset {
        #[command(flatten)]
        which: Which,
        /// The names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    store: Store,
    /// The dialect.
    #[arg(long)]
    dialect: String,
    /// The configuration file that the merchant's settings stand over.
    #[arg(long, env = "REFUNDRY_CONFIG")]
    config: Option<PathBuf>,
}

type Values = BTreeMap<String, String>;

/// Runs a subcommand to its end.
pub(crate) async fn run(command: SettingsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SettingsCommand::Show(which) => change(&which, |_| Ok(())).await?,
        SettingsCommand::Set { which, pairs } => {
            change(&which, |values| {
                for pair in &pairs {
                    let (name, value) = pair.split_once('=').with_context(|| format!("{pair:?} is no name=value"))?;
                    values.insert(name.to_owned(), json_text(value)?);
                }
                Ok(())
            })
            .await?;
        }
        SettingsCommand::Unset { which, names } => {
            change(&which, |values| {
                for name in &names {
                    values.remove(name).with_context(|| format!("{name} is not set"))?;
                }
                Ok(())
            })
            .await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(which: &Which, how: impl FnOnce(&mut Values) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = Config::load(&Flags { file: which.config.clone(), ..Flags::default() })?;
    let door = Door::open(&which.store)?;
    let dialects = door.dialects(&serde_json::to_value(&config.dialects)?)?;
    let Some(dialect) = dialects.iter().find(|one| one.name() == which.dialect) else {
        bail!("there is no dialect {:?}", which.dialect);
    };
    let directory = door.directory();
    let known = directory.settings.get(&(door.merchant, which.dialect.clone())).cloned().unwrap_or_default();
    let mut values = (*known).clone();
    how(&mut values)?;
    dialect.check_merchant_settings(&values)?;
    for (name, value) in &values {
        println!("{name} = {value}");
    }
    if values != *known {
        let settings =
            MerchantSettings { merchant: door.merchant, dialect: which.dialect.clone(), values: Arc::new(values) };
        let change = RegistryChange::Put(RegistryEntry::Settings(settings));
        door.change(change).await.context("the settings were not changed")?;
    }
    door.close().await
}

/// A value as a configuration file or the environment would have it: TOML
/// where it can be, else a text.
fn json_text(value: &str) -> anyhow::Result<String> {
    let read = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
    let value = match read.and_then(|mut table| table.remove("value")) {
        Some(value) => serde_json::to_value(value)?,
        None => Value::String(value.to_owned()),
    };
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_in_a_file() {
        for (given, read) in [
            ("off", "\"off\""),
            ("\"off\"", "\"off\""),
            ("true", "true"),
            ("60", "60"),
            ("[\"COMPLETED\", \"PROCESSING\"]", "[\"COMPLETED\",\"PROCESSING\"]"),
            ("bvnk:payment:0033", "\"bvnk:payment:0033\""),
        ] {
            assert_eq!(json_text(given).unwrap(), read);
        }
    }
}
