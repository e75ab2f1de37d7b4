//! Measurements against the goals: `cargo xtask bench http | latency | life | fill`.
//!
//! Nothing here is a test: a bench prints what it saw, with the machine and
//! the commit, and keeps its newest result in docs/performance.md.

mod fill;
mod http;
mod latency;
mod life;
mod machine;
mod purse;
pub(crate) mod reference;
mod report;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

use crate::output;
use crate::tidy::workspace_root;

/// Runs one bench, in release whatever this process was built as.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let release = output::release_folder().join("xtask");
    // Compared without links, or a target folder behind one would start itself for ever.
    let same = |own: PathBuf| Some(own.canonicalize().ok()? == release.canonicalize().ok()?);
    if std::env::current_exe().ok().and_then(same) != Some(true) {
        build()?;
        let status = Command::new(&release).arg("bench").args(arguments).status().context("the release build")?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["http"] => runtime.block_on(http::run())?,
        ["latency"] => runtime.block_on(latency::run())?,
        ["life"] => runtime.block_on(life::run())?,
        ["fill", ref rest @ ..] => runtime.block_on(fill::run(fill::Plan::parse(rest)?))?,
        _ => bail!("usage: cargo xtask bench http | latency | life | fill [N] [--created-only] [--at-most MINUTES]"),
    }
    Ok(ExitCode::SUCCESS)
}

fn build() -> Result<()> {
    let status = Command::new(output::cargo())
        .args(["build", "--release", "--quiet", "--package", "refundry", "--package", "xtask"])
        .current_dir(workspace_root())
        .status()
        .context("cargo")?;
    ensure!(status.success(), "the release build failed");
    Ok(())
}
