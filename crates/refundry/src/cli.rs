//! The command line.

use crate::brand::{self, BrandCommand};
use crate::config::{Config, Flags};
use crate::keys::{self, KeyCommand};
use crate::merchants::{self, MerchantCommand};
use crate::people::{self, UserCommand};
use crate::rules::{self, FeesCommand, PolicyCommand};
use crate::settings::{self, SettingsCommand};
use crate::{compose, demo, verify};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A self-hosted refund engine for bank payments.
#[derive(Debug, Parser)]
#[command(name = "refundry", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(ServeArgs),
    /// Start a sandbox and drive real refunds through it over HTTP.
    Demo {
        /// End after the walk; the status tells whether every step was as expected.
        #[arg(long)]
        exit: bool,
        /// Where the sandbox listens; port 0 picks a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
    },
    /// Recompute ledger, counters and event chains, and name the first row that is off.
    Verify {
        /// The data folder.
        #[arg(long, env = "REFUNDRY_DATA")]
        data: PathBuf,
        /// File with the key that seals account numbers and names, where it is not in the data folder.
        #[arg(long, env = "REFUNDRY_FIELD_KEY_FILE")]
        field_key_file: Option<PathBuf>,
    },
    /// Look after the people who sign in to the console.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// When people must agree to a refund; the server must not be running.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// What refunds cost a merchant; the server must not be running.
    Fees {
        #[command(subcommand)]
        command: FeesCommand,
    },
    /// How a merchant's pages and letters look; the server must not be running.
    Brand {
        #[command(subcommand)]
        command: BrandCommand,
    },
    /// What programs, and people who decide by calls, call with; the server must not be running.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Whose money this installation looks after; the server must not be running.
    Merchant {
        #[command(subcommand)]
        command: MerchantCommand,
    },
    /// What a merchant has set otherwise in a dialect; the server must not be running.
    Settings {
        #[command(subcommand)]
        command: SettingsCommand,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SignInLinkArgs {
    /// The person's e-mail.
    pub(crate) email: String,
    /// The data folder.
    #[arg(long, env = "REFUNDRY_DATA")]
    pub(crate) data: PathBuf,
    /// Where the world reaches the server; by default where the sandbox said that it listens.
    #[arg(long, env = "REFUNDRY_PUBLIC_ORIGIN")]
    pub(crate) origin: Option<String>,
    /// File with the key that seals account numbers and names, where it is not in the data folder.
    #[arg(long, env = "REFUNDRY_FIELD_KEY_FILE")]
    pub(crate) field_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read file, environment and flags as `serve` would, and say what is wrong.
    Check(ServeArgs),
    /// Print the settings in force, without secrets.
    Print(ServeArgs),
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML).
    #[arg(long, env = "REFUNDRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Play money: mock bank, demo merchant, controllable clock.
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// The data folder.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Address and port; port 0 picks a free one.
    #[arg(long)]
    pub(crate) listen: Option<String>,
    /// Given sandbox values (JSON), taken on the first start.
    #[arg(long)]
    pub(crate) seed: Option<PathBuf>,
}

impl ServeArgs {
    fn load(&self) -> anyhow::Result<Config> {
        Config::load(&Flags {
            file: self.config.clone(),
            sandbox: self.sandbox,
            data: self.data.clone(),
            listen: self.listen.clone(),
            seed: self.seed.clone(),
        })
    }
}

/// Runs a subcommand to its end.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => {
            let config = args.load()?;
            config.refuse_if_incomplete()?;
            log_to_stderr("info,refundry::access=warn");
            runtime()?.block_on(compose::serve(config))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo { exit, listen } => {
            log_to_stderr("error");
            let good = runtime()?.block_on(demo::run(exit, &listen))?;
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Verify { data, field_key_file } => verify::run(&data, field_key_file.as_deref()),
        Command::User { command } => runtime()?.block_on(people::run(command)),
        Command::Policy { command } => runtime()?.block_on(rules::policy(command)),
        Command::Fees { command } => runtime()?.block_on(rules::fees(command)),
        Command::Brand { command } => runtime()?.block_on(brand::run(command)),
        Command::Key { command } => runtime()?.block_on(keys::run(command)),
        Command::Merchant { command } => runtime()?.block_on(merchants::run(command)),
        Command::Settings { command } => runtime()?.block_on(settings::run(command)),
        Command::Config { command: ConfigCommand::Check(args) } => {
            let config = args.load()?;
            runtime()?.block_on(compose::check(&config))?;
            config.refuse_if_incomplete()?;
            println!("the configuration is complete");
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { command: ConfigCommand::Print(args) } => {
            print!("{}", args.load()?.print()?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads wait for one of few connections anyway; more threads would only
/// switch and hold memory.
const BLOCKING_THREADS_MAX: usize = 8;

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build().context("the runtime does not start")
}

/// Structured logs: JSON lines on standard error; `REFUNDRY_LOG` sets the level
/// (`REFUNDRY_LOG=info` adds a line for every request).
fn log_to_stderr(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("REFUNDRY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
