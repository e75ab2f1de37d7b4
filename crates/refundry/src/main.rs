//! The binary: configuration, subcommands, composition root.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks by printing")]

mod brand;
mod cli;
mod compose;
mod config;
mod demo;
mod door;
mod hosted;
mod keys;
mod merchants;
mod people;
mod rules;
mod secrets;
mod settings;
mod sign_in_link;
mod verify;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // rustls picks no provider by itself; this is the one crypto library.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let command = cli::Cli::parse().command;
    match cli::run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("refundry: {error:#}");
            ExitCode::FAILURE
        }
    }
}
