//! How many packages the product is made of, which it must not be made of, and
//! under which licences they stand.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Problem;

/// Packages besides our own in the default build on 64-bit Linux.
const PACKAGES_MAX: usize = 350;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Packages that stay out, by name.
const BANNED: [&str; 8] = ["openssl", "openssl-sys", "native-tls", "ring", "chrono", "sqlx", "sqlx-core", "zstd-sys"];

/// Licences that a dependency may offer.
const LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Asks cargo and judges its answers.
pub(crate) fn check(root: &Path) -> Result<Vec<Problem>> {
    let tree = cargo(
        root,
        &["tree", "--locked", "-e", "normal,build", "-p", "refundry", "--target", TARGET, "--prefix", "none"],
    )?;
    let metadata = cargo(root, &["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])?;
    let mut problems = packages(&tree);
    problems.extend(licences(&serde_json::from_str(&metadata).context("cargo metadata")?));
    Ok(problems)
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(crate::output::cargo()).args(arguments).current_dir(root).output().context("cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {} failed: {complaint}", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// Judges the lines `name vX.Y.Z …` of `cargo tree`; those with a path are ours.
fn packages(tree: &str) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.contains("(/") && !line.contains("(file:")) {
        let mut parts = line.split_whitespace();
        if let (Some(name), Some(version)) = (parts.next(), parts.next()) {
            names.insert((name, version));
        }
    }
    let mut problems = Vec::new();
    if names.len() >= PACKAGES_MAX {
        let why = format!("{} packages in the default build, under {PACKAGES_MAX} are allowed", names.len());
        problems.push(Problem::new("Cargo.lock", 0, why));
    }
    for (name, version) in names.iter().filter(|(name, _)| BANNED.contains(name)) {
        problems.push(Problem::new(
            "Cargo.lock",
            0,
            format!("`{name}` {version} is banned: `cargo tree -i {name}` tells who brings it"),
        ));
    }
    problems
}

fn licences(metadata: &serde_json::Value) -> Vec<Problem> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut problems = Vec::new();
    if packages.is_empty() {
        problems.push(Problem::new("Cargo.lock", 0, "cargo metadata lists no package"));
    }
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !allowed(licence) {
            problems.push(Problem::new(
                "Cargo.lock",
                0,
                format!("`{name}` stands under `{licence}`, which the list does not allow"),
            ));
        }
    }
    problems
}

/// Whether a licence expression can be met with the allowed ones.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    !words.is_empty() && any_of(&words, &mut at) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize) -> bool {
    let mut met = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut met = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at);
    }
    met
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let met = any_of(words, at);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return LICENCES.contains(&format!("{word} WITH {exception}").as_str());
    }
    LICENCES.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged() {
        let cases = [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0 AND MIT", false),
            ("ISC AND (Apache-2.0 OR GPL-2.0)", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
            ("Apache-2.0 WITH Other-exception", false),
            ("MPL-2.0", false),
            ("", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(allowed(expression), expected, "{expression}");
        }
    }

    #[test]
    fn banned_packages_and_the_budget() {
        let ours = "refundry v0.1.0 (/x/crates/refundry)\n";
        assert!(packages(&format!("{ours}serde v1.0.0\nserde v1.0.0 (*)\n")).is_empty());
        assert_eq!(packages(&format!("{ours}ring v0.17.0\n")).len(), 1);
        let many = |count: usize| (0..count).map(|n| format!("p{n} v1.0.0\n")).collect::<String>();
        assert!(packages(&many(PACKAGES_MAX - 1)).is_empty());
        assert_eq!(packages(&many(PACKAGES_MAX)).len(), 1);
    }

    #[test]
    fn a_licence_outside_the_list_is_named() {
        let metadata =
            serde_json::json!({ "packages": [{ "name": "a", "license": "MIT" }, { "name": "b", "license": null }] });
        assert_eq!(licences(&metadata).len(), 1);
        assert_eq!(licences(&serde_json::json!({})).len(), 1);
    }
}
