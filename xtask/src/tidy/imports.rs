//! The import table of the workspace: who may depend on whom.

use super::{Problem, Tree};

/// Prefix of the product's own packages.
const OURS: &str = "refundry";

/// What a crate may import of ours: by folder below `crates/`.
enum May {
    /// These and no other.
    Only(&'static [&'static str]),
    /// All but the binary.
    AllButBinary,
    /// Everything.
    Everything,
}

fn row(folder: &str) -> Option<May> {
    Some(match folder {
        "domain" => May::Only(&[]),
        "engine" => May::Only(&["domain"]),
        "rails" | "dialects" | "webhooks" | "console" | "mails" | "testkit" => May::Only(&["domain", "engine"]),
        "server" => May::AllButBinary,
        "refundry" => May::Everything,
        store if store.starts_with("store-") => May::Only(&["domain", "engine"]),
        _ => return None,
    })
}

/// Checks every manifest against the table.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for folder in tree.folders("crates/") {
        let path = format!("crates/{folder}/Cargo.toml");
        match (tree.get(&path), row(&folder)) {
            (None, _) => problems.push(Problem::new(&path, 0, "a folder of crates/ without a manifest")),
            (Some(_), None) => {
                problems.push(Problem::new(&path, 1, "a crate that the import table does not know: add its row"));
            }
            (Some(text), Some(may)) => manifest(&path, text, &folder, &may, &mut problems),
        }
    }
    if let Some(text) = tree.get("xtask/Cargo.toml") {
        manifest("xtask/Cargo.toml", text, "xtask", &May::Only(&[]), &mut problems);
    }
    problems
}

fn manifest(path: &str, text: &str, folder: &str, may: &May, problems: &mut Vec<Problem>) {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return problems.push(Problem::new(path, 1, format!("not TOML: {error}"))),
    };
    for (section, name, package) in dependencies(&table) {
        let line = text.lines().position(|line| line.trim_start().starts_with(&name)).map_or(0, |line| line + 1);
        let development = section == "dev-dependencies";
        let Some(ours) = own_folder(&package) else {
            if folder == "domain" && !development {
                let why = format!("`{name}` in [{section}]: the core depends on nothing");
                problems.push(Problem::new(path, line, why));
            }
            continue;
        };
        let testing = development && (ours == "testkit" || folder == "testkit");
        let allowed = match may {
            May::Only(list) => list.contains(&ours.as_str()),
            May::AllButBinary => ours != "refundry" && ours != "testkit",
            May::Everything => ours != "testkit",
        };
        if !allowed && !testing {
            let why = format!("`{folder}` may not import `{ours}` ([{section}]): see the import table");
            problems.push(Problem::new(path, line, why));
        }
    }
}

/// All dependencies of a manifest: section, key and package name.
fn dependencies(table: &toml::Table) -> Vec<(&'static str, String, String)> {
    const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut scopes = vec![table];
    let targets = table.get("target").and_then(toml::Value::as_table);
    scopes.extend(targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table)));
    let mut found = Vec::new();
    for scope in scopes {
        for section in SECTIONS {
            let Some(entries) = scope.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, value) in entries {
                let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
                found.push((section, name.clone(), package.to_owned()));
            }
        }
    }
    found
}

/// The folder of one of our packages.
fn own_folder(package: &str) -> Option<String> {
    if package == OURS {
        return Some(OURS.to_owned());
    }
    package.strip_prefix(OURS)?.strip_prefix('-').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(folder: &str, manifest: &str) -> Vec<String> {
        let path = format!("crates/{folder}/Cargo.toml");
        check(&Tree::of(&[(&path, manifest)])).iter().map(ToString::to_string).collect()
    }

    const CASES: &[(&str, &str, usize)] = &[
        ("domain", "[dependencies]\n", 0),
        ("domain", "[dependencies]\nserde = \"1\"\n", 1),
        ("domain", "[dev-dependencies]\nproptest = \"1\"\nrefundry-testkit.workspace = true\n", 0),
        ("engine", "[dependencies]\nrefundry-domain.workspace = true\ntokio = \"1\"\n", 0),
        ("engine", "[dependencies]\nrefundry-store-sqlite.workspace = true\n", 1),
        ("engine", "[target.'cfg(unix)'.dependencies]\nrefundry-rails.workspace = true\n", 1),
        ("engine", "[dependencies]\nbank = { package = \"refundry-rails\", version = \"0\" }\n", 1),
        ("engine", "[dependencies]\nrefundry-testkit.workspace = true\n", 1),
        ("engine", "[dev-dependencies]\nrefundry-testkit.workspace = true\n", 0),
        ("store-sqlite", "[dependencies]\nrefundry-dialects.workspace = true\n", 1),
        ("dialects", "[dependencies]\nrefundry-rails.workspace = true\n", 1),
        ("rails", "[build-dependencies]\nrefundry-dialects.workspace = true\n", 1),
        ("server", "[dependencies]\nrefundry-store-sqlite.workspace = true\n", 0),
        ("server", "[dependencies]\nrefundry.workspace = true\n", 1),
        ("refundry", "[dependencies]\nrefundry-server.workspace = true\n", 0),
        ("refundry", "[dependencies]\nrefundry-testkit.workspace = true\n", 1),
        ("testkit", "[dev-dependencies]\nrefundry-store-sqlite.workspace = true\n", 0),
        ("novelty", "[dependencies]\n", 1),
    ];

    #[test]
    fn the_table_is_enforced() {
        for &(folder, manifest, count) in CASES {
            let found = problems(folder, manifest);
            assert_eq!(found.len(), count, "{folder}: {manifest}: {found:?}");
        }
    }

    #[test]
    fn the_message_names_file_and_line() {
        let found = problems("engine", "[package]\n\n[dependencies]\nrefundry-rails.workspace = true\n");
        assert!(found[0].starts_with("crates/engine/Cargo.toml:4: "), "{found:?}");
    }

    #[test]
    fn xtask_stays_outside() {
        let tree = Tree::of(&[("xtask/Cargo.toml", "[dependencies]\nrefundry-domain.workspace = true\n")]);
        assert_eq!(check(&tree).len(), 1);
    }
}
