//! Lengths of files and functions, with a ratchet for what is still too long.
//!
//! Only lines that hold production code count: an empty line, a comment or a
//! test costs nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::source::{Source, test_files};
use super::{Problem, Tree};

/// The list of exceptions, with the length each may have.
pub(crate) const RATCHET: &str = "xtask/ratchet.toml";

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

const HEADER: &str = "\
# Sources that are longer than the house allows (files 400 lines of production
# code, functions 70), with their present length. An entry may only shrink:
# `cargo xtask tidy --bless` writes smaller numbers and drops what now fits.
# A new entry is made by hand, with the reason in the commit.
";

/// What is too long now: by section and name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lengths {
    files: BTreeMap<String, (usize, usize)>,
    functions: BTreeMap<String, (usize, usize)>,
}

/// What the ratchet allows.
#[derive(Debug, Default)]
struct Ratchet {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

/// Compares the tree with the limits and the ratchet.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let ratchet = match Ratchet::parse(tree.get(RATCHET).unwrap_or("")) {
        Ok(ratchet) => ratchet,
        Err(error) => return vec![Problem::new(RATCHET, 0, format!("{error:#}"))],
    };
    let lengths = measure(tree);
    let mut problems = Vec::new();
    compare("file", FILE_LINES_MAX, &lengths.files, &ratchet.files, &mut problems);
    compare("function", FUNCTION_LINES_MAX, &lengths.functions, &ratchet.functions, &mut problems);
    problems
}

/// The ratchet with shrunk entries rewritten; none when nothing shrank.
pub(crate) fn blessed(tree: &Tree) -> Result<Option<String>> {
    let before = tree.get(RATCHET).unwrap_or("");
    let ratchet = Ratchet::parse(before)?;
    let lengths = measure(tree);
    let mut text = HEADER.to_owned();
    for (name, allowed, found) in
        [("files", &ratchet.files, &lengths.files), ("functions", &ratchet.functions, &lengths.functions)]
    {
        let _ = writeln!(text, "\n[{name}]");
        for (key, limit) in allowed {
            if let Some((length, _)) = found.get(key) {
                let _ = writeln!(text, "\"{key}\" = {}", limit.min(length));
            }
        }
    }
    Ok((text != before).then_some(text))
}

fn compare(
    what: &str,
    max: usize,
    found: &BTreeMap<String, (usize, usize)>,
    allowed: &BTreeMap<String, usize>,
    problems: &mut Vec<Problem>,
) {
    for (key, (length, line)) in found {
        let path = key.split("::").next().unwrap_or(key);
        match allowed.get(key) {
            None => {
                let why = format!("{what} of {length} lines of code, at most {max}: {key}");
                problems.push(Problem::new(path, *line, why));
            }
            Some(limit) if length > limit => {
                let why = format!("{what} grew to {length} lines from {limit}, and may only shrink: {key}");
                problems.push(Problem::new(path, *line, why));
            }
            Some(limit) if length < limit => {
                problems.push(Problem::new(
                    RATCHET,
                    0,
                    format!("{key} shrank to {length}: run `cargo xtask tidy --bless`"),
                ));
            }
            Some(_) => {}
        }
    }
    for key in allowed.keys().filter(|key| !found.contains_key(*key)) {
        problems.push(Problem::new(RATCHET, 0, format!("{key} fits now: run `cargo xtask tidy --bless`")));
    }
}

fn measure(tree: &Tree) -> Lengths {
    let tests = test_files(tree);
    let mut lengths = Lengths::default();
    for (path, file) in tree.below("", "rs").filter(|(path, _)| !tests.contains(*path)) {
        let source = Source::production(file);
        let length = source.length();
        if length > FILE_LINES_MAX {
            lengths.files.insert(path.to_owned(), (length, 0));
        }
        for function in source.functions().into_iter().filter(|function| function.length > FUNCTION_LINES_MAX) {
            let entry = lengths.functions.entry(format!("{path}::{}", function.name)).or_default();
            if function.length > entry.0 {
                *entry = (function.length, function.line);
            }
        }
    }
    lengths
}

impl Ratchet {
    fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().context("the ratchet is not TOML")?;
        Ok(Self { files: section(&table, "files")?, functions: section(&table, "functions")? })
    }
}

fn section(table: &toml::Table, name: &str) -> Result<BTreeMap<String, usize>> {
    let Some(value) = table.get(name) else {
        return Ok(BTreeMap::new());
    };
    let entries = value.as_table().with_context(|| format!("[{name}] is no table"))?;
    entries
        .iter()
        .map(|(key, value)| {
            let limit = value.as_integer().and_then(|limit| usize::try_from(limit).ok());
            Ok((key.clone(), limit.with_context(|| format!("{key}: no length"))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/engine/src/a.rs";

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    fn problems(file: &str, ratchet: &str) -> Vec<String> {
        check(&Tree::of(&[(PATH, file), (RATCHET, ratchet)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn limits_hold() {
        assert!(problems(&function(70), "").is_empty());
        assert_eq!(problems(&function(71), "").len(), 1);
        assert!(problems(&"const A: u8 = 1;\n".repeat(400), "").is_empty());
        assert_eq!(problems(&"const A: u8 = 1;\n".repeat(401), "").len(), 1);
        let commented = "// why\n\nconst A: u8 = 1;\n".repeat(400);
        assert!(problems(&commented, "").is_empty());
        let tested = format!("#[cfg(test)]\nmod tests {{\n{}\n}}\n", function(500));
        assert!(problems(&tested, "").is_empty());
    }

    #[test]
    fn the_ratchet_only_turns_one_way() {
        let at = |limit: usize| format!("[functions]\n\"{PATH}::long\" = {limit}\n");
        assert!(problems(&function(90), &at(90)).is_empty());
        assert!(problems(&function(90), &at(89))[0].contains("grew"));
        assert!(problems(&function(90), &at(91))[0].contains("--bless"));
        assert!(problems(&function(60), &at(90))[0].contains("fits now"));
        assert!(!problems(&function(10), "nonsense =").is_empty());
    }

    #[test]
    fn blessing_shrinks_and_never_adds() {
        let ratchet = format!("[functions]\n\"{PATH}::long\" = 95\n\"{PATH}::gone\" = 99\n");
        let tree = Tree::of(&[(PATH, &function(90)), ("crates/engine/src/b.rs", &function(80)), (RATCHET, &ratchet)]);
        let text = blessed(&tree).unwrap().unwrap();
        assert!(text.contains("a.rs::long\" = 90") && !text.contains("gone") && !text.contains("b.rs"), "{text}");
        let again = Tree::of(&[(PATH, &function(90)), (RATCHET, &text)]);
        assert_eq!(blessed(&again).unwrap(), None);
        let grown = Tree::of(&[(PATH, &function(99)), (RATCHET, &text)]);
        assert_eq!(blessed(&grown).unwrap(), None);
    }
}
