//! Setting up an authenticator app: a secret is shown once, as a picture for a
//! telephone and as text, and becomes the person's second factor when a code
//! proves that the app has it. Nobody else ever sees it.
//!
//! Whoever decides about refunds or people sets one up before anything else;
//! the others may. A lost one is taken away on the server
//! (`refundry user reset-totp`).

use crate::app::{BRAND, Console};
use crate::form::Form;
use crate::page::{Field, FieldKind, Frame, Notice, Policy, Problems, QrPicture, Tone, html, redirect};
use crate::second_factor::use_step;
use crate::sign_in::next_of;
use crate::stop::Stop;
use crate::totp;
use crate::visitor::{Visitor, must_set_up};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_domain::event::Actor;
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::registry::{Person, RegistryChange};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the page is.
pub(crate) const PAGE: &str = "/console/authenticator";

#[derive(Template)]
#[template(path = "authenticator.html")]
struct SetUp {
    frame: Frame,
    must: bool,
    picture: Option<QrPicture>,
    address: String,
    secret: String,
    grouped: String,
    form_token: String,
    next: String,
    problems: Option<Problems>,
    fields: Vec<Field>,
}

/// Four letters at a time, as one reads them aloud.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The secret that this session offers.
fn offered(console: &Console, visitor: &Visitor) -> Result<Zeroizing<String>, Stop> {
    console.sessions.offer_secret(&visitor.key, totp::new_secret()).ok_or(Stop::Ended)
}

fn page(console: &Console, visitor: &Visitor, next: &str, error: Option<String>) -> Result<Response, Stop> {
    let secret = offered(console, visitor)?;
    let address = totp::otpauth_url(BRAND, &visitor.person.email, &secret);
    let code = Field::new("code", "Code", FieldKind::Code).autocomplete("one-time-code").length_max(12);
    let mut fields = vec![code.hint("The six digits that the app shows now.").error(error)];
    let problems = Problems::of("Nothing was set up yet", "The key stays the same.", &mut fields);
    let must = must_set_up(&visitor.person);
    let mut frame =
        Frame { narrow: true, wrong: problems.is_some(), ..visitor.frame(console, "Set up your authenticator", "") };
    if must {
        frame.nav.clear();
    }
    frame.visitor.iter_mut().for_each(|visitor| visitor.may_set_up = false);
    let shown = SetUp {
        frame,
        must,
        picture: QrPicture::of(&address),
        address,
        secret: secret.to_string(),
        grouped: grouped(&secret),
        form_token: visitor.session.form_token.clone(),
        next: next.to_owned(),
        problems,
        fields,
    };
    Ok(html(StatusCode::OK, &shown, &Policy::default()))
}

/// Somebody who has no authenticator; whoever has one is led on.
fn who(console: &Console, headers: &HeaderMap, next: &str) -> Result<Result<Visitor, Response>, Stop> {
    let visitor = Visitor::of(console, headers, next)?;
    if visitor.person.totp_secret.is_none() {
        return Ok(Ok(visitor));
    }
    let text = "A lost one is replaced on the server with: refundry user reset-totp";
    let notice = Notice::new(Tone::Good, "Your authenticator is set up", text);
    console.sessions.leave_notice(&visitor.key, notice);
    Ok(Err(redirect(next)))
}

/// `GET /console/authenticator`.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let next = next_of(&query);
    let shown = who(&console, &headers, next).and_then(|who| match who {
        Ok(visitor) => page(&console, &visitor, next, None),
        Err(response) => Ok(response),
    });
    shown.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

/// `POST /console/authenticator`.
pub(crate) async fn submit(State(console): State<Arc<Console>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::parse(&body);
    let taken = take(&console, &headers, &form).await;
    taken.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn take(console: &Console, headers: &HeaderMap, form: &Form) -> Result<Response, Stop> {
    let next = next_of(form);
    let visitor = match who(console, headers, next).map_err(Stop::of_form)? {
        Ok(visitor) => visitor,
        Err(response) => return Ok(response),
    };
    visitor.check_form(console, headers, form)?;
    let secret = offered(console, &visitor)?;
    let typed = form.text("code");
    if typed.is_empty() {
        return page(console, &visitor, next, Some("Type the code that the app shows now.".to_owned()));
    }
    let Some(step) = totp::matching_step(&secret, typed, (console.real_now)()) else {
        if console.sessions.code_was_wrong(&visitor.key) {
            return Err(Stop::Ended);
        }
        let error = "This is not the code of this key. Look that the app took it, and that the phone's clock is right.";
        return page(console, &visitor, next, Some(error.to_owned()));
    };
    let person = Person { totp_secret: Some(secret.to_string()), ..visitor.person.clone() };
    // The code that sets it up is used up with it.
    if !use_step(console, &person, step).await? {
        return Ok(redirect(next));
    }
    console.sessions.expect(&visitor.key, &person);
    let work = Work::Registry { change: RegistryChange::PutPerson(person.clone()), answer: None };
    let actor = Actor::Person(person.id);
    let outcome = console.engine.execute(Envelope { merchant: person.merchant, actor, once: None, work }).await?;
    if let Err(refusal) = outcome.result {
        tracing::error!(person = %person.id, code = refusal.code(), "an authenticator was not set up");
        return Err(Stop::Busy);
    }
    tracing::info!(person = %person.id, "an authenticator was set up");
    let text = "From now on signing in asks for its code.";
    console.sessions.leave_notice(&visitor.key, Notice::new(Tone::Good, "Your authenticator is set up", text));
    Ok(redirect(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_in_groups() {
        assert_eq!(grouped("GEZDGNBVGY3TQOJQ"), "GEZD GNBV GY3T QOJQ");
        assert_eq!(grouped("ABCDE"), "ABCD E");
        assert_eq!(grouped(""), "");
    }
}
