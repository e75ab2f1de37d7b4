//! The decision: a page that says what it does, a form that carries what was
//! looked at, a fresh code, and one command through the door.

use super::load::{self, Loaded};
use super::view::{self, View};
use super::{LIST, href, texts};
use crate::app::Console;
use crate::form::Form;
use crate::page::{Field, FieldKind, Frame, Money, Notice, PartyView, Policy, Problems, Tone, html, redirect, wait};
use crate::second_factor::{CodeVerdict, use_code};
use crate::stop::Stop;
use crate::visitor::Visitor;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use refundry_domain::approval::NOTE_LENGTH_MAX;
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::refund::{Gate, RefundState};
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Envelope};
use std::sync::Arc;

/// What can be done about a refund that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// Agree.
    Approve,
    /// Say no, for good.
    Reject,
    /// The maker takes it back.
    Withdraw,
}

impl Choice {
    fn parse(word: &str) -> Result<Self, Stop> {
        match word {
            "approve" => Ok(Self::Approve),
            "reject" => Ok(Self::Reject),
            "withdraw" => Ok(Self::Withdraw),
            _ => Err(Stop::NotFound),
        }
    }

    /// Taking back stops money and needs no second factor.
    fn needs_code(self) -> bool {
        match self {
            Self::Approve | Self::Reject => true,
            Self::Withdraw => false,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Approve => "Approve this refund",
            Self::Reject => "Reject this refund",
            Self::Withdraw => "Withdraw this refund",
        }
    }

    fn not_taken(self) -> &'static str {
        match self {
            Self::Approve => "Your approval was not taken",
            Self::Reject => "Your rejection was not taken",
            Self::Withdraw => "It was not withdrawn",
        }
    }

    fn button(self, money: &str) -> String {
        match self {
            Self::Approve => format!("Approve {money}"),
            Self::Reject => format!("Reject {money}"),
            Self::Withdraw => format!("Withdraw {money}"),
        }
    }

    fn effect(self, view: &View) -> String {
        let (money, to) = (view.money.figures(), view.creditor.sentence());
        match self {
            Self::Approve => view.effect.clone(),
            Self::Reject => format!(
                "{money} will not be sent to {to}. This cannot be undone: whoever still wants it must ask for a new refund."
            ),
            Self::Withdraw => format!("{money} will not be sent to {to}. The amount can be refunded again."),
        }
    }
}

#[derive(Template)]
#[template(path = "decide.html")]
struct Confirm {
    frame: Frame,
    back: String,
    problems: Option<Problems>,
    effect: String,
    words: String,
    unusual: Option<Notice>,
    form_token: String,
    agreed: String,
    fields: Vec<Field>,
    fresh: Option<String>,
    bad: bool,
    button: String,
}

/// What was typed, and what was wrong with it.
#[derive(Default)]
struct Typed {
    note: String,
    note_error: Option<String>,
    amount: String,
    amount_error: Option<String>,
    code_error: Option<String>,
}

impl Typed {
    fn is_wrong(&self) -> bool {
        self.note_error.is_some() || self.amount_error.is_some() || self.code_error.is_some()
    }

    /// What was typed about this refund; what is wrong with the code is found
    /// when all the rest is right.
    fn read(choice: Choice, form: &Form, money: Money) -> Self {
        let text = |name| form.text(name).to_owned();
        let mut typed = Self { note: text("note"), amount: text("amount"), ..Self::default() };
        if choice == Choice::Reject && typed.note.is_empty() {
            typed.note_error = Some("Write why you reject it.".to_owned());
        } else if typed.note.chars().count() > NOTE_LENGTH_MAX {
            typed.note_error = Some(format!("Write at most {NOTE_LENGTH_MAX} characters."));
        }
        if choice == Choice::Reject && Money::read(&typed.amount, money.0.currency) != Some(money.0.minor) {
            typed.amount_error = Some(format!("Type {}, the amount of this refund.", money.plain()));
        }
        typed
    }
}

fn page(console: &Console, visitor: &Visitor, (choice, loaded): (Choice, &Loaded), typed: Typed) -> Response {
    let now = console.engine.now();
    let view = View::new(loaded, visitor, now);
    let mut fields = Vec::new();
    let note = |label: &str, hint: &str| {
        Field::new("note", label, FieldKind::Area).hint(hint).length_max(NOTE_LENGTH_MAX).value(typed.note.as_str())
    };
    match choice {
        Choice::Approve => fields.push(note("Note", "Others read it beside your name.").optional()),
        Choice::Reject => {
            let field = note("Reason", "Whoever asked for the refund reads it.");
            fields.push(field.error(typed.note_error.clone()));
            // What cannot be undone wants the amount typed.
            let field = Field::new("amount", format!("Type {} to confirm", view.money.plain()), FieldKind::Decimal);
            let field = field.autocomplete("off").length_max(24).value(typed.amount.as_str());
            fields.push(field.error(typed.amount_error.clone()));
        }
        Choice::Withdraw => {}
    }
    let fresh = visitor.session.fresh_until(now);
    if choice.needs_code() && fresh.is_none() {
        let code = Field::new("code", "Code", FieldKind::Code).autocomplete("one-time-code").length_max(12);
        fields.push(code.hint("Six digits from your authenticator app.").error(typed.code_error.clone()));
    }
    let problems = Problems::of("Nothing was decided", "The refund waits as before.", &mut fields);
    let fresh = fresh.filter(|_| choice.needs_code());
    let shown = Confirm {
        frame: Frame { narrow: true, wrong: problems.is_some(), ..visitor.frame(console, choice.title(), LIST) },
        back: view.href.clone(),
        problems,
        effect: choice.effect(&view),
        words: view.words.clone(),
        unusual: Some(view.unusual.clone()).filter(|notice| choice == Choice::Approve && notice.tone == Tone::Warning),
        form_token: visitor.session.form_token.clone(),
        agreed: view.content.clone(),
        fields,
        fresh: fresh
            .map(|until| format!("You gave a code just before; none is needed for another {}.", wait(now, until))),
        bad: choice != Choice::Approve,
        button: choice.button(&view.money.figures()),
    };
    html(StatusCode::OK, &shown, &Policy::default())
}

/// Back to the refund, with a word about what did not happen, or had happened
/// before: a form that is sent twice, and a page that one comes back to.
fn back(console: &Console, visitor: &Visitor, (choice, loaded): (Choice, &Loaded), why: &str) -> Response {
    let notice = match same_before(choice, loaded, visitor) {
        Some(title) => Notice::new(Tone::Good, title, "It counts once; nothing more was done."),
        // What else is said of a refund that still waits says it, too.
        None if choice == Choice::Reject && has_word(loaded, visitor) && !loaded.refund.state.before_send() => {
            Notice::new(Tone::Bad, choice.not_taken(), format!("You approved it before. {why}"))
        }
        None => Notice::new(Tone::Bad, choice.not_taken(), why),
    };
    console.sessions.leave_notice(&visitor.key, notice);
    redirect(&href(loaded.refund.id))
}

fn has_word(loaded: &Loaded, visitor: &Visitor) -> bool {
    loaded.refund.approval.as_ref().is_some_and(|approval| approval.has_word_of(visitor.person.id))
}

/// What this person did already, where it is the same.
fn same_before(choice: Choice, loaded: &Loaded, visitor: &Visitor) -> Option<&'static str> {
    let (refund, me) = (&loaded.refund, visitor.person.id);
    let approval = refund.approval.as_ref()?;
    match choice {
        Choice::Approve => has_word(loaded, visitor).then_some("You approved it before"),
        Choice::Reject => (refund.state == RefundState::Rejected { by: me }).then_some("You rejected it before"),
        Choice::Withdraw => {
            let withdrawn = matches!(refund.state, RefundState::Cancelled { .. }) && approval.maker == Some(me);
            withdrawn.then_some("You withdrew it before")
        }
    }
}

/// Why this visitor cannot do it, where they cannot.
fn hindrance(console: &Console, visitor: &Visitor, (choice, loaded): (Choice, &Loaded)) -> Option<String> {
    match choice {
        Choice::Approve | Choice::Reject => view::disabled(&loaded.refund, visitor, console.engine.now()),
        Choice::Withdraw => {
            let may = view::may_withdraw(&loaded.refund, visitor);
            (!may).then(|| "Only the person who asked for a refund can withdraw it, as long as it waits.".to_owned())
        }
    }
}

/// `GET /console/approvals/{id}/{step}`.
pub(crate) async fn confirm(
    State(console): State<Arc<Console>>,
    Path((id, step)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let asked = async {
        let visitor = Visitor::who_looks(&console, &headers, &format!("{LIST}/{id}/{step}"))?;
        let choice = Choice::parse(&step)?;
        let loaded = load::by_id(&console, &visitor, &id).await?;
        Ok(match hindrance(&console, &visitor, (choice, &loaded)) {
            Some(why) => back(&console, &visitor, (choice, &loaded), &why),
            None => page(&console, &visitor, (choice, &loaded), Typed::default()),
        })
    };
    asked.await.unwrap_or_else(|stop: Stop| stop.respond(&console, &headers))
}

/// `POST /console/approvals/{id}/{step}`.
pub(crate) async fn decide(
    State(console): State<Arc<Console>>,
    Path((id, step)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let decided = async {
        let form = Form::parse(&body);
        let visitor = Visitor::who_sends(&console, &headers, &form, &format!("{LIST}/{id}"))?;
        let choice = Choice::parse(&step)?;
        let loaded = load::by_id(&console, &visitor, &id).await?;
        decided(&console, &visitor, (choice, &loaded), &form).await
    };
    decided.await.unwrap_or_else(|stop| stop.respond(&console, &headers))
}

async fn decided(
    console: &Console,
    visitor: &Visitor,
    (choice, loaded): (Choice, &Loaded),
    form: &Form,
) -> Result<Response, Stop> {
    if let Some(why) = hindrance(console, visitor, (choice, loaded)) {
        return Ok(back(console, visitor, (choice, loaded), &why));
    }
    let content = loaded.refund.approval.as_ref().map(|approval| hex::encode(approval.content));
    if content.as_deref() != Some(form.text("agreed")) {
        return Ok(back(console, visitor, (choice, loaded), &texts::refusal(Refusal::Changed)));
    }
    let mut typed = Typed::read(choice, form, Money(loaded.refund.amount));
    // A form that is not complete uses up no code.
    if !typed.is_wrong() && choice.needs_code() {
        typed.code_error = check_code(console, visitor, form.text("code")).await?;
    }
    if typed.is_wrong() {
        return Ok(page(console, visitor, (choice, loaded), typed));
    }
    execute(console, visitor, (choice, loaded), typed.note).await
}

/// What is wrong with the code, if one is needed. The right one keeps further
/// decisions free of it for a while.
async fn check_code(console: &Console, visitor: &Visitor, typed: &str) -> Result<Option<String>, Stop> {
    let now = console.engine.now();
    if visitor.session.fresh_until(now).is_some() {
        return Ok(None);
    }
    if typed.is_empty() {
        return Ok(Some("Type the code that your authenticator app shows now.".to_owned()));
    }
    Ok(match use_code(console, &visitor.person, typed).await? {
        CodeVerdict::Good => {
            console.sessions.code_given(&visitor.key, now);
            None
        }
        CodeVerdict::Used => Some("This code was used already. Wait for the next one, at most 30 seconds.".to_owned()),
        CodeVerdict::Wrong if console.sessions.code_was_wrong(&visitor.key) => return Err(Stop::Ended),
        CodeVerdict::Wrong => Some("This code is not right. Type the one that is shown now.".to_owned()),
    })
}

async fn execute(
    console: &Console,
    visitor: &Visitor,
    (choice, loaded): (Choice, &Loaded),
    note: String,
) -> Result<Response, Stop> {
    let (refund, by) = (loaded.refund.id, visitor.person.id);
    let note: Option<Arc<str>> = Some(note).filter(|note| !note.is_empty()).map(Arc::from);
    let seen = loaded.refund.approval.as_ref().map(|approval| approval.content);
    let command = match choice {
        Choice::Approve => Command::ApproveRefund { refund, by, seen, note },
        Choice::Reject => Command::RejectRefund { refund, by, seen, note },
        Choice::Withdraw => Command::CancelRefund { refund },
    };
    let envelope = Envelope::command(visitor.person.merchant, Actor::Person(by), command);
    let outcome = console.engine.execute(envelope).await?;
    let state = match outcome.result {
        Ok(Answer::Refund(refund)) => refund.state,
        Ok(
            Answer::Payout(_)
            | Answer::Payment(_)
            | Answer::Account(_)
            | Answer::Mandate(_)
            | Answer::Send(_)
            | Answer::Kept { .. }
            | Answer::Done,
        ) => loaded.refund.state,
        Err(refusal) => return Ok(back(console, visitor, (choice, loaded), &texts::refusal(refusal))),
    };
    console.sessions.leave_notice(&visitor.key, done(choice, loaded, state));
    Ok(redirect(LIST))
}

fn done(choice: Choice, loaded: &Loaded, state: RefundState) -> Notice {
    let money = Money(loaded.refund.amount).figures();
    let to = PartyView::of(loaded.creditor()).sentence();
    match choice {
        Choice::Approve if state == RefundState::Awaiting(Gate::Approval) => {
            let text = format!("Another person must approve, too, before {money} goes to {to}.");
            Notice::new(Tone::Waiting, "Your approval counts", text)
        }
        Choice::Approve => Notice::new(Tone::Good, "Approved", format!("{money} goes to {to}.")),
        Choice::Reject => Notice::new(Tone::Good, "Rejected", format!("{money} is not sent to {to}.")),
        Choice::Withdraw => Notice::new(Tone::Good, "Withdrawn", format!("{money} is not sent to {to}.")),
    }
}
