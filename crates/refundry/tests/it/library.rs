//! Programs beside the server that are asked line by line: the clients' own
//! libraries, and a mail server. `cargo xtask clients` installs them; a story
//! fails where they are missing.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long it may take to say something.
const PATIENCE: Duration = Duration::from_secs(40);

/// One program in a process of its own.
pub(crate) struct Library {
    /// Where it comes from.
    pub(crate) name: &'static str,
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn needed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: `cargo xtask clients` installs it", path.display());
    path
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Beside the folder that cargo gives to tests.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients")
}

impl Library {
    /// A script for Node, with the packages of npm.
    pub(crate) fn node(script: &str) -> Self {
        Self::node_with(script, &[])
    }

    /// The same with arguments.
    pub(crate) fn node_with(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("node");
        let packages = needed(installed().join("node/node_modules"));
        command.env("NODE_PATH", packages).arg(sources().join("node").join(script));
        Self::start("npm", command, arguments)
    }

    /// A script for Python, with the packages of PyPI.
    pub(crate) fn python(script: &str) -> Self {
        Self::python_with(script, &[])
    }

    /// The same with arguments.
    pub(crate) fn python_with(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(needed(installed().join("python/bin/python")));
        command.arg(sources().join("python").join(script));
        Self::start("PyPI", command, arguments)
    }

    /// The program with the crates of crates.io.
    pub(crate) fn rust() -> Self {
        Self::start("crates.io", Command::new(needed(installed().join("rust/refundry-oracle"))), &[])
    }

    fn start(name: &'static str, mut command: Command, arguments: &[&str]) -> Self {
        // No proxy of this machine stands between it and the server.
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        let started = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("the library of {name} does not start: {error}"));
        let (questions, said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (to, answers) = channel();
        // Ends with the program, or with whoever listens.
        std::thread::spawn(move || said.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Self { name, child, questions, answers }
    }

    /// What it says next.
    pub(crate) fn hear(&mut self) -> Value {
        let line = self.answers.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("the library of {} says nothing", self.name));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the library of {} says {line:?}", self.name))
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        self.hear()
    }
}
