//! The project's own tools: `cargo xtask tidy | ci | clients | bench | harness`.
//!
//! Nothing in here is linked into the product, and nothing here imports one of
//! the product's crates: the checks read the tree as text, the bench and the
//! harnesses drive the released binary over HTTP like anybody else.
#![allow(
    clippy::disallowed_methods,
    reason = "the bench and the harnesses measure durations and watch a real process on a real clock"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool for people prints")]

mod bench;
mod ci;
mod clients;
mod harness;
mod load;
mod output;
mod sandbox;
mod tidy;

use std::process::ExitCode;

/// The product's allocator, so that the reference server stands on the same stack.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
usage: cargo xtask <command>

  tidy [--bless]            the checks of the house as code; --bless rewrites shrunk ratchet entries
  ci                        everything a change must pass, in order, with timings
  clients                   installs the clients' own libraries that tests sign and verify with
  bench http                goals (a) and (a2): durable creates against a constant answer
  bench latency             goal (d): tail latency at a fixed rate, open model
  bench life                goal (h): whole lives, webhooks included, against creates alone
  bench fill [N]            goals (e), (e2), (f): disk, memory, restart (default 1000000), after
                            whole lives; --created-only pauses rails and webhooks; --at-most
                            MINUTES ends a fill that would take longer (default 120)
  harness kill [--cycles N] kill -9 under load, restart, compare with the clients' journal
  harness restore           put an old backup back, repeat the calls, count what the bank paid
  harness sync              fsync before every answer, and the power-loss harness that must see loss
  harness storm [--rounds N] many callers on one payment and on one key
  reference-server          the bench's constant-answer server (started by the bench)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("tidy") => tidy::run(rest),
        Some("ci") => ci::run(),
        Some("clients") => clients::run(),
        Some("bench") => bench::run(rest),
        Some("harness") => harness::run(rest),
        Some("reference-server") => bench::reference::run(),
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => {
            eprint!("unknown command {:?}\n\n{HELP}", other.unwrap_or(""));
            Ok(ExitCode::from(2))
        }
    }
}
