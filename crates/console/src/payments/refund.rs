//! Giving money back from a payment's page: an amount up to what is left, once
//! more to be confirmed, then done. The form carries a single-use id, so that
//! sending it twice makes one refund.

use super::load::{Loaded, by_id};
use super::view::{self, View};
use super::{Detail, LIST, href};
use crate::app::Console;
use crate::approvals::refusal_sentence;
use crate::form::{Form, random_text};
use crate::page::{Field, FieldKind, Frame, Money, Notice, PartyView, Policy, Problems, Tone, html, redirect};
use crate::stop::Stop;
use crate::visitor::Visitor;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;
use refundry_engine::hosted::PersonRefund;
use std::sync::Arc;

/// Longest text for the customer, in characters: what every bank shows.
const REMITTANCE_LENGTH_MAX: usize = 18;
/// Most characters of a form's id.
const INTENT_LENGTH_MAX: usize = 64;

#[derive(Template)]
#[template(path = "refund.html")]
struct Confirm {
    frame: Frame,
    back: String,
    effect: String,
    words: String,
    steps: Vec<&'static str>,
    button: String,
    form_token: String,
    typed: Typed,
}

/// What was typed.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    amount: String,
    remittance: String,
    intent: String,
}

impl Typed {
    /// A form that nobody typed into: all that is left.
    pub(super) fn first(payment: &Payment) -> Self {
        Self { amount: View::free(payment).plain(), remittance: "Refund".to_owned(), intent: random_text() }
    }

    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self { amount: text("amount"), remittance: text("remittance"), intent: text("intent") }
    }

    /// The amount, or what is wrong: with the amount, with the text.
    fn read(&self, payment: &Payment) -> Result<u64, (Option<String>, Option<String>)> {
        let free = View::free(payment);
        let minor = Money::read(&self.amount, payment.amount.currency);
        let amount = match minor {
            None => Some(format!("Enter an amount such as {}.", free.plain())),
            Some(0) => Some("Enter more than nothing.".to_owned()),
            Some(minor) if minor > free.0.minor => Some(format!("At most {} can be given back.", free.figures())),
            Some(_) => None,
        };
        let length = self.remittance.chars().count();
        let plain = self.remittance.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == ' ');
        let fits = (1..=REMITTANCE_LENGTH_MAX).contains(&length) && plain;
        let remittance = (!fits).then(|| "Enter 1 to 18 letters, digits and spaces.".to_owned());
        match (minor, &amount, &remittance) {
            (Some(minor), None, None) => Ok(minor),
            _ => Err((amount, remittance)),
        }
    }
}

/// The payment's page, with the refund form as it was filled in.
pub(super) fn detail(
    console: &Console,
    visitor: &Visitor,
    loaded: &Loaded,
    typed: &Typed,
    fault: Option<(Option<String>, Option<String>, Option<Notice>)>,
) -> Response {
    let payment = &loaded.payment;
    let (amount, remittance, problem) = fault.unwrap_or_default();
    let title = format!("Payment of {}", Money(payment.amount).figures());
    let hint = format!("All of it, or any part: up to {}.", View::free(payment).figures());
    let mut fields = vec![
        Field::new("amount", format!("Amount in {}", payment.amount.currency.code()), FieldKind::Decimal)
            .hint(hint)
            .autocomplete("off")
            .length_max(24)
            .value(&*typed.amount)
            .error(amount),
        Field::new("remittance", "Text on the customer's statement", FieldKind::Text)
            .hint("At most 18 letters, digits and spaces.")
            .autocomplete("off")
            .length_max(REMITTANCE_LENGTH_MAX)
            .value(&*typed.remittance)
            .error(remittance),
    ];
    let problems = Problems::of("No refund was made", "Nothing was sent.", &mut fields);
    let shown = Detail {
        frame: Frame { wrong: problems.is_some() || problem.is_some(), ..visitor.frame(console, &title, LIST) },
        view: View::new(console, loaded, visitor),
        form_token: visitor.session.form_token.clone(),
        problem,
        problems,
        fields,
        intent: typed.intent.clone(),
    };
    html(StatusCode::OK, &shown, &Policy::default())
}

fn confirm(console: &Console, visitor: &Visitor, payment: &Payment, minor: u64, typed: Typed) -> Response {
    let money = Money(Amount::new(minor, payment.amount.currency));
    let rest = Money(Amount::new(payment.counters.refundable().saturating_sub(minor), payment.amount.currency));
    let to = match &payment.debtor {
        Some(party) => PartyView::of(Some(party)).sentence(),
        None => "the customer".to_owned(),
    };
    let shown = Confirm {
        frame: Frame { narrow: true, ..visitor.frame(console, "Check this refund", LIST) },
        back: href(payment.id),
        effect: format!("{} goes back to {to}; {} of this payment stays.", money.figures(), rest.figures()),
        words: money.words(),
        steps: steps(visitor, payment, minor),
        button: format!("Refund {}", money.figures()),
        form_token: visitor.session.form_token.clone(),
        typed,
    };
    html(StatusCode::OK, &shown, &Policy::default())
}

/// What happens after it is made, in its order.
fn steps(visitor: &Visitor, payment: &Payment, minor: u64) -> Vec<&'static str> {
    let mut steps = Vec::new();
    if payment.debtor.is_none() {
        steps.push("The customer is asked which account it should go to.");
    }
    steps.extend(approval_step(visitor, payment, minor));
    steps.push("You consent at your bank. Nothing is sent before that.");
    steps.push("The bank sends it.");
    steps
}

/// Whether another person must agree, as far as the merchant's rules tell
/// before it is made; what is counted per day is known only then.
fn approval_step(visitor: &Visitor, payment: &Payment, minor: u64) -> Option<&'static str> {
    let rules = visitor.directory.approval_rules(payment.merchant);
    if !rules.refunds {
        return None;
    }
    let limits = rules.limits_of(payment.amount.currency);
    let of_payment = payment.counters.claimed.saturating_add(minor);
    let surely = limits.refund.is_some_and(|limit| minor > limit)
        || limits.payment.is_some_and(|limit| of_payment > limit)
        || limits.day.is_some_and(|limit| minor > limit)
        || limits.creditor_day.is_some_and(|limit| minor > limit && payment.debtor.is_some());
    if surely {
        return Some("Another person approves it.");
    }
    let perhaps = limits.day.is_some() || limits.creditor_day.is_some();
    perhaps.then_some("Another person approves it, where the sums of today ask for that.")
}

/// `POST /console/payments/{id}/refund`: `step` is `check` or `make`.
pub(crate) async fn submit(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let page = take(&console, &headers, &id, &Form::parse(&body)).await;
    page.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn take(console: &Console, headers: &HeaderMap, id: &str, form: &Form) -> Result<Response, Stop> {
    let visitor = Visitor::who_sends(console, headers, form, &format!("{LIST}/{id}"))?;
    let loaded = by_id(console, &visitor, id).await?;
    let payment = &loaded.payment;
    let typed = Typed::of(form);
    if !view::may_refund(&visitor.person) {
        return Err(Stop::Forbidden);
    }
    if typed.intent.is_empty() || typed.intent.len() > INTENT_LENGTH_MAX {
        return Err(Stop::Foreign);
    }
    let making = form.text("step") == "make";
    let minor = match typed.read(payment) {
        Ok(minor) => minor,
        // A form that is sent twice finds less left; the refund that it made is found by its id.
        Err(_) if making && Money::read(&typed.amount, payment.amount.currency).is_some() => {
            Money::read(&typed.amount, payment.amount.currency).unwrap_or_default()
        }
        Err((amount, remittance)) => {
            return Ok(detail(console, &visitor, &loaded, &typed, Some((amount, remittance, None))));
        }
    };
    if !making {
        return Ok(confirm(console, &visitor, payment, minor, typed));
    }
    make(console, &visitor, &loaded, minor, &typed).await
}

async fn make(
    console: &Console,
    visitor: &Visitor,
    loaded: &Loaded,
    minor: u64,
    typed: &Typed,
) -> Result<Response, Stop> {
    let payment = &loaded.payment;
    let Some(pages) = console.pages.first() else { return Err(Stop::NotFound) };
    let ask = PersonRefund {
        merchant: payment.merchant,
        payment: payment.id,
        amount: Some(minor),
        remittance: typed.remittance.clone(),
        intent: Arc::from(typed.intent.as_str()),
        by: visitor.person.id,
    };
    match pages.refund(ask).await? {
        Ok(_) => {
            let money = Money(Amount::new(minor, payment.amount.currency)).figures();
            let notice =
                Notice::new(Tone::Good, format!("The refund of {money} is made"), "Below is what it waits for.");
            console.sessions.leave_notice(&visitor.key, notice);
            Ok(redirect(&href(payment.id)))
        }
        Err(refusal) => {
            let notice = Notice::new(Tone::Bad, "No refund was made", refusal_sentence(refusal));
            Ok(detail(console, visitor, loaded, typed, Some((None, None, Some(notice)))))
        }
    }
}
