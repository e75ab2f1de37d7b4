//! Fault harnesses.
use std::process::ExitCode;
pub(crate) fn run(_arguments: &[String]) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
