//! Measurements.
use std::process::ExitCode;
pub(crate) mod reference;
pub(crate) fn run(_arguments: &[String]) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
