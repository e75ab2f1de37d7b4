//! Dialects: how merchants talk to the engine, one folder per wire language.
//!
//! A dialect parses requests, asks the engine, and renders answers and
//! webhooks in its provider's spelling. It imports no store, no rail and no
//! other dialect. A further dialect is one folder and two lines here.

pub mod account_number;
pub mod answer;
mod banked;
pub mod banked_v2;
pub mod banked_v3;
pub mod bvnk;
#[cfg(test)]
mod description;
pub mod host;
pub mod json;
pub mod limiter;
pub mod movements;
pub mod native;
pub mod print;
pub mod settings;
pub mod token;
pub mod truelayer;

use host::{Dialect, Host};
use settings::{ConfigError, Subtrees};
use std::sync::Arc;

/// Every dialect of this build, set up from its own subtree of the settings.
///
/// # Errors
/// A subtree that no dialect owns, an unknown key or a value out of range.
pub fn all(host: &Arc<Host>, settings: &serde_json::Value) -> Result<Vec<Arc<dyn Dialect>>, ConfigError> {
    let mut settings = Subtrees::parse(settings)?;
    let banked = banked::Family::open(host, &settings.take(banked::FAMILY))?;
    let mut dialects: Vec<Arc<dyn Dialect>> = vec![
        banked_v3::open(&banked),
        banked_v2::open(&banked),
        bvnk::open(host, &settings.take(bvnk::DIALECT))?,
        truelayer::open(host, &settings.take(truelayer::DIALECT))?,
    ];
    let families = dialects.iter().map(|dialect| dialect.webhooks()).collect();
    dialects.push(native::open(host, &settings.take("native"), families)?);
    settings.finish()?;
    Ok(dialects)
}
