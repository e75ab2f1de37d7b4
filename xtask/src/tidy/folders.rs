//! The shape of folders: siblings that look alike and do not know each other,
//! and no drawers for odds and ends.

use super::source::{Source, line_of, test_files, words};
use super::{Problem, Tree};

/// The files that every dialect has (a folder of the same name may stand for one).
const DIALECT_FILES: [&str; 9] = ["mod", "routes", "auth", "wire", "states", "errors", "webhook", "config", "tests"];

/// The files that every rail has.
const RAIL_FILES: [&str; 2] = ["mod", "tests"];

/// Names that say nothing.
const DRAWERS: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "misc", "shared"];

/// Checks names and neighbours.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    siblings(tree, "crates/dialects/src/", &DIALECT_FILES, &mut problems);
    siblings(tree, "crates/rails/src/", &RAIL_FILES, &mut problems);
    drawers(tree, &mut problems);
    one_test_binary(tree, &mut problems);
    problems
}

fn siblings(tree: &Tree, folder: &str, files: &[&str], problems: &mut Vec<Problem>) {
    // A folder that only holds a neighbouring file's submodules (`routes/` of `routes.rs`) is no sibling.
    let names: Vec<String> =
        tree.folders(folder).into_iter().filter(|name| tree.get(&format!("{folder}{name}.rs")).is_none()).collect();
    for name in &names {
        let own = format!("{folder}{name}/");
        for file in files {
            let there =
                tree.get(&format!("{own}{file}.rs")).is_some() || tree.get(&format!("{own}{file}/mod.rs")).is_some();
            if !there {
                problems.push(Problem::new(&own, 0, format!("has no {file}.rs: siblings have the same files")));
            }
        }
        let tests = test_files(tree);
        for (path, text) in tree.below(&own, "rs").filter(|(path, _)| !tests.contains(*path)) {
            let code = Source::production(text).code;
            for (offset, other) in neighbours(&code, &names, name) {
                let why = format!("`{name}` knows its sibling `{other}`");
                problems.push(Problem::new(path, line_of(&code, offset), why));
            }
        }
    }
}

/// Mentions of other folders as modules: `crate::x`, `super::x`, or inside a `use crate::{…}`.
fn neighbours(code: &str, names: &[String], own: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (offset, word) in words(code) {
        if word == own || !names.iter().any(|name| name == word) {
            continue;
        }
        let before = code[..offset].trim_end();
        let statement = &before[before.rfind(';').map_or(0, |at| at + 1)..];
        let in_use =
            statement.trim_start().starts_with("use crate::{") || statement.trim_start().starts_with("use super::");
        if before.ends_with("crate::") || before.ends_with("super::") || in_use {
            found.push((offset, word.to_owned()));
        }
    }
    found
}

fn drawers(tree: &Tree, problems: &mut Vec<Problem>) {
    for (path, _) in tree.all() {
        let drawer = path.split('/').find(|part| DRAWERS.contains(&part.split('.').next().unwrap_or(part)));
        if let Some(name) = drawer {
            problems.push(Problem::new(path, 0, format!("`{name}` says nothing: name the concept or inline it")));
        }
    }
}

fn one_test_binary(tree: &Tree, problems: &mut Vec<Problem>) {
    for (path, _) in tree.below("crates/", "rs") {
        let mut parts = path.split('/').skip(2);
        let in_tests = parts.next() == Some("tests");
        // A package of its own there is no test binary of the crate.
        let of_its_own = path.split_once("/src/").is_some_and(|(package, _)| {
            package.contains("/tests/") && tree.get(&format!("{package}/Cargo.toml")).is_some()
        });
        if in_tests && parts.next() != Some("it") && !of_its_own {
            problems.push(Problem::new(path, 0, "one integration-test binary per crate: put it below tests/it/"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(name: &str, routes: &str) -> Vec<(String, String)> {
        DIALECT_FILES
            .iter()
            .map(|file| {
                let text = if *file == "routes" { routes } else { "" };
                (format!("crates/dialects/src/{name}/{file}.rs"), text.to_owned())
            })
            .collect()
    }

    fn found(files: &[(String, String)]) -> Vec<String> {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn siblings_do_not_know_each_other() {
        let cases = [
            ("use crate::json::Body;\n", 0),
            ("// see crate::native for another.\n", 0),
            ("use crate::native::wire;\n", 1),
            ("use crate::{json, native};\n", 1),
            ("fn a() { super::super::native::b() }\n", 1),
            ("let native = 1;\n", 0),
        ];
        for (routes, count) in cases {
            let mut files = dialect("first", routes);
            files.extend(dialect("native", ""));
            let problems = found(&files);
            assert_eq!(problems.len(), count, "{routes}: {problems:?}");
        }
    }

    #[test]
    fn siblings_have_the_same_files() {
        let mut files = dialect("first", "");
        assert!(found(&files).is_empty());
        files.retain(|(path, _)| !path.ends_with("states.rs"));
        assert_eq!(found(&files).len(), 1);
    }

    #[test]
    fn drawers_are_refused() {
        for path in ["crates/engine/src/utils.rs", "crates/engine/src/common/mod.rs", "xtask/src/helpers.rs"] {
            assert_eq!(found(&[(path.to_owned(), String::new())]).len(), 1, "{path}");
        }
        assert!(found(&[("crates/engine/src/commonwealth.rs".to_owned(), String::new())]).is_empty());
    }

    #[test]
    fn a_crate_has_one_test_binary() {
        assert!(found(&[("crates/a/tests/it/main.rs".into(), String::new())]).is_empty());
        assert_eq!(found(&[("crates/a/tests/second.rs".into(), String::new())]).len(), 1);
        let main = ("crates/a/tests/clients/rust/src/main.rs".to_owned(), String::new());
        let manifest = ("crates/a/tests/clients/rust/Cargo.toml".to_owned(), String::new());
        assert_eq!(found(std::slice::from_ref(&main)).len(), 1);
        assert!(found(&[main, manifest]).is_empty(), "a package of its own");
    }
}
