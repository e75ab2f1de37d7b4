//! The files that every stranger looks for, and the numbering of decisions.

use super::{Problem, Tree};

const FILES: [&str; 10] = [
    "README.md",
    "CHANGELOG.md",
    "ARCHITECTURE.md",
    "GLOSSARY.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
];

/// The command that the README shows first, and how many lines it may take to get there.
const FIRST_COMMAND: &str = "cargo run --release -- demo";
const README_LINES_MAX: usize = 40;

/// Where decisions are kept, one numbered file each.
const DECISIONS: &str = "docs/decisions/";

/// What `clippy.toml` must keep out of the sources.
const BANNED_METHODS: [&str; 3] = ["std::time::SystemTime::now", "std::time::Instant::now", "std::thread::sleep"];

/// Checks that they exist and say what they must.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems: Vec<Problem> = FILES
        .iter()
        .filter(|path| tree.get(path).is_none_or(|text| text.trim().is_empty()))
        .map(|path| Problem::new(path, 0, "missing or empty"))
        .collect();
    readme(tree, &mut problems);
    decisions(tree, &mut problems);
    banned_methods(tree, &mut problems);
    problems
}

fn readme(tree: &Tree, problems: &mut Vec<Problem>) {
    let Some(text) = tree.get("README.md") else {
        return;
    };
    let mut blocks = text.lines().take(README_LINES_MAX).skip_while(|line| !line.trim_start().starts_with("```"));
    blocks.next();
    let commands: Vec<&str> = blocks.take_while(|line| !line.trim_start().starts_with("```")).collect();
    if !commands.iter().any(|line| line.contains(FIRST_COMMAND)) {
        let why = format!("the first code block must show `{FIRST_COMMAND}` within {README_LINES_MAX} lines");
        problems.push(Problem::new("README.md", 0, why));
    }
}

fn decisions(tree: &Tree, problems: &mut Vec<Problem>) {
    let names: Vec<&str> = tree.below(DECISIONS, "md").map(|(path, _)| &path[DECISIONS.len()..]).collect();
    let mut numbers = Vec::new();
    for name in names.iter().filter(|name| **name != "README.md") {
        let path = format!("{DECISIONS}{name}");
        match name.split_once('-').map(|(number, _)| number).filter(|number| number.len() == 4) {
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => numbers.push((number.to_owned(), path)),
            _ => problems.push(Problem::new(&path, 0, "a decision is called NNNN-what-it-decides.md")),
        }
    }
    if numbers.is_empty() {
        problems.push(Problem::new(DECISIONS, 0, "no decision is written down"));
    }
    for (index, (number, path)) in numbers.iter().enumerate() {
        let expected = format!("{:04}", index + 1);
        if *number != expected {
            problems.push(Problem::new(path, 0, format!("number {number} where {expected} comes next")));
            break;
        }
    }
}

fn banned_methods(tree: &Tree, problems: &mut Vec<Problem>) {
    let Some(text) = tree.get("clippy.toml") else {
        return;
    };
    let table: toml::Table = text.parse().unwrap_or_default();
    let listed = table.get("disallowed-methods").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    for method in BANNED_METHODS {
        let there = listed.iter().any(|entry| entry.get("path").and_then(toml::Value::as_str) == Some(method));
        if !there {
            problems.push(Problem::new("clippy.toml", 0, format!("`{method}` is not among the disallowed methods")));
        }
    }
    for setting in ["too-many-lines-threshold", "too-many-arguments-threshold"] {
        if !table.contains_key(setting) {
            problems.push(Problem::new("clippy.toml", 0, format!("no {setting}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIPPY: &str = "too-many-lines-threshold = 70\ntoo-many-arguments-threshold = 6\ndisallowed-methods = [\n\
        { path = \"std::time::SystemTime::now\" },\n{ path = \"std::time::Instant::now\" },\n{ path = \"std::thread::sleep\" },\n]\n";

    fn whole() -> Tree {
        let mut tree = Tree::default();
        for path in FILES {
            tree.put(path, "text\n");
        }
        tree.put("README.md", "# Refundry\n\n```sh\ngit clone …\ncargo run --release -- demo\n```\n");
        tree.put("clippy.toml", CLIPPY);
        tree.put("docs/decisions/0001-a.md", "a");
        tree.put("docs/decisions/0002-b.md", "b");
        tree
    }

    fn with(path: &str, text: &str) -> Vec<String> {
        let mut tree = whole();
        tree.put(path, text);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_project_passes() {
        assert_eq!(check(&whole()), vec![]);
    }

    #[test]
    fn each_gap_is_named() {
        let cases = [
            ("SECURITY.md", "", "missing or empty"),
            ("README.md", "# Refundry\n\n```sh\nls\n```\n", "first code block"),
            ("docs/decisions/0004-d.md", "d", "0003 comes next"),
            ("docs/decisions/third.md", "c", "NNNN"),
            ("clippy.toml", "too-many-lines-threshold = 70\n", "disallowed"),
        ];
        for (path, text, expected) in cases {
            let problems = with(path, text);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{path}: {problems:?}");
        }
        assert!(!check(&Tree::default()).is_empty());
    }
}
