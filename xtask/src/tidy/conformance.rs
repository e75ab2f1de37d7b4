//! The lists of docs/conformance against the markers in the tests.
//!
//! A row `| number | statement | test or why not |` either names a test, and
//! then a comment `conformance: <list> <number>` stands on at least one, or
//! says `not yet: …` or `not here: …`.

use std::collections::{BTreeMap, BTreeSet};

use super::source::words;
use super::{Problem, Tree};

const FOLDER: &str = "docs/conformance/";
const MARKER: &str = "conformance:";
const REASONS: [&str; 2] = ["not yet:", "not here:"];

/// One row of a list.
struct Row {
    line: usize,
    proof: String,
}

/// List and number to the places of its markers.
type Markers = BTreeMap<(String, String), Vec<(String, usize)>>;

/// Checks rows against markers, both ways.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let markers = markers(tree, &mut problems);
    let functions = test_names(tree);
    let mut known = BTreeSet::new();
    for (path, text) in tree.below(FOLDER, "md") {
        let list = path[FOLDER.len()..].trim_end_matches(".md");
        if list == "README" {
            continue;
        }
        let rows = rows(path, text, &mut problems);
        if rows.is_empty() {
            problems.push(Problem::new(path, 0, "no row `| number | statement | test or why not |`"));
        }
        for (number, row) in rows {
            let marked = markers.contains_key(&(list.to_owned(), number.clone()));
            if let Some(text) = unproven(&row.proof, marked, &functions) {
                problems.push(Problem::new(path, row.line, format!("{list} {number}: {text}")));
            }
            known.insert((list.to_owned(), number));
        }
    }
    for ((list, number), places) in markers.iter().filter(|(key, _)| !known.contains(*key)) {
        for (path, line) in places {
            let why = format!("a marker for {list} {number}, which {FOLDER}{list}.md does not list");
            problems.push(Problem::new(path, *line, why));
        }
    }
    problems
}

/// Why a row proves nothing; none when it does.
fn unproven(proof: &str, marked: bool, functions: &BTreeSet<String>) -> Option<String> {
    if let Some(prefix) = REASONS.iter().find(|prefix| proof.starts_with(**prefix)) {
        let reason = proof[prefix.len()..].trim();
        return reason.is_empty().then(|| format!("`{prefix}` without a reason"));
    }
    if proof.is_empty() {
        return Some("names no test and gives no reason (`not yet: …`, `not here: …`)".to_owned());
    }
    if !words(proof).any(|(_, word)| functions.contains(word)) {
        return Some(format!("names no test that exists: {proof}"));
    }
    (!marked).then(|| "has a test but no marker comment".to_owned())
}

fn rows(path: &str, text: &str, problems: &mut Vec<Problem>) -> BTreeMap<String, Row> {
    let mut found = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let Some(inner) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<String> =
            inner.replace("\\|", "\u{0}").split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        let number = cells.first().map(String::as_str).unwrap_or_default();
        if !number.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        if cells.len() != 3 {
            problems.push(Problem::new(path, index + 1, format!("{} cells, want 3", cells.len())));
            continue;
        }
        let row = Row { line: index + 1, proof: cells[2].clone() };
        if found.insert(number.to_owned(), row).is_some() {
            problems.push(Problem::new(path, index + 1, format!("number {number} is listed twice")));
        }
    }
    found
}

fn markers(tree: &Tree, problems: &mut Vec<Problem>) -> Markers {
    let mut found = Markers::new();
    for (path, text) in tree.below("crates/", "rs") {
        for (index, line) in text.lines().enumerate() {
            let comment = line.trim().strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']).trim());
            let Some(marker) = comment.and_then(|comment| comment.strip_prefix(MARKER)) else {
                continue;
            };
            match marker.split_whitespace().collect::<Vec<_>>()[..] {
                [list, number]
                    if number.starts_with(|first: char| first.is_ascii_digit()) && !number.ends_with(',') =>
                {
                    let places = found.entry((list.to_owned(), number.to_owned())).or_default();
                    places.push((path.to_owned(), index + 1));
                }
                _ => problems.push(Problem::new(
                    path,
                    index + 1,
                    "a marker is `conformance: <list> <number>`, one per line",
                )),
            }
        }
    }
    found
}

/// The names of all functions and modules of the crates.
fn test_names(tree: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in tree.below("crates/", "rs") {
        let mut before = "";
        for (_, word) in words(text) {
            if before == "fn" {
                names.insert(word.to_owned());
            }
            before = word;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: &str, source: &str) -> Vec<String> {
        let list = format!("| number | statement | test or why not |\n|---|---|---|\n{row}\n");
        let tree = Tree::of(&[("docs/conformance/bank.md", &list), ("crates/a/src/tests.rs", source)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_and_markers_agree() {
        let test = "// conformance: bank 7\n#[test]\nfn pays_once() {}\n";
        let cases = [
            ("| 7 | pays once | `pays_once` |", test, ""),
            ("| 7 | pays once | `tests::pays_once` |", test, ""),
            ("| 7 | pays once | not yet: no rail for it |", "", ""),
            ("| 7 | pays once | not here: a console matter |", "", ""),
            ("| 7 | pays once | not yet: |", "", "without a reason"),
            ("| 7 | pays once | |", "", "names no test"),
            ("| 7 | pays once | `pays_never` |", test, "names no test that exists"),
            ("| 7 | pays once | `pays_once` |", "fn pays_once() {}\n", "no marker comment"),
            ("| 7 | pays once |", test, "cells"),
        ];
        for (row, source, expected) in cases {
            let problems = found(row, source);
            match expected {
                "" => assert!(problems.is_empty(), "{row}: {problems:?}"),
                text => assert!(problems.iter().any(|problem| problem.contains(text)), "{row}: {problems:?}"),
            }
        }
    }

    #[test]
    fn a_marker_needs_a_row() {
        let row = "| 7 | pays once | not yet: later |";
        assert!(found(row, "// conformance: bank 8\n")[0].contains("crates/a/src/tests.rs:1"));
        assert!(found(row, "// conformance: other 7\n")[0].contains("does not list"));
        assert!(found(row, "// conformance: bank 7, 8\n")[0].contains("one per line"));
    }

    #[test]
    fn numbers_are_unique() {
        let row = "| 7 | a | not yet: b |\n| 7 | a | not yet: b |";
        assert!(found(row, "")[0].contains("twice"));
    }
}
