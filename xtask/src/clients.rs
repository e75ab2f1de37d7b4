//! What tests need beside cargo: the clients' own libraries, which sign and
//! verify, a checker of accessibility and a browser. `cargo xtask clients`
//! installs the libraries below the target folder, in the versions that
//! `crates/refundry/tests/clients` names, builds the program that holds those
//! of crates.io, and asks the system for curl and the browser.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::output;
use crate::tidy::workspace_root;

const SOURCES: &str = "crates/refundry/tests/clients";
/// What npm needs to install exactly the same again.
const NODE_FILES: [&str; 2] = ["package.json", "package-lock.json"];
const REQUIREMENTS: &str = "requirements.txt";
/// All that the program with the libraries of crates.io is made of.
const RUST_FILES: [&str; 5] = ["Cargo.toml", "Cargo.lock", "src/main.rs", "src/calls.rs", "src/signatures.rs"];
/// Its name.
const ORACLE: &str = "refundry-oracle";
/// Pages are tested in this browser, with fonts to look at.
const BROWSER: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];
/// Written beside what was installed: what it was installed from.
const STAMP: &str = "installed-from";

/// Installs what is missing or of another version.
pub(crate) fn run() -> Result<ExitCode> {
    let sources = workspace_root().join(SOURCES);
    let target = output::target_folder().join("clients");
    once(&sources.join("node"), &NODE_FILES, &target.join("node"), npm)?;
    once(&sources.join("python"), &[REQUIREMENTS], &target.join("python"), pypi)?;
    once(&sources.join("rust"), &RUST_FILES, &target.join("rust"), crates_io)?;
    needed("curl", &["--version"], &["curl"])?;
    needed("chromium", &["--version"], &BROWSER)?;
    needed("chromedriver", &["--version"], &BROWSER)?;
    Ok(ExitCode::SUCCESS)
}

/// Installs from some files into a folder, unless that was done already.
fn once(from: &Path, files: &[&str], to: &Path, install: fn(&Path, &Path) -> Result<()>) -> Result<()> {
    let read = |name: &&str| std::fs::read_to_string(from.join(name)).with_context(|| format!("{name} does not read"));
    let wanted = files.iter().map(read).collect::<Result<String>>()?;
    if std::fs::read_to_string(to.join(STAMP)).is_ok_and(|stamp| stamp == wanted) {
        println!("clients: {} is there", to.display());
        return Ok(());
    }
    if to.exists() {
        std::fs::remove_dir_all(to).with_context(|| format!("{} cannot be removed", to.display()))?;
    }
    std::fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    install(from, to)?;
    std::fs::write(to.join(STAMP), wanted).context("the stamp is not written")?;
    println!("clients: {} is installed", to.display());
    Ok(())
}

fn npm(from: &Path, to: &Path) -> Result<()> {
    needed("npm", &["--version"], &["nodejs", "npm"])?;
    for name in NODE_FILES {
        std::fs::copy(from.join(name), to.join(name))?;
    }
    execute(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(to))
}

fn pypi(from: &Path, to: &Path) -> Result<()> {
    needed("python3", &["-c", "import venv, ensurepip"], &["python3", "python3-venv"])?;
    execute(Command::new("python3").args(["-m", "venv"]).arg(to))?;
    let requirements = from.join(REQUIREMENTS);
    let mut pip = Command::new(to.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    execute(pip.arg(requirements))
}

/// Builds the program outside the workspace, by its own lock file, and keeps
/// nothing but it. One of its libraries stands on the system's OpenSSL.
fn crates_io(from: &Path, to: &Path) -> Result<()> {
    needed("pkg-config", &["--exists", "openssl"], &["libssl-dev", "pkg-config"])?;
    let build = to.join("build");
    let mut cargo = Command::new(output::cargo());
    cargo.args(["build", "--locked", "--quiet", "--target-dir"]).arg(&build);
    execute(cargo.current_dir(from))?;
    std::fs::copy(build.join("debug").join(ORACLE), to.join(ORACLE))
        .context("the program is not where cargo puts it")?;
    std::fs::remove_dir_all(&build).with_context(|| format!("{} cannot be removed", build.display()))
}

/// Asks for packages of the system where a program does not run.
fn needed(program: &str, arguments: &[&str], packages: &[&str]) -> Result<()> {
    let runs = || {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if runs() {
        return Ok(());
    }
    println!("clients: {program} is missing, asking apt-get for {}", packages.join(" and "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let install = [&["install", "-y"], packages].concat();
    let _ = apt(&install) || (apt(&["update"]) && apt(&install));
    if !runs() {
        bail!("the tests need {}", packages.join(" and "));
    }
    Ok(())
}

fn execute(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{name} does not start"))?;
    ensure!(status.success(), "{name} failed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_installed_is_installed_again_only_from_other_files() {
        let folder = std::env::temp_dir().join(format!("refundry-clients-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        std::fs::create_dir_all(&from).unwrap();
        let count = || std::fs::read_to_string(to.join("count")).unwrap_or_default();
        let install = |_: &Path, to: &Path| Ok(std::fs::write(to.join("count"), "x")?);
        for (text, installs) in [("a", true), ("a", false), ("b", true)] {
            std::fs::write(from.join(REQUIREMENTS), text).unwrap();
            let _ = std::fs::remove_file(to.join("count"));
            once(&from, &[REQUIREMENTS], &to, install).unwrap();
            assert_eq!(count() == "x", installs, "{text}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_oracle_is_outside_the_workspace_and_pinned() {
        let text = std::fs::read_to_string(workspace_root().join(SOURCES).join("rust/Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        assert!(manifest.contains_key("workspace") && manifest["package"]["name"].as_str() == Some(ORACLE));
        let versions = manifest["dependencies"].as_table().unwrap().values();
        assert!(versions.into_iter().all(|version| version.as_str().unwrap().starts_with('=')), "{text}");
        let sources = std::fs::read_dir(workspace_root().join(SOURCES).join("rust/src")).unwrap().count();
        assert_eq!(sources + 2, RUST_FILES.len(), "a change of any file builds it anew");
    }

    #[test]
    fn every_version_is_named() {
        let text = std::fs::read_to_string(workspace_root().join(SOURCES).join("python").join(REQUIREMENTS)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.into_iter().all(|line| line.contains("==")), "{text}");
    }
}
