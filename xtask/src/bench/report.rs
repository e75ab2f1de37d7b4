//! docs/performance.md: one block per bench, replaced by its newest run.

use std::fmt::Write as _;

use anyhow::Result;

use super::machine;
use crate::load::samples::Spread;
use crate::tidy::workspace_root;

const PATH: &str = "docs/performance.md";

const HEADER: &str = "\
# Measured performance

Written by `cargo xtask bench http`, `latency`, `life` and `fill`; each run
replaces its own block. Load generator and server share the machine. Goals that are ratios
compare two things measured in turns in one run; the median and the spread of
the rounds are shown.
";

/// One row: which goal, what it asks for, what was seen, how.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) goal: &'static str,
    /// What the first release owes, in words.
    pub(crate) owed: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
    pub(crate) how: String,
}

/// `0.31 (0.29–0.33)`.
pub(crate) fn spread(spread: Spread, decimals: usize) -> String {
    let Spread { median, min, max } = spread;
    format!("{median:.decimals$} ({min:.decimals$}–{max:.decimals$})")
}

/// Prints the rows and puts them into the document.
pub(crate) fn publish(bench: &str, rows: &[Row], notes: &[String]) -> Result<()> {
    let mut block = format!("## {bench}\n\nOn {}.\n\n", machine::line());
    block.push_str("| goal | owed first | measured | met | how |\n|---|---|---|---|---|\n");
    for Row { goal, owed, measured, met, how } in rows {
        let met = if *met { "yes" } else { "no" };
        let _ = writeln!(block, "| {goal} | {owed} | {measured} | {met} | {how} |");
    }
    if !notes.is_empty() {
        block.push('\n');
    }
    for note in notes {
        let _ = writeln!(block, "- {note}");
    }
    println!("\n{block}");
    let path = workspace_root().join(PATH);
    let before = std::fs::read_to_string(&path).unwrap_or_else(|_| HEADER.to_owned());
    std::fs::write(&path, replaced(&before, bench, &block))?;
    println!("bench: {PATH} updated");
    Ok(())
}

/// The document with the bench's block replaced or added.
fn replaced(document: &str, bench: &str, block: &str) -> String {
    let (open, close) = (format!("<!-- bench {bench} -->\n"), format!("<!-- end of bench {bench} -->\n"));
    let whole = format!("{open}{block}{close}");
    match (document.find(&open), document.find(&close)) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{whole}{}", &document[..from], &document[to + close.len()..])
        }
        _ => format!("{}\n\n{whole}", document.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_added_then_replaced() {
        let first = replaced(HEADER, "http", "one\n");
        let second = replaced(&first, "latency", "two\n");
        let third = replaced(&second, "http", "three\n");
        assert!(third.starts_with("# Measured") && third.contains("three") && third.contains("two"));
        assert!(!third.contains("one\n<!--"), "{third}");
        assert_eq!(third.matches("<!-- bench http -->").count(), 1);
    }
}
