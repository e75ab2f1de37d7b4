//! Words that must not appear in certain rooms of the house.

use super::source::{Source, line_of, test_files, words};
use super::{Problem, Tree};

/// Rooms that serve every provider and therefore know none.
const NEUTRAL: [&str; 5] =
    ["crates/domain/src/", "crates/engine/src/", "crates/store-", "crates/webhooks/src/", "crates/testkit/src/"];

/// Names of providers whose words live in the folders of their dialects.
const PROVIDERS: [&str; 3] = ["banked", "bvnk", "truelayer"];

/// Identifiers that would bring waiting, clocks, dice or floats into the core.
const CORE_EXACT: [&str; 10] =
    ["async", "await", "SystemTime", "Instant", "f32", "f64", "rand", "tokio", "thread", "Mutex"];

/// Parts of identifiers that would bring wires and rows into the core.
const CORE_PARTS: [&str; 3] = ["serde", "http", "sql"];

/// Checks the production code (not its comments) of the neutral rooms.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let tests = test_files(tree);
    let mut problems = Vec::new();
    for (path, file) in tree.below("crates/", "rs").filter(|(path, _)| !tests.contains(*path)) {
        let source = Source::production(file);
        if path.starts_with("crates/domain/src/") {
            core_words(path, &source.code, &mut problems);
            bare_reference(path, &source.code, &mut problems);
        }
        if NEUTRAL.iter().any(|folder| path.starts_with(folder)) {
            provider_names(path, &source.text, &mut problems);
        }
    }
    problems
}

fn core_words(path: &str, code: &str, problems: &mut Vec<Problem>) {
    for (offset, word) in words(code) {
        let lower = word.to_lowercase();
        if CORE_EXACT.contains(&word) || CORE_PARTS.iter().any(|part| lower.contains(part)) {
            problems.push(Problem::new(path, line_of(code, offset), format!("`{word}` has no place in the core")));
        }
    }
}

/// A field, parameter or variable of text that is called `reference` and nothing else.
fn bare_reference(path: &str, code: &str, problems: &mut Vec<Problem>) {
    const TEXTS: [&str; 6] = ["String", "&str", "&'", "Option<String>", "Box<str>", "Option<&"];
    if path.ends_with("/reference.rs") {
        return;
    }
    for (offset, _) in words(code).filter(|(_, word)| *word == "reference") {
        let before = code[..offset].trim_end();
        let after = code[offset + "reference".len()..].trim_start();
        let bound = before.ends_with(" let") || before.ends_with(" let mut");
        let typed = after.strip_prefix(':').filter(|rest| !rest.starts_with(':')).map(str::trim_start);
        if bound || typed.is_some_and(|found| TEXTS.iter().any(|text| found.starts_with(text))) {
            let why = "a bare `reference`: say which one (end_to_end_id, merchant_reference, …)";
            problems.push(Problem::new(path, line_of(code, offset), why));
        }
    }
}

fn provider_names(path: &str, text: &str, problems: &mut Vec<Problem>) {
    for (number, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        if let Some(name) = PROVIDERS.iter().find(|name| lower.contains(*name)) {
            let why = format!("a provider's name (`{name}`) outside its dialect's folder");
            problems.push(Problem::new(path, number + 1, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, file: &str) -> usize {
        check(&Tree::of(&[(path, file)])).len()
    }

    #[test]
    fn the_core_neither_waits_nor_serialises() {
        let path = "crates/domain/src/money.rs";
        let cases = [
            ("fn a(minor: u64) {}\n", 0),
            ("// async serde f64 http: only a comment.\n/// SQL.\nfn a() {}\n", 0),
            ("async fn a() {}\n", 1),
            ("#[derive(serde::Serialize)]\nstruct A;\n", 1),
            ("fn a(x: f64) {}\n", 1),
            ("use std::time::SystemTime;\n", 1),
            ("struct HttpStatus;\n", 1),
            ("fn to_sql() {}\n", 1),
            ("#[cfg(test)]\nmod tests { fn a() -> f64 { 1.0 } }\n", 0),
        ];
        for (file, expected) in cases {
            assert_eq!(count(path, file), expected, "{file}");
        }
        assert_eq!(count("crates/engine/src/a.rs", "async fn a() {}\n"), 0);
    }

    #[test]
    fn providers_are_unknown_to_neutral_rooms() {
        let file = "const NAME: &str = \"banked_v3\";\n";
        for path in [
            "crates/domain/src/a.rs",
            "crates/engine/src/a.rs",
            "crates/store-sqlite/src/a.rs",
            "crates/webhooks/src/a.rs",
        ] {
            assert_eq!(count(path, file), 1, "{path}");
        }
        assert_eq!(count("crates/dialects/src/banked_v3/mod.rs", file), 0);
        assert_eq!(count("crates/engine/src/tests.rs", file), 0);
        assert_eq!(count("crates/engine/src/a.rs", "struct TrueLayerThing;\n"), 1);
    }

    #[test]
    fn a_reference_says_which() {
        let path = "crates/domain/src/refund.rs";
        assert_eq!(count(path, "struct A {\n    reference: String,\n}\n"), 1);
        assert_eq!(count(path, "fn a() { let reference = 1; }\n"), 1);
        assert_eq!(count(path, "struct A { reference: ClientReference }\nuse crate::reference::Tag;\n"), 0);
        assert_eq!(count("crates/domain/src/reference.rs", "fn a(reference: &str) {}\n"), 0);
    }
}
