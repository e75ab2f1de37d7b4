//! Where cargo puts what it builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::tidy::workspace_root;

/// The target folder of the workspace, wherever the environment or cargo's own
/// configuration has put it. Cargo is asked once, at the root, where the steps
/// that build run it, too: a relative name means the same to all of them.
pub(crate) fn target_folder() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let root = workspace_root();
        let asked = std::env::var_os("CARGO_TARGET_DIR").filter(|named| !named.is_empty());
        told_by_cargo(&root).unwrap_or_else(|| without_cargo(&root, asked.map(PathBuf::from)))
    })
}

/// The folder of release builds.
pub(crate) fn release_folder() -> PathBuf {
    target_folder().join("release")
}

/// The program that builds.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn told_by_cargo(root: &Path) -> Option<PathBuf> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = command.current_dir(root).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    target_of(&output.stdout)
}

fn target_of(metadata: &[u8]) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_slice(metadata).ok()?;
    metadata["target_directory"].as_str().map(PathBuf::from)
}

/// A machine that only runs what was built elsewhere has no cargo to ask.
fn without_cargo(root: &Path, named: Option<PathBuf>) -> PathBuf {
    root.join(named.unwrap_or_else(|| PathBuf::from("target")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_asked_where_it_builds() {
        let told = br#"{"packages":[],"target_directory":"/elsewhere/out","version":1}"#;
        assert_eq!(target_of(told), Some(PathBuf::from("/elsewhere/out")));
        assert_eq!(target_of(b""), None);
        // This very test was built there.
        let test = std::env::current_exe().unwrap().canonicalize().unwrap();
        assert!(test.starts_with(target_folder().canonicalize().unwrap()), "{}", test.display());
    }

    #[test]
    fn without_cargo_the_environment_decides() {
        let root = Path::new("/project");
        for (named, folder) in [(None, "/project/target"), (Some("out"), "/project/out"), (Some("/out"), "/out")] {
            assert_eq!(without_cargo(root, named.map(PathBuf::from)), Path::new(folder));
        }
    }
}
