//! The routes of the inbox and of sent e-mails.

use super::inbox::{BODY_BYTES_MAX, LETTERS_MAX, Letter, NAMES_MAX, NotTaken};
use super::state::{Caller, Sandbox, json};
use super::wire::{invalid, print_time};
use crate::problem::Problem;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, StatusCode};
use refundry_mails::{KeptMail, NotCarried};
use serde::Deserialize;
use serde_json::{Map, Value, json as object};
use std::sync::Arc;

/// `POST /inbox/{name}`: takes anything, without a credential.
pub(super) async fn receive(
    State(sandbox): State<Arc<Sandbox>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    // A key that was sent along by mistake is not kept for showing.
    let shown = headers.iter().filter(|(name, _)| **name != AUTHORIZATION && **name != COOKIE);
    let headers = shown.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let letter = Letter { at: sandbox.parts.engine.now(), headers: headers.collect(), body: body.to_vec() };
    sandbox.inbox.put(&name, letter).map_err(|not_taken| match not_taken {
        NotTaken::NameMalformed => invalid("An inbox's name has 1 to 64 letters, digits, '-', '_' or '.'."),
        NotTaken::TooManyNames => {
            Problem::new(StatusCode::CONFLICT, "too_many_inboxes", format!("There are {NAMES_MAX} inboxes already."))
        }
        NotTaken::BodyTooLarge => {
            let detail = format!("An inbox takes bodies of at most {BODY_BYTES_MAX} bytes.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        }
    })?;
    Ok(json(StatusCode::OK, &object!({ "received": true })))
}

/// How much to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    limit: Option<usize>,
}

/// `GET /inbox/{name}`: newest first; a name that got nothing yet is empty.
pub(super) async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    Path(name): Path<String>,
    shown: Result<Query<Shown>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(shown) = shown.map_err(|_| invalid("The query takes limit."))?;
    let limit = shown.limit.unwrap_or(LETTERS_MAX);
    if !(1..=LETTERS_MAX).contains(&limit) {
        return Err(invalid(format!("limit must be between 1 and {LETTERS_MAX}.")));
    }
    let letters = sandbox.inbox.newest(&name, limit);
    let data: Vec<Value> = letters.into_iter().map(printed).collect();
    Ok(json(StatusCode::OK, &object!({ "data": data })))
}

fn printed(letter: Letter) -> Value {
    let mut headers = Map::new();
    for (name, value) in letter.headers {
        match headers.get_mut(&name) {
            // Several lines of one name mean the same as one with commas (RFC 9110, 5.3).
            Some(Value::String(earlier)) => {
                earlier.push_str(", ");
                earlier.push_str(&value);
            }
            Some(_) | None => {
                headers.insert(name, Value::String(value));
            }
        }
    }
    object!({ "time": print_time(letter.at), "headers": headers, "body": String::from_utf8_lossy(&letter.body) })
}

/// The word of what became of a mail, and the mail server's code.
fn outcome(kept: &KeptMail) -> (&'static str, Option<u16>) {
    match kept.outcome {
        Ok(()) => ("sent", None),
        Err(NotCarried::Server) => ("no_server", None),
        Err(NotCarried::Later(code)) => ("put_off", Some(code)),
        Err(NotCarried::Never(code)) => ("refused", Some(code)),
    }
}

/// `GET /mails`: what was written to customers, newest first.
pub(super) async fn mails(State(sandbox): State<Arc<Sandbox>>, Extension(caller): Extension<Caller>) -> Response {
    let mails = sandbox.parts.mails.newest(caller.0, LETTERS_MAX);
    let printed = |kept: KeptMail| {
        let (word, code) = outcome(&kept);
        object!({
            "time": print_time(kept.at),
            "outcome": word,
            "smtp_code": code,
            "from": kept.mail.from_name,
            "to": kept.mail.to,
            "subject": kept.mail.subject,
            "text": kept.mail.text,
            "html": kept.mail.html,
        })
    };
    let data: Vec<Value> = mails.into_iter().map(printed).collect();
    json(StatusCode::OK, &object!({ "data": data }))
}
