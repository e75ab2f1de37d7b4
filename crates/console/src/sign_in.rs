//! Signing in and out. One form for everything that proves who somebody is,
//! and one answer to whatever was wrong with it.
//!
//! A form that is shown again because of what was typed answers 200, as every
//! page of ours does: a browser calls anything else an error of the page.

pub(crate) mod link;

use crate::app::Console;
use crate::form::{Form, TOKEN_FIELD, random_text};
use crate::known::KNOWN_FOR;
use crate::page::{Field, FieldKind, Frame, Notice, Policy, Tone, html, redirect, wait};
use crate::password;
use crate::peer::place_of;
use crate::second_factor::{CodeVerdict, use_code};
use crate::stop::{Stop, Unsigned};
use crate::throttle::Bucket;
use crate::visitor::{SESSION_COOKIE, Visitor};
use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use refundry_engine::registry::Person;
use std::net::SocketAddr;
use std::sync::Arc;
use url::form_urlencoded;

/// The cookie to which the token of a form belongs that nobody is signed in for.
const FORM_COOKIE: &str = "refundry_form";
/// The cookie of a browser that somebody signed in with before.
const KNOWN_COOKIE: &str = "refundry_known";
/// Where one goes who asked for nothing else.
pub(crate) const HOME: &str = "/console/approvals";
const PAGE: &str = "/console/sign-in";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    form_token: String,
    next: String,
    problem: Option<Notice>,
    fields: Vec<Field>,
}

/// The path of a page that leads on to another page of the console.
pub(crate) fn with_next(page: &str, next: &str) -> String {
    if next == HOME || !is_ours(next) {
        return page.to_owned();
    }
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{page}?next={next}")
}

/// Where a sign-in leads on to, as a form or an address says: never elsewhere.
pub(crate) fn next_of(form: &Form) -> &str {
    Some(form.text("next")).filter(|next| is_ours(next)).unwrap_or(HOME)
}

fn is_ours(next: &str) -> bool {
    next.starts_with("/console/")
        && next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_?=&.".contains(&byte))
        && !next.contains("//")
}

/// Sends somebody who is not signed in to the sign-in page, which says why.
pub(crate) fn lead_there(console: &Console, next: &str, why: Unsigned) -> Response {
    let path = with_next(PAGE, next);
    let word = match why {
        Unsigned::Never => return redirect(&path),
        Unsigned::Ended => "ended",
        Unsigned::Unsent => "unsent",
    };
    let join = if path.contains('?') { '&' } else { '?' };
    let mut response = redirect(&format!("{path}{join}why={word}"));
    response.headers_mut().append(SET_COOKIE, console.site.remove_cookie(SESSION_COOKIE));
    response
}

fn why(word: &str) -> Option<Notice> {
    let again = "Sign in again, and you come back to the page.";
    match word {
        "ended" => {
            let text = "A session ends after 15 minutes without a request, and when your rights change.";
            Some(Notice::new(Tone::Waiting, "You were signed out", format!("{text} {again}")))
        }
        "unsent" => {
            let text = format!("You were signed out before you sent it. {again}");
            Some(Notice::new(Tone::Bad, "Nothing was changed", text))
        }
        _ => None,
    }
}

fn page(console: &Console, headers: &HeaderMap, status: StatusCode, page: SignInForm<'_>) -> Response {
    let fresh = random_text();
    let known = console.site.read_cookie(headers, FORM_COOKIE).filter(|cookie| !cookie.is_empty());
    let cookie = known.unwrap_or(&fresh);
    let email = Field::new("email", "E-mail", FieldKind::Email).autocomplete("username").value(page.email);
    let email = if page.email.is_empty() { email.focused() } else { email };
    let secret = Field::new("password", "Password", FieldKind::Password).autocomplete("current-password");
    let code = Field::new("code", "Code", FieldKind::Code).autocomplete("one-time-code").optional().length_max(12);
    let code = code.hint("Six digits from your authenticator app. Leave it empty if you have none.");
    let shown = SignIn {
        frame: Frame { narrow: true, ..console.frame("Sign in") },
        form_token: console.forms.token(cookie),
        next: page.next.to_owned(),
        problem: page.problem,
        fields: vec![email, secret.length_max(password::LENGTH_MAX), code],
    };
    let mut response = html(status, &shown, &Policy::default());
    if known.is_none() {
        response.headers_mut().append(SET_COOKIE, console.site.set_cookie(FORM_COOKIE, cookie));
    }
    response
}

/// What a sign-in page shows beside itself.
struct SignInForm<'a> {
    email: &'a str,
    next: &'a str,
    problem: Option<Notice>,
}

/// `GET /console/sign-in`.
pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let next = next_of(&query);
    if Visitor::of(&console, &headers, next).is_ok() {
        return redirect(next);
    }
    let problem = why(query.text("why"));
    page(&console, &headers, StatusCode::OK, SignInForm { email: "", next, problem })
}

/// `POST /console/sign-in`.
pub(crate) async fn submit(
    State(console): State<Arc<Console>>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    let next = next_of(&form);
    let again = |status, problem| {
        page(&console, &headers, status, SignInForm { email: form.text("email"), next, problem: Some(problem) })
    };
    if !came_from_our_form(&console, &headers, &form) {
        // Signed in meanwhile, in another tab.
        if console.site.sent_by_us(&headers) && Visitor::of(&console, &headers, next).is_ok() {
            return redirect(next);
        }
        let text = "It was sent from another page, or the server was started anew since. Send it once more.";
        return again(StatusCode::FORBIDDEN, Notice::new(Tone::Bad, "This form was not taken", text));
    }
    let email = form.text("email").to_lowercase();
    let buckets = buckets(&console, &headers, peer.map(|Extension(ConnectInfo(peer))| peer), &email);
    let now = console.engine.now();
    if let Err(next) = console.throttle.admit(&buckets, now) {
        let text = format!("Wait {} before the next one. Nobody was signed in.", wait(now, next));
        return again(StatusCode::TOO_MANY_REQUESTS, Notice::new(Tone::Bad, "Too many wrong tries", text));
    }
    match prove(&console, &email, form.raw("password"), form.text("code")).await {
        Ok(Some(person)) => {
            console.throttle.was_right(&buckets);
            signed_in(&console, &headers, &person, next)
        }
        Ok(None) => {
            let text = "Check e-mail, password and code. A code works once: wait for the next one if you just used it.";
            again(StatusCode::OK, Notice::new(Tone::Bad, "That did not match; nobody was signed in", text))
        }
        Err(stop) => stop.respond(&console, &headers),
    }
}

/// What a try with this e-mail counts in.
fn buckets(console: &Console, headers: &HeaderMap, peer: Option<SocketAddr>, email: &str) -> Vec<Bucket> {
    match known(console, headers, email) {
        Some(browser) => Bucket::of_known(email, browser),
        None => Bucket::of_stranger(email, place_of(peer, headers, &console.trusted_proxies)),
    }
}

/// The browser's number, where somebody signed in on it with this e-mail before.
fn known(console: &Console, headers: &HeaderMap, email: &str) -> Option<u128> {
    let cookie = console.site.read_cookie(headers, KNOWN_COOKIE)?;
    console.known.check(cookie, email, (console.real_now)())
}

fn came_from_our_form(console: &Console, headers: &HeaderMap, form: &Form) -> bool {
    let cookie = console.site.read_cookie(headers, FORM_COOKIE);
    console.forms.is_good(cookie, form.raw(TOKEN_FIELD)) && console.site.sent_by_us(headers)
}

/// The person whose e-mail, password and code these are. The work is the same
/// whether or not there is such a person.
async fn prove(console: &Console, email: &str, secret: &str, code: &str) -> Result<Option<Person>, Stop> {
    let directory = console.engine.directory();
    let person = directory.person_by_email(email).filter(|person| person.enabled).cloned();
    let hash = person.as_ref().and_then(|person| person.password_hash.clone());
    let right = {
        let _admitted = console.admitted.try_acquire().map_err(|_| Stop::Busy)?;
        let _place = console.hashing.acquire().await.map_err(|_| Stop::Busy)?;
        let secret = secret.to_owned();
        tokio::task::spawn_blocking(move || password::verify(&secret, hash.as_deref())).await.map_err(|_| Stop::Busy)?
    };
    let Some(person) = person.filter(|_| right) else { return Ok(None) };
    if person.totp_secret.is_none() {
        return Ok(Some(person));
    }
    Ok((use_code(console, &person, code).await? == CodeVerdict::Good).then_some(person))
}

/// A new session under a new name; whatever the browser had before ends.
fn signed_in(console: &Console, headers: &HeaderMap, person: &Person, next: &str) -> Response {
    if let Ok(before) = Visitor::of(console, headers, next) {
        console.sessions.end(&before.key);
    }
    let name = console.sessions.begin(person, console.engine.now());
    tracing::info!(person = %person.id, "signed in to the console");
    let mut response = redirect(next);
    let cookies = response.headers_mut();
    cookies.append(SET_COOKIE, console.site.set_cookie(SESSION_COOKIE, &name));
    cookies.append(SET_COOKIE, console.site.remove_cookie(FORM_COOKIE));
    if known(console, headers, &person.email).is_none() {
        let cookie = console.known.make(&person.email, (console.real_now)());
        cookies.append(SET_COOKIE, console.site.set_lasting_cookie(KNOWN_COOKIE, &cookie, KNOWN_FOR));
    }
    response
}

/// `POST /console/sign-out`.
pub(crate) async fn sign_out(State(console): State<Arc<Console>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Ok(visitor) = Visitor::of(&console, &headers, HOME) {
        if let Err(stop) = visitor.check_form(&console, &headers, &Form::parse(&body)) {
            return stop.respond(&console, &headers);
        }
        console.sessions.end(&visitor.key);
    }
    let mut response = redirect(PAGE);
    response.headers_mut().append(SET_COOKIE, console.site.remove_cookie(SESSION_COOKIE));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_nowhere_else() {
        for (next, ours) in [
            ("/console/approvals/82a649c5-af14-474a-997a-b25b0d3f45be", true),
            ("/console/approvals?before=x", true),
            ("//evil.example", false),
            ("https://evil.example", false),
            ("/console/\\evil.example", false),
            ("/console//evil.example", false),
            ("/v1/refunds", false),
            ("/console/a\r\nSet-Cookie:x", false),
            ("", false),
        ] {
            assert_eq!(is_ours(next), ours, "{next}");
        }
        assert_eq!(with_next(PAGE, "/console/approvals/1"), "/console/sign-in?next=%2Fconsole%2Fapprovals%2F1");
        assert_eq!(with_next(PAGE, "//evil.example"), "/console/sign-in");
    }
}
