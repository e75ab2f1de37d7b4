//! Sending a customer's link again: a new link, which voids the one before.

use super::{LIST, href, view};
use crate::app::Console;
use crate::form::Form;
use crate::page::{Notice, Tone, redirect};
use crate::stop::Stop;
use crate::visitor::Visitor;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use refundry_domain::id::{PaymentId, RefundId};
use refundry_engine::hosted::NotRenewed;
use std::sync::Arc;

/// `POST /console/payments/{id}/links/{refund}`.
pub(crate) async fn send_again(
    State(console): State<Arc<Console>>,
    Path((id, refund)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let page = renew(&console, &headers, (&id, &refund), &Form::parse(&body)).await;
    page.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn renew(
    console: &Console,
    headers: &HeaderMap,
    (id, refund): (&str, &str),
    form: &Form,
) -> Result<Response, Stop> {
    let visitor = Visitor::who_sends(console, headers, form, &format!("{LIST}/{id}"))?;
    if !view::may_pass_on(&visitor.person) {
        return Err(Stop::Forbidden);
    }
    let id = PaymentId::parse(id).map_err(|_| Stop::NotFound)?;
    let refund = RefundId::parse(refund).map_err(|_| Stop::NotFound)?;
    let merchant = visitor.person.merchant;
    let mut outcome = Err(NotRenewed::NotWaiting);
    for pages in &console.pages {
        match pages.renew(merchant, refund).await? {
            Err(NotRenewed::NotWaiting) => {}
            other => {
                outcome = other;
                break;
            }
        }
    }
    let notice = match outcome {
        Ok(()) => {
            (console.letters.renewed)(merchant, refund);
            Notice::new(Tone::Good, "A new link is on its way", "The one before does not work any more.")
        }
        Err(NotRenewed::NotWaiting) => {
            Notice::new(Tone::Bad, "No link was sent", "The refund does not wait for bank details.")
        }
        Err(NotRenewed::TooManyLetters) => Notice::new(
            Tone::Bad,
            "No link was sent",
            "As many letters went out about this refund in the last day as may. Try again tomorrow, or pass the link on.",
        ),
    };
    console.sessions.leave_notice(&visitor.key, notice);
    Ok(redirect(&href(id)))
}
