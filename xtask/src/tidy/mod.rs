//! The rules of the house as checks: `cargo xtask tidy`.
//!
//! Every check is a pure function from a [`Tree`] of texts (or from a tool's
//! output) to a list of [`Problem`]s, so that its unit tests can show it a
//! made-up tree which breaks the rule.

mod budget;
mod conformance;
mod folders;
mod imports;
mod lengths;
mod places;
mod project;
mod source;
mod tree;
mod words;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use tree::{Problem, Tree, workspace_root};

/// Runs every check on the working tree and prints what it found.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let bless = match arguments {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => anyhow::bail!("usage: cargo xtask tidy [--bless]"),
    };
    let root = workspace_root();
    let mut tree = Tree::read(&root)?;
    if bless && let Some(text) = lengths::blessed(&tree)? {
        std::fs::write(root.join(lengths::RATCHET), &text)?;
        println!("tidy: {} rewritten", lengths::RATCHET);
        tree.put(lengths::RATCHET, &text);
    }
    let checks: [(&str, Vec<Problem>); 8] = [
        ("imports", imports::check(&tree)),
        ("words", words::check(&tree)),
        ("folders", folders::check(&tree)),
        ("lengths", lengths::check(&tree)),
        ("conformance", conformance::check(&tree)),
        ("project", project::check(&tree)),
        ("places", places::check(&tree)),
        ("budget", budget::check(&root)?),
    ];
    let mut count = 0;
    for (name, problems) in &checks {
        for problem in problems {
            println!("tidy[{name}]: {problem}");
        }
        count += problems.len();
    }
    if count == 0 {
        println!("tidy: {} files, {} checks, nothing to say", tree.len(), checks.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {count} problem(s)");
    Ok(ExitCode::FAILURE)
}
