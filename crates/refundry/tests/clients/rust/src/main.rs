//! Signs and verifies with the crates that clients use, one question per line
//! as JSON, one answer per line: `truelayer-signing` for signed calls and
//! webhooks, `hawk` for calls of the other family, which it makes over a
//! socket of its own.

mod calls;
mod signatures;

use serde_json::{Value, json};
use std::io::{BufRead, Write};

fn answer(line: &str, clock: &mut i64) -> Result<Value, String> {
    let mut ask: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    ask["clock"] = json!(*clock);
    match text(&ask, "deed") {
        "sign" => signatures::sign(&ask),
        "verify" => signatures::verify(&ask),
        "header" => calls::header(&ask).map(|header| json!({ "authorization": header })),
        "call" => calls::call(&ask),
        "clock" => {
            *clock = ask["off"].as_i64().unwrap_or_default();
            Ok(json!({ "clock": clock }))
        }
        other => Err(format!("no deed {other:?}")),
    }
}

/// A text of a question; empty where it is not there.
fn text<'a>(ask: &'a Value, name: &str) -> &'a str {
    ask[name].as_str().unwrap_or_default()
}

fn main() {
    // Seconds by which the clock of signed calls is off.
    let mut clock = 0;
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let answer = answer(&line, &mut clock).unwrap_or_else(|error| json!({ "refused": error }));
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
