//! Signing in with a one-time link from the command line. Opening it shows a
//! button; only the button uses it up, so that a preview of the link does not.

use super::{FORM_COOKIE, HOME, came_from_our_form, signed_in};
use crate::app::Console;
use crate::form::{Form, random_text};
use crate::link::SignInLink;
use crate::page::{Frame, Link, Policy, html};
use crate::second_factor::use_once;
use crate::stop::Stop;
use crate::visitor::name_of;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use refundry_engine::registry::Person;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    frame: Frame,
    form_token: String,
    name: String,
    email: String,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Gone {
    frame: Frame,
    lines: Vec<&'static str>,
    next: Option<Link>,
}

fn person_of(console: &Console, token: &str) -> Option<(SignInLink, Person)> {
    let link = console.links.check(token, (console.real_now)())?;
    let directory = console.engine.directory();
    let person = directory.people.get(&link.person).filter(|person| person.enabled)?;
    Some((link, person.clone()))
}

fn gone(console: &Console) -> Response {
    let lines = vec![
        "It was used before, or it waited for longer than 15 minutes. Nobody was signed in.",
        "A new one is made on the server with: refundry user sign-in-link",
    ];
    let next = Some(Link { href: "/console/sign-in".to_owned(), label: "Sign in with a password".to_owned() });
    let frame = Frame { narrow: true, ..console.frame("This link does not work any more") };
    html(StatusCode::GONE, &Gone { frame, lines, next }, &Policy::default())
}

/// `GET /console/link/{token}`.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some((_, person)) = person_of(&console, &token) else { return gone(&console) };
    let fresh = random_text();
    let known = console.site.read_cookie(&headers, FORM_COOKIE).filter(|cookie| !cookie.is_empty());
    let cookie = known.unwrap_or(&fresh);
    let page = LinkPage {
        frame: Frame { narrow: true, ..console.frame("Sign in with this link") },
        form_token: console.forms.token(cookie),
        name: name_of(&person),
        email: person.email,
    };
    let mut response = html(StatusCode::OK, &page, &Policy::default());
    if known.is_none() {
        response.headers_mut().append(SET_COOKIE, console.site.set_cookie(FORM_COOKIE, cookie));
    }
    response
}

/// `POST /console/link/{token}`.
pub(crate) async fn submit(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !came_from_our_form(&console, &headers, &Form::parse(&body)) {
        return Stop::Foreign.respond(&console, &headers);
    }
    let Some((link, person)) = person_of(&console, &token) else { return gone(&console) };
    match use_once(&console, &person, &[b"console link", &link.nonce.to_be_bytes()]).await {
        Ok(true) => signed_in(&console, &headers, &person, HOME),
        Ok(false) => gone(&console),
        Err(unavailable) => Stop::from(unavailable).respond(&console, &headers),
    }
}
