//! A released binary as a child process: started on a folder, spoken to over
//! HTTP, ended politely or not.

mod client;
mod credentials;
mod dialect;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use client::{Client, Reply};
pub(crate) use credentials::Credentials;
pub(crate) use dialect::{Dialect, RefundCall};

use crate::output;

/// The longest wait for a start.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Lines of the server's log that an error carries.
const LOG_LINES_SHOWN: usize = 6;

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// Words before the binary, such as `strace -f …`.
    pub(crate) wrapper: Vec<String>,
    /// Environment besides the inherited one.
    pub(crate) environment: Vec<(String, String)>,
}

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    data: PathBuf,
    address: SocketAddr,
    credentials: Credentials,
    /// From the start of the process to the first good answer.
    ready_after: Duration,
}

/// Where the release binary is.
pub(crate) fn binary() -> Result<PathBuf> {
    let path = output::release_folder().join("refundry");
    ensure!(path.exists(), "{} is missing: cargo build --release -p refundry", path.display());
    Ok(path)
}

/// A temporary folder on the disk that the build is on (`/tmp` may be memory).
pub(crate) fn folder(what: &str) -> Result<tempfile::TempDir> {
    let parent = output::target_folder().join("xtask");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix(&format!("{what}-")).tempdir_in(parent)?)
}

impl Sandbox {
    /// Starts on a folder and waits until it is ready.
    pub(crate) async fn start(data: &Path) -> Result<Self> {
        Self::start_with(data, &Start::default()).await
    }

    /// The same with a wrapper and environment.
    pub(crate) async fn start_with(data: &Path, how: &Start) -> Result<Self> {
        let address = free_address()?;
        std::fs::create_dir_all(data)?;
        let log = File::options().create(true).append(true).open(log_of(data))?;
        let mut words = how.wrapper.clone();
        words.push(binary()?.display().to_string());
        words.extend(["serve", "--sandbox", "--data"].map(str::to_owned));
        words.push(data.display().to_string());
        words.extend(["--listen".to_owned(), address.to_string()]);
        let begin = Instant::now();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .envs(how.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", words[0]))?;
        let mut started = Self {
            child,
            data: data.to_path_buf(),
            address,
            credentials: Credentials::default(),
            ready_after: Duration::ZERO,
        };
        started.wait_until_ready(begin).await?;
        started.credentials = Credentials::read(&data.join("sandbox.json"))?;
        Ok(started)
    }

    async fn wait_until_ready(&mut self, begin: Instant) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} before it was ready:\n{}", self.log_tail());
            }
            if let Ok(mut client) = Client::open(self.address).await
                && let Ok(reply) = client.get("/readyz", None).await
                && reply.status == 200
            {
                self.ready_after = begin.elapsed();
                return Ok(());
            }
            if begin.elapsed() > READY_TIMEOUT {
                bail!("not ready after {} s:\n{}", READY_TIMEOUT.as_secs(), self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        Client::open(self.address).await
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }

    /// Processor time used so far, in the kernel's ticks of a hundredth of a second.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        // The name in brackets may hold spaces; what follows it does not.
        let fields: Vec<&str> = text.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).context("stat");
        Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
    }

    /// SIGKILL, and wait until the process is gone.
    pub(crate) fn kill(mut self) -> Result<ExitStatus> {
        kill_tree(&mut self.child)
    }

    /// SIGTERM, and wait for the graceful end.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = served_pid(&self.child);
        let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().context("kill")?;
        ensure!(asked.success(), "kill -TERM {pid} failed");
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "after SIGTERM the server ended with {status}:\n{}", self.log_tail());
                return Ok(());
            }
            ensure!(begin.elapsed() < READY_TIMEOUT, "the server does not end after SIGTERM");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The last lines of what the server wrote.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(log_of(&self.data)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = kill_tree(&mut self.child);
    }
}

/// Runs `refundry verify` on a folder whose server is stopped.
pub(crate) fn verify(data: &Path) -> Result<()> {
    let output = Command::new(binary()?).args(["verify", "--data"]).arg(data).stdin(Stdio::null()).output()?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "verify found something:\n{}", String::from_utf8_lossy(&said));
    Ok(())
}

fn log_of(data: &Path) -> PathBuf {
    data.with_extension("log")
}

/// A loopback address that nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The server itself where a wrapper stands before it, else the child.
fn served_pid(child: &Child) -> u32 {
    let path = format!("/proc/{0}/task/{0}/children", child.id());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(child.id())
}

/// Kills the server first, so that a wrapper can end by itself with its output written.
fn kill_tree(child: &mut Child) -> Result<ExitStatus> {
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    let served = served_pid(child);
    if served == child.id() {
        child.kill()?;
    } else {
        Command::new("kill").args(["-KILL", &served.to_string()]).status()?;
    }
    Ok(child.wait()?)
}
