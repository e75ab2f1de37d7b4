//! `brand`: how a merchant's pages and letters look.

use crate::door::{Door, Store};
use anyhow::{Context, bail};
use clap::Subcommand;
use refundry_engine::registry::{Brand, LOGO_BYTES_MAX, RegistryChange, RegistryEntry};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum BrandCommand {
    /// Print what is in force.
    Show {
        #[command(flatten)]
        store: Store,
    },
    /// Replace it; what is not given is as it is without a brand.
    Set {
        #[command(flatten)]
        store: Store,
        /// The name that customers know, where it is another than the merchant's.
        #[arg(long)]
        name: Option<String>,
        /// The colour of buttons and links, such as `#0b5a5e`.
        #[arg(long, value_parser = colour)]
        colour: Option<[u8; 3]>,
        /// A file with a small picture: PNG, JPEG or WebP.
        #[arg(long)]
        logo: Option<PathBuf>,
    },
}

fn colour(text: &str) -> Result<[u8; 3], String> {
    let wrong = || format!("{text:?} is no colour such as #0b5a5e");
    let bytes = hex::decode(text.strip_prefix('#').unwrap_or(text)).map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}

fn picture(file: &Path) -> anyhow::Result<Arc<[u8]>> {
    let bytes = std::fs::read(file).with_context(|| format!("{} does not read", file.display()))?;
    if bytes.len() > LOGO_BYTES_MAX {
        bail!("{} has more than {LOGO_BYTES_MAX} bytes", file.display());
    }
    if Brand::media_of(&bytes).is_none() {
        bail!("{} is no PNG, JPEG or WebP", file.display());
    }
    Ok(bytes.into())
}

/// `brand show` and `brand set`.
pub(crate) async fn run(command: BrandCommand) -> anyhow::Result<ExitCode> {
    let door = match command {
        BrandCommand::Show { store } => Door::open(&store)?,
        BrandCommand::Set { store, name, colour, logo } => {
            let logo = logo.as_deref().map(picture).transpose()?;
            let door = Door::open(&store)?;
            let brand = Brand { merchant: door.merchant, name, colour, logo };
            if !brand.is_sound() {
                bail!("the name has 1 to 80 letters on one line");
            }
            let change = RegistryChange::Put(RegistryEntry::Brand(brand));
            door.change(change).await.context("the brand was not changed")?;
            door
        }
    };
    let directory = door.directory();
    let brand = directory.brands.get(&door.merchant);
    let name = brand.and_then(|brand| brand.name.as_deref());
    println!("name: {}", name.unwrap_or("the merchant's own"));
    let colour = brand.and_then(|brand| brand.colour).map(|colour| format!("#{}", hex::encode(colour)));
    println!("colour: {}", colour.as_deref().unwrap_or("ours"));
    match brand.and_then(|brand| brand.logo.as_ref()) {
        Some(logo) => println!("logo: {} bytes of {}", logo.len(), Brand::media_of(logo).unwrap_or("nothing known")),
        None => println!("logo: none"),
    }
    door.close().await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(colour("#0b5A5e"), Ok([0x0b, 0x5a, 0x5e]));
        for bad in ["", "#fff", "red", "#0b5a5e00", "#0b5a5g"] {
            assert!(colour(bad).is_err(), "{bad}");
        }
    }
}
