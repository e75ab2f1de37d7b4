//! Everything a change must pass, in order: `cargo xtask ci`.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::output;
use crate::tidy::workspace_root;

/// One step: what it is called and what it runs.
struct Step {
    name: &'static str,
    program: String,
    arguments: &'static [&'static str],
}

const CARGO_STEPS: [(&str, &[&str]); 7] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    ("tidy", &["xtask", "tidy"]),
    ("the clients' libraries", &["xtask", "clients"]),
    ("tests", &["test", "--workspace", "--locked"]),
    ("release build", &["build", "--release", "--locked", "--package", "refundry"]),
    ("release build of the tools", &["build", "--release", "--locked", "--package", "xtask"]),
];

/// What runs against the release binary.
const BLACK_BOX: [(&str, Tool, &[&str]); 5] = [
    ("demo", Tool::Refundry, &["demo", "--exit"]),
    ("storm", Tool::Xtask, &["harness", "storm", "--rounds", "50"]),
    ("kill", Tool::Xtask, &["harness", "kill", "--cycles", "20"]),
    ("restore", Tool::Xtask, &["harness", "restore"]),
    ("sync", Tool::Xtask, &["harness", "sync"]),
];

#[derive(Clone, Copy)]
enum Tool {
    Refundry,
    Xtask,
}

/// Runs the steps one after the other and stops at the first that fails.
pub(crate) fn run() -> Result<ExitCode> {
    let root = workspace_root();
    let begin = Instant::now();
    let mut timings = Vec::new();
    system_packages(&root);
    for step in steps() {
        println!("\n==> {}: {} {}", step.name, step.program, step.arguments.join(" "));
        let start = Instant::now();
        let passed = execute(&root, &step)?;
        timings.push((step.name, start.elapsed()));
        println!("<== {}: {} in {}", step.name, if passed { "passed" } else { "FAILED" }, seconds(start.elapsed()));
        if !passed {
            summary(&timings, begin.elapsed());
            println!("ci: failed at `{}`", step.name);
            return Ok(ExitCode::FAILURE);
        }
    }
    summary(&timings, begin.elapsed());
    println!("ci: everything passed");
    Ok(ExitCode::SUCCESS)
}

fn steps() -> Vec<Step> {
    let cargo = output::cargo().to_string_lossy().into_owned();
    let release = output::release_folder();
    let tool = |tool| match tool {
        Tool::Refundry => release.join("refundry").display().to_string(),
        Tool::Xtask => release.join("xtask").display().to_string(),
    };
    let own = CARGO_STEPS.iter().map(|(name, arguments)| Step { name, program: cargo.clone(), arguments });
    let black_box = BLACK_BOX.iter().map(|(name, which, arguments)| Step { name, program: tool(*which), arguments });
    own.chain(black_box).collect()
}

fn execute(root: &Path, step: &Step) -> Result<bool> {
    let status = Command::new(&step.program)
        .args(step.arguments)
        .current_dir(root)
        .env("CI", "true")
        .env("RUST_BACKTRACE", "1")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {}", step.program))?;
    Ok(status.success())
}

/// Installs what the fault harnesses need and the machine lacks; the step that
/// needs it says so when this was not possible.
fn system_packages(root: &Path) {
    let runs = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root).env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if runs("strace", &["--version"]) {
        return println!("ci: strace is there");
    }
    println!("ci: strace is missing, asking apt-get for it");
    let installed = runs("apt-get", &["install", "-y", "strace"])
        || (runs("apt-get", &["update"]) && runs("apt-get", &["install", "-y", "strace"]));
    if !installed {
        println!("ci: strace could not be installed; the step `sync` will fail and say so");
    }
}

fn summary(timings: &[(&str, Duration)], whole: Duration) {
    println!();
    for (name, elapsed) in timings {
        println!("{:>10}  {name}", seconds(*elapsed));
    }
    println!("{:>10}  in all", seconds(whole));
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
