//! Why a page is not shown, or a step not taken, as a page of its own.

use crate::app::Console;
use crate::authenticator;
use crate::page::{Frame, Link, Policy, html, redirect};
use crate::visitor::Visitor;
use askama::Template;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_engine::envelope::Unavailable;

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// Nobody ever was, as far as the browser says.
    Never,
    /// The session has ended.
    Ended,
    /// The same, and a form was sent that is lost with it.
    Unsent,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nobody is signed in; then on to this page.
    SignIn {
        /// The path of the page.
        next: String,
        /// What happened.
        why: Unsigned,
    },
    /// They need an authenticator first; then on to this page.
    SetUp {
        /// The path of the page.
        next: String,
    },
    /// A foreign page sent the form, or the form is too old.
    Foreign,
    /// Their role does not show this.
    Forbidden,
    /// There is nothing here.
    NotFound,
    /// The session was ended after wrong codes.
    Ended,
    /// The engine takes nothing now.
    Busy,
}

impl From<Unavailable> for Stop {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Overloaded | Unavailable::Store | Unavailable::InFlight | Unavailable::Stopping => Self::Busy,
        }
    }
}

/// A page with a few sentences.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    lines: Vec<&'static str>,
    next: Option<Link>,
}

impl Stop {
    /// The same for somebody who sent a form: it is lost, and they are told.
    pub(crate) fn of_form(self) -> Self {
        match self {
            Self::SignIn { next, why: Unsigned::Ended | Unsigned::Never } => {
                Self::SignIn { next, why: Unsigned::Unsent }
            }
            other @ (Self::SignIn { .. }
            | Self::SetUp { .. }
            | Self::Foreign
            | Self::Forbidden
            | Self::NotFound
            | Self::Ended
            | Self::Busy) => other,
        }
    }

    /// The page that says so, for whoever asks.
    pub(crate) fn respond(self, console: &Console, headers: &HeaderMap) -> Response {
        let home = |label: &str| Some(Link { href: "/console/approvals".to_owned(), label: label.to_owned() });
        let (status, title, lines, next) = match self {
            Self::SignIn { next, why } => return crate::sign_in::lead_there(console, &next, why),
            Self::SetUp { next } => return redirect(&crate::sign_in::with_next(authenticator::PAGE, &next)),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "This form was not taken",
                vec![
                    "It was sent from another page, or it is older than your sign-in. Nothing was changed.",
                    "Open the page again and fill it in anew.",
                ],
                home("Open the console"),
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "Your role does not show this",
                vec!["An administrator gives roles, on the server with: refundry user roles. Nothing was changed."],
                None,
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                vec!["The address may be mistyped, or what it named belongs to somebody else."],
                home("Go to the approvals"),
            ),
            Self::Ended => (
                StatusCode::FORBIDDEN,
                "You were signed out",
                vec!["Too many wrong codes were typed. Nothing was decided.", "Sign in again to go on."],
                home("Sign in"),
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Refundry is busy",
                vec!["Nothing was changed. Wait ten seconds, then send it again."],
                None,
            ),
        };
        let frame = Visitor::of(console, headers, "")
            .map_or_else(|_| console.frame(title), |visitor| visitor.frame(console, title, ""));
        let page = Message { frame: Frame { narrow: true, ..frame }, lines, next };
        html(status, &page, &Policy::default())
    }
}
