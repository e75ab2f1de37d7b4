//! `merchant`: whose money this installation looks after.

use crate::door::{Door, Store};
use anyhow::{Context, bail};
use clap::Subcommand;
use refundry_domain::id::MerchantId;
use refundry_engine::mint::new_id;
use refundry_engine::registry::{Merchant, RegistryChange, RegistryEntry};
use std::process::ExitCode;

/// Longest name, characters.
const NAME_LENGTH_MAX: usize = 140;

#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Add a merchant and print its id; makes the store where there is none.
    Add {
        #[command(flatten)]
        store: Store,
        /// Its name, as customers know it.
        name: String,
    },
    /// List the merchants.
    List {
        #[command(flatten)]
        store: Store,
    },
}

/// Runs a subcommand to its end.
pub(crate) async fn run(command: MerchantCommand) -> anyhow::Result<ExitCode> {
    match command {
        MerchantCommand::Add { store, name } => {
            let length = name.trim().chars().count();
            if !(1..=NAME_LENGTH_MAX).contains(&length) || name.chars().any(char::is_control) {
                bail!("a name has 1 to {NAME_LENGTH_MAX} characters on one line");
            }
            let mut door = Door::open_or_make(&store)?;
            let id = MerchantId(new_id(door.engine().now()));
            door.merchant = id;
            let merchant = Merchant { id, name: name.trim().to_owned() };
            let change = RegistryChange::Put(RegistryEntry::Merchant(merchant));
            door.change(change).await.context("the merchant was not added")?;
            println!("{id}");
            door.close().await?;
        }
        MerchantCommand::List { store } => {
            let door = Door::open_any(&store)?;
            for merchant in door.directory().merchants.values() {
                println!("{}  {}", merchant.id, merchant.name);
            }
            door.close().await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
