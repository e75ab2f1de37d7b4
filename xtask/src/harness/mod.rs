//! Fault harnesses: the released binary as a black box, over HTTP, on
//! loopback. Each ends with an error that names the first broken promise.

mod bank;
mod dice;
mod journal;
mod kill;
mod power;
mod restore;
mod storm;
mod sync;
mod trace;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use dice::Dice;

/// Flags of all harnesses.
struct Flags {
    cycles: usize,
    rounds: usize,
    seed: u64,
}

impl Flags {
    fn parse(words: &[String]) -> Result<Self> {
        let mut flags = Self { cycles: 20, rounds: 50, seed: dice::new_seed() };
        ensure!(words.len().is_multiple_of(2), "a flag without a value");
        for pair in words.chunks_exact(2) {
            let value = || pair[1].parse::<u64>().with_context(|| format!("{} {}", pair[0], pair[1]));
            match pair[0].as_str() {
                "--cycles" => flags.cycles = usize::try_from(value()?)?,
                "--rounds" => flags.rounds = usize::try_from(value()?)?,
                "--seed" => flags.seed = value()?,
                other => bail!("unknown flag {other}"),
            }
        }
        Ok(flags)
    }
}

/// Runs one harness.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let name = arguments.first().map(String::as_str).unwrap_or_default();
    let flags = Flags::parse(arguments.get(1..).unwrap_or_default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("harness {name}: seed {}", flags.seed);
    let begin = Instant::now();
    let dice = Dice::new(flags.seed);
    let folder = crate::sandbox::folder(&format!("harness-{name}"))?;
    let path = folder.path();
    let outcome = match name {
        "kill" => runtime.block_on(kill::run(path, flags.cycles, dice)),
        "restore" => runtime.block_on(restore::run(path)),
        "sync" => runtime.block_on(sync::run(path, dice)),
        "storm" => runtime.block_on(storm::run(path, flags.rounds)),
        _ => bail!("usage: cargo xtask harness kill | restore | sync | storm [--cycles N] [--rounds N] [--seed S]"),
    };
    if let Err(error) = outcome {
        println!("harness {name}: FAILED; what the server left is in {}", folder.keep().display());
        return Err(error);
    }
    println!("harness {name}: passed in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}
