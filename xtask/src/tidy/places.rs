//! Nothing in the tree names the machine it was written on: no private paths,
//! no package source but the public registry.

use super::{Problem, Tree};

/// Paths of one machine. They are put together here so that this file does not hold them.
const PATHS: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("../sha", "red"),
];

/// Parts of host names of private package sources.
const MIRRORS: [&str; 4] =
    [concat!("arti", "factory"), concat!("nexus", "."), concat!("mirr", "or."), concat!("verd", "accio")];

/// The one source of packages.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every text of the tree.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.all() {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = PATHS.iter().find(|found| holds_path(line, found)) {
                problems.push(Problem::new(path, index + 1, format!("a path of one machine: `{found}`")));
            }
            if let Some(found) = MIRRORS.iter().find(|found| host_holds(line, found)) {
                problems.push(Problem::new(path, index + 1, format!("a private package source: `{found}`")));
            }
        }
    }
    sources(tree, &mut problems);
    problems
}

/// The path starts a word: `see /x/y` and `"/x/y"`, but not `a/x/y`.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at]
            .ends_with(|before: char| before.is_alphanumeric() || matches!(before, '.' | '}' | '>' | '_' | '-' | '/'))
    })
}

fn host_holds(line: &str, part: &str) -> bool {
    line.match_indices("://").any(|(at, _)| {
        let rest = &line[at + 3..];
        rest[..rest.find(['/', '"', ' ', ')']).unwrap_or(rest.len())].contains(part)
    })
}

fn sources(tree: &Tree, problems: &mut Vec<Problem>) {
    for (index, line) in tree.get("Cargo.lock").unwrap_or("").lines().enumerate() {
        if let Some(source) = line.strip_prefix("source = ").map(|source| source.trim_matches('"'))
            && source != REGISTRY
        {
            problems.push(Problem::new("Cargo.lock", index + 1, "a package from another source than the registry"));
        }
    }
    for (index, line) in tree.get(".cargo/config.toml").unwrap_or("").lines().enumerate() {
        if ["[source", "[registr", "[net", "[http"].iter().any(|section| line.trim_start().starts_with(section)) {
            problems.push(Problem::new(
                ".cargo/config.toml",
                index + 1,
                "where packages come from is the builder's own setting",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_places_are_found() {
        let cases = [
            ("docs/a.md", format!("see {}main/x", PATHS[0]), 1),
            ("docs/a.md", format!("copy from {}/design", PATHS[4]), 1),
            ("docs/a.md", "the net/work/flow and https://docs.rs/x".to_owned(), 0),
            ("a.toml", format!("url = \"https://{}.example/x\"", MIRRORS[0]), 1),
            ("Cargo.lock", "source = \"git+https://github.com/x/y\"".to_owned(), 1),
            ("Cargo.lock", format!("source = \"{REGISTRY}\""), 0),
            (".cargo/config.toml", "[source.crates-io]".to_owned(), 1),
        ];
        for (path, text, count) in cases {
            let found = check(&Tree::of(&[(path, &text)]));
            assert_eq!(found.len(), count, "{path}: {text}: {found:?}");
        }
    }
}
