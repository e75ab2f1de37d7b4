//! Giving bank details: a form by currency, what was entered to be confirmed,
//! and what happens next. Formats are judged by whoever takes the details.

use super::{Hosted, Note, page};
use crate::form::Form;
use crate::page::{Field, FieldKind, Frame, Link, Moment, Money, Problems, left};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_engine::envelope::Unavailable;
use refundry_engine::hosted::{
    AccountFields, DetailsAnswer, DetailsAsked, DetailsField, DetailsForm, DetailsLink, FieldFault, HostedPages,
};
use std::sync::Arc;

/// The form.
#[derive(Template)]
#[template(path = "hosted/details.html")]
struct Ask {
    frame: Frame,
    merchant: String,
    money: Money,
    remittance: Option<String>,
    until: Moment,
    left: String,
    problems: Option<Problems>,
    form: &'static str,
    fields: Vec<Field>,
    /// The other ways to name an account.
    others: Vec<Link>,
}

/// What was entered, once more.
#[derive(Template)]
#[template(path = "hosted/confirm.html")]
struct Confirm {
    frame: Frame,
    merchant: String,
    money: Money,
    form: &'static str,
    /// Label, name of the field, value.
    entered: Vec<(&'static str, &'static str, String)>,
}

/// Details were taken.
#[derive(Template)]
#[template(path = "hosted/taken.html")]
struct Taken {
    frame: Frame,
    merchant: String,
    money: Money,
    masked: String,
}

/// A pattern, and what to say where it does not fit.
type Check = (&'static str, &'static str);

/// The word of a form in an address and a hidden field.
fn word(form: AccountFields) -> &'static str {
    match form {
        AccountFields::SortCode => "sort-code",
        AccountFields::Iban => "iban",
        AccountFields::Bsb => "bsb",
        AccountFields::PayId => "payid",
    }
}

fn other_way(form: AccountFields) -> &'static str {
    match form {
        AccountFields::SortCode => "Use a sort code and account number instead",
        AccountFields::Iban => "Use an IBAN instead",
        AccountFields::Bsb => "Use a BSB and account number instead",
        AccountFields::PayId => "Use a PayID instead",
    }
}

/// Labels of bank code and number; no label, no field.
fn labels(form: AccountFields) -> (&'static str, &'static str) {
    match form {
        AccountFields::SortCode => ("Sort code", "Account number"),
        AccountFields::Iban => ("", "IBAN"),
        AccountFields::Bsb => ("BSB", "Account number"),
        AccountFields::PayId => ("", "PayID"),
    }
}

fn chosen(asked: &DetailsAsked, wanted: &str) -> AccountFields {
    let usual = asked.forms.first().copied().unwrap_or(AccountFields::Iban);
    asked.forms.iter().copied().find(|form| word(*form) == wanted).unwrap_or(usual)
}

/// What was typed, as the dialect takes it.
fn entered(form: AccountFields, typed: &Form) -> DetailsForm {
    DetailsForm {
        form,
        holder_name: typed.text("holder_name").to_owned(),
        bank_code: typed.text("bank_code").to_owned(),
        number: typed.text("number").to_owned(),
    }
}

fn fields(form: AccountFields, typed: &DetailsForm, faults: &[FieldFault]) -> Vec<Field> {
    let fault = |field| faults.iter().find(|fault| fault.field == field).map(|fault| fault.says.to_owned());
    let (bank, number) = labels(form);
    let (bank_check, number_check) = checks(form);
    let name = Field::new("holder_name", "Name on the account", FieldKind::Text)
        .hint("As your bank writes it.")
        .autocomplete("name")
        .length_max(140)
        .value(&*typed.holder_name)
        .error(fault(DetailsField::HolderName));
    let code = (!bank.is_empty()).then(|| {
        Field::new("bank_code", bank, FieldKind::Digits)
            .hint(if form == AccountFields::Bsb { "6 digits, such as 062-000." } else { "6 digits, such as 04-00-99." })
            .autocomplete("off")
            .length_max(20)
            .value(&*typed.bank_code)
            .check(bank_check)
            .error(fault(DetailsField::BankCode))
    });
    let (kind, hint, most) = match form {
        AccountFields::SortCode => (FieldKind::Digits, "8 digits. Put zeros in front of a shorter one.", 20),
        AccountFields::Bsb => (FieldKind::Digits, "Up to 9 digits.", 20),
        AccountFields::Iban => (FieldKind::Literal, "Begins with two letters; spaces do not matter.", 60),
        AccountFields::PayId => (FieldKind::Literal, "An e-mail address, a telephone or business number.", 256),
    };
    let number = Field::new("number", number, kind)
        .hint(hint)
        .autocomplete("off")
        .length_max(most)
        .value(&*typed.number)
        .check(number_check)
        .error(fault(DetailsField::Number));
    // The cursor is where all faults are listed.
    let fields = [Some(name), code, Some(number)].into_iter().flatten();
    fields.map(|field| Field { focused: false, ..field }).collect()
}

/// What a script may look for in bank code and number as soon as they were
/// typed; whoever takes the details judges them again.
fn checks(form: AccountFields) -> (Option<Check>, Option<Check>) {
    const SIX_DIGITS: &str = "^([ -]*[0-9]){6}[ -]*$";
    match form {
        AccountFields::SortCode => (
            Some((SIX_DIGITS, "A sort code has 6 digits.")),
            Some(("^([ -]*[0-9]){8}[ -]*$", "An account number has 8 digits here.")),
        ),
        AccountFields::Bsb => (
            Some((SIX_DIGITS, "A BSB has 6 digits.")),
            Some(("^([ -]*[0-9]){1,9}[ -]*$", "An account number has up to 9 digits here.")),
        ),
        AccountFields::Iban => (
            None,
            Some((
                "^[A-Z] *[A-Z] *[0-9] *[0-9]( *[A-Z0-9]){11,30}$",
                "An IBAN has two letters and two digits, then 11 to 30 more.",
            )),
        ),
        AccountFields::PayId => (None, None),
    }
}

/// What is said above the form, where something is wrong with it.
fn problems(faults: &[FieldFault]) -> Option<Problems> {
    let what = match faults.len() {
        0 => return None,
        1 => "One field needs",
        _ => "Some fields need",
    };
    let place = |field| match field {
        DetailsField::Form | DetailsField::HolderName => "#holder_name",
        DetailsField::BankCode => "#bank_code",
        DetailsField::Number => "#number",
    };
    let point = |fault: &FieldFault| Link { href: place(fault.field).to_owned(), label: fault.says.to_owned() };
    Some(Problems {
        title: format!("{what} another look"),
        text: "Nothing was sent yet.".to_owned(),
        points: faults.iter().map(point).collect(),
    })
}

/// Where a link leads, asked of everybody whose links lead here.
async fn find<'a>(
    hosted: &'a Hosted,
    id: &str,
    token: &str,
) -> Result<(DetailsLink, Option<&'a dyn HostedPages>), Unavailable> {
    for pages in &hosted.pages {
        match pages.details(id, token).await? {
            DetailsLink::Unknown => {}
            known @ (DetailsLink::Replaced | DetailsLink::Used | DetailsLink::Over | DetailsLink::Open(_)) => {
                return Ok((known, Some(&**pages)));
            }
        }
    }
    Ok((DetailsLink::Unknown, None))
}

impl Hosted {
    /// The page of a link that is not open.
    fn closed(&self, link: &DetailsLink) -> Response {
        let (title, lines) = match link {
            DetailsLink::Unknown | DetailsLink::Open(_) => return self.nowhere(),
            DetailsLink::Replaced => (
                "There is a newer link",
                ["This link was replaced by one in a later message. Nothing was changed.", "Use the newest message."],
            ),
            DetailsLink::Used => (
                "Bank details were given already",
                [
                    "If you sent them a moment ago, they arrived. This link worked once; nothing was changed now.",
                    "If that was not you, tell the merchant at once.",
                ],
            ),
            DetailsLink::Over => (
                "This link has ended",
                [
                    "Its time is over, or the refund was ended. Nothing was changed, and nothing is sent.",
                    "Ask the merchant for your refund again.",
                ],
            ),
        };
        self.note(StatusCode::GONE, self.neutral_frame(title), &lines)
    }

    fn ask(&self, asked: &DetailsAsked, token: &str, typed: &DetailsForm, faults: &[FieldFault]) -> Response {
        let title = "Where should your refund go?";
        let frame = self.frame(title, asked.merchant, &asked.merchant_name);
        let others = asked.forms.iter().filter(|form| **form != typed.form);
        let link = |form: &AccountFields| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("token", token)
                .append_pair("form", word(*form))
                .finish();
            Link { href: format!("?{query}"), label: other_way(*form).to_owned() }
        };
        let problems = problems(faults);
        let shown = Ask {
            merchant: frame.brand.clone(),
            frame: Frame { wrong: problems.is_some(), ..frame },
            money: Money(asked.amount),
            remittance: asked.remittance.clone(),
            until: Moment(asked.until),
            left: left(self.engine.now(), asked.until),
            problems,
            form: word(typed.form),
            fields: fields(typed.form, typed, faults),
            others: others.map(link).collect(),
        };
        page(StatusCode::OK, &shown)
    }

    fn confirm(&self, asked: &DetailsAsked, typed: &DetailsForm) -> Response {
        let frame = self.frame("Is this your account?", asked.merchant, &asked.merchant_name);
        let (bank, number) = labels(typed.form);
        let all = [
            ("Name on the account", "holder_name", typed.holder_name.clone()),
            (bank, "bank_code", typed.bank_code.clone()),
            (number, "number", typed.number.clone()),
        ];
        let entered = all.into_iter().filter(|(label, _, _)| !label.is_empty()).collect();
        let merchant = frame.brand.clone();
        page(StatusCode::OK, &Confirm { frame, merchant, money: Money(asked.amount), form: word(typed.form), entered })
    }
}

/// `GET /refunds/{id}`.
pub(super) async fn show(
    State(hosted): State<Arc<Hosted>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let token = query.text("token");
    match find(&hosted, &id, token).await {
        Ok((DetailsLink::Open(asked), _)) => {
            let form = chosen(&asked, query.text("form"));
            hosted.ask(&asked, token, &entered(form, &Form::default()), &[])
        }
        Ok((link, _)) => hosted.closed(&link),
        Err(unavailable) => hosted.busy(unavailable),
    }
}

/// `POST /refunds/{id}`: `step` is `check`, `change` or `give`.
pub(super) async fn submit(
    State(hosted): State<Arc<Hosted>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !hosted.sent_by_us(&headers) {
        return hosted.foreign();
    }
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let token = query.text("token");
    let typed = Form::parse(&body);
    match take(&hosted, &id, token, &typed).await {
        Ok(response) => response,
        Err(unavailable) => hosted.busy(unavailable),
    }
}

async fn take(hosted: &Hosted, id: &str, token: &str, typed: &Form) -> Result<Response, Unavailable> {
    let (asked, pages) = match find(hosted, id, token).await? {
        (DetailsLink::Open(asked), Some(pages)) => (asked, pages),
        (link, _) => return Ok(hosted.closed(&link)),
    };
    let entered = entered(chosen(&asked, typed.text("form")), typed);
    let step = typed.text("step");
    if step == "change" {
        return Ok(hosted.ask(&asked, token, &entered, &[]));
    }
    let give = step == "give";
    let answer = if give {
        pages.give_details(id, token, entered.clone()).await?
    } else {
        pages.check_details(id, token, entered.clone()).await?
    };
    Ok(match answer {
        DetailsAnswer::Taken { masked } if give => {
            let frame = hosted.frame("Thank you, we have your bank details", asked.merchant, &asked.merchant_name);
            let merchant = frame.brand.clone();
            page(StatusCode::OK, &Taken { frame, merchant, money: Money(asked.amount), masked })
        }
        DetailsAnswer::Taken { masked: _ } => hosted.confirm(&asked, &entered),
        DetailsAnswer::Faults(faults) => hosted.ask(&asked, token, &entered, &faults),
        DetailsAnswer::Link(DetailsLink::Open(_)) => {
            let lines = ["Nothing was changed. Open your link again to go on.".to_owned()];
            let frame = hosted.neutral_frame("This was not taken");
            page(StatusCode::CONFLICT, &Note { frame, lines: lines.to_vec(), next: None, goes_on: false })
        }
        DetailsAnswer::Link(link) => hosted.closed(&link),
    })
}
