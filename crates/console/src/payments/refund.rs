//! Giving money back from a payment's page: an amount up to what is left, once
//! more to be confirmed with what it costs, then done. The form carries a single-use id, so that
//! sending it twice makes one refund.

use super::load::{Loaded, by_id};
use super::plan::{self, Price};
use super::view::{self, View};
use super::{Detail, LIST, href};
use crate::app::Console;
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
use refundry_domain::refund::RefundState;
use refundry_engine::person_refund::{PersonRefund, Prospect};
use refundry_engine::quote::Quote;
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
    problem: Option<Notice>,
    effect: String,
    words: String,
    source: String,
    price: Price,
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
    /// The fee that was agreed to, minor units; empty before anybody saw it.
    fee: String,
}

impl Typed {
    /// A form that nobody typed into: all that is left.
    pub(super) fn first(loaded: &Loaded) -> Self {
        Self {
            amount: loaded.free().plain(),
            remittance: "Refund".to_owned(),
            intent: random_text(),
            fee: String::new(),
        }
    }

    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self { amount: text("amount"), remittance: text("remittance"), intent: text("intent"), fee: text("fee") }
    }

    /// The amount, or what is wrong: with the amount, with the text.
    fn read(&self, loaded: &Loaded) -> Result<u64, (Option<String>, Option<String>)> {
        let (free, currency) = (loaded.free(), loaded.payment.amount.currency);
        let too_little = |minor| loaded.prospect.as_ref().is_ok_and(|prospect| prospect.is_too_little(minor));
        let minor = Money::read(&self.amount, currency);
        let amount = match minor {
            None => Some(format!("Enter an amount such as {}.", free.plain())),
            Some(0) => Some("Enter more than nothing.".to_owned()),
            Some(minor) if minor > free.0.minor => Some(format!("At most {} can be given back.", free.figures())),
            Some(minor) if too_little(minor) => Some(whole_only(&loaded.payment)),
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

fn whole_only(payment: &Payment) -> String {
    let whole = Money(Amount::new(payment.counters.claimable, payment.amount.currency));
    format!("By the way it came it can only be given back as a whole: {}.", whole.figures())
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
    let hint = match &loaded.prospect {
        Ok(prospect) if prospect.whole_only => whole_only(payment),
        Ok(_) | Err(_) => format!("All of it, or any part: up to {}.", loaded.free().figures()),
    };
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

fn confirm(
    console: &Console,
    visitor: &Visitor,
    (prospect, quote): (&Prospect, Quote),
    typed: Typed,
    problem: Option<Notice>,
) -> Response {
    let (payment, minor) = (&prospect.payment, quote.amount.minor);
    let money = Money(quote.amount);
    let rest = Money(Amount::new(payment.counters.refundable().saturating_sub(minor), payment.amount.currency));
    let to = match &payment.debtor {
        Some(party) => PartyView::of(Some(party)).sentence(),
        None => "the customer".to_owned(),
    };
    let shown = Confirm {
        frame: Frame { narrow: true, ..visitor.frame(console, "Check this refund", LIST) },
        back: href(payment.id),
        problem,
        effect: format!("{} goes back to {to}; {} of this payment stays.", money.figures(), rest.figures()),
        words: money.words(),
        source: plan::source(prospect),
        price: plan::price(prospect, quote),
        steps: plan::steps(visitor, prospect, minor),
        button: format!("Refund {}", money.figures()),
        form_token: visitor.session.form_token.clone(),
        typed: Typed { fee: quote.fee.to_string(), ..typed },
    };
    html(StatusCode::OK, &shown, &Policy::default())
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
    let minor = match typed.read(&loaded) {
        Ok(minor) => minor,
        // A form that is sent twice finds less left; the refund that it made is found by its id.
        Err(_) if making && Money::read(&typed.amount, payment.amount.currency).is_some() => {
            Money::read(&typed.amount, payment.amount.currency).unwrap_or_default()
        }
        Err((amount, remittance)) => {
            return Ok(detail(console, &visitor, &loaded, &typed, Some((amount, remittance, None))));
        }
    };
    // Nothing is made under another fee than the one that was shown. A form
    // that is sent twice is priced no more: the door knows what it made.
    let quote = loaded.prospect.as_ref().ok().and_then(|prospect| {
        let quote = prospect.quote(&visitor.directory, minor).ok()?;
        Some((prospect, quote))
    });
    match quote {
        Some((prospect, quote)) if !making => Ok(confirm(console, &visitor, (prospect, quote), typed, None)),
        Some((prospect, quote)) if typed.fee != quote.fee.to_string() => {
            let problem =
                Notice::new(Tone::Warning, "The fee has changed", "Nothing was made yet. Look at it once more.");
            Ok(confirm(console, &visitor, (prospect, quote), typed, Some(problem)))
        }
        None if !making => Ok(detail(console, &visitor, &loaded, &typed, None)),
        Some(_) | None => make(console, &visitor, &loaded, minor, &typed).await,
    }
}

async fn make(
    console: &Console,
    visitor: &Visitor,
    loaded: &Loaded,
    minor: u64,
    typed: &Typed,
) -> Result<Response, Stop> {
    let payment = &loaded.payment;
    let ask = PersonRefund {
        merchant: payment.merchant,
        payment: payment.id,
        amount: Some(minor),
        remittance: typed.remittance.clone(),
        intent: Arc::from(typed.intent.as_str()),
        by: visitor.person.id,
    };
    match console.refunds.make(&console.engine, ask).await? {
        Ok(refund) => {
            let money = Money(refund.amount).figures();
            let notice = if matches!(refund.first_state, RefundState::Failed { .. }) {
                let title = format!("The refund of {money} failed at once");
                Notice::new(Tone::Bad, title, "The account has not enough money.")
            } else {
                Notice::new(Tone::Good, format!("The refund of {money} is made"), "Below is where it stands.")
            };
            console.sessions.leave_notice(&visitor.key, notice);
            Ok(redirect(&href(payment.id)))
        }
        Err(why) => {
            let notice = Notice::new(Tone::Bad, "No refund was made", plan::not_made(why));
            Ok(detail(console, visitor, loaded, typed, Some((None, None, Some(notice)))))
        }
    }
}
