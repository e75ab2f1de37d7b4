//! What happened to a refund, as sentences.

use super::load::Loaded;
use super::texts;
use crate::page::{Moment, Step};
use crate::visitor::Visitor;
use refundry_domain::event::{Actor, EventKind};
use refundry_domain::id::PersonId;
use refundry_domain::refund::RefundState;

/// The timeline of a refund, oldest first.
pub(super) fn steps(loaded: &Loaded, visitor: &Visitor) -> Vec<Step> {
    let step = |event: &refundry_domain::event::Event| {
        let (fact, decided) = fact(&event.kind, visitor)?;
        let note = decided.and_then(|person| note_of(loaded, person));
        Some(Step { at: Moment(event.at), fact, actor: actor(&event.actor, visitor), note })
    };
    loaded.events.iter().filter_map(step).collect()
}

fn note_of(loaded: &Loaded, person: PersonId) -> Option<String> {
    let notes = &loaded.refund.approval.as_ref()?.notes;
    notes.iter().rev().find(|note| note.by == person).map(|note| note.text.to_string())
}

/// Who did it, unless it was the engine by itself.
fn actor(actor: &Actor, visitor: &Visitor) -> Option<String> {
    Some(match actor {
        Actor::Engine => return None,
        Actor::Credential(id) => format!("a program (key {id})"),
        Actor::Person(id) => visitor.name_of(*id),
        Actor::Customer => "the customer".to_owned(),
        Actor::Rail(_) => "the bank".to_owned(),
        Actor::Sandbox => "the sandbox".to_owned(),
        Actor::Operator => "the operator".to_owned(),
    })
}

/// The sentence of an event, and whose word it is; none for what is not about
/// a refund.
fn fact(kind: &EventKind, visitor: &Visitor) -> Option<(String, Option<PersonId>)> {
    let plain = |text: &str| Some((text.to_owned(), None));
    match kind {
        EventKind::RefundEntered { state: RefundState::Rejected { by } } => {
            Some((format!("{} rejected it", visitor.name_of(*by)), Some(*by)))
        }
        EventKind::RefundEntered { state } => Some((texts::chip(*state).word, None)),
        EventKind::DetailsGiven => plain("The account was named"),
        EventKind::ApprovalGiven { by } => Some((format!("{} approved it", visitor.name_of(*by)), Some(*by))),
        EventKind::ApprovalVoided => plain("It changed, so earlier approvals count no more"),
        EventKind::AuthorisationGiven => plain("Consent was given at the bank"),
        EventKind::BlockPlaced { code } => Some((format!("Blocked: {}", code.code().replace('_', " ")), None)),
        EventKind::BlockLifted { code } => Some((format!("Block lifted: {}", code.code().replace('_', " ")), None)),
        EventKind::CaseOpened { code } => Some((format!("A case was opened: {}", code.code().replace('_', " ")), None)),
        EventKind::CaseClosed { code } => Some((format!("A case was closed: {}", code.code().replace('_', " ")), None)),
        EventKind::AttemptOpened { number } => Some((format!("Attempt {number} begins"), None)),
        EventKind::WithdrawalAsked => plain("The bank was asked to stop it"),
        EventKind::PaymentRecorded
        | EventKind::PaymentAuthorised
        | EventKind::PaymentExecuted
        | EventKind::PaymentSettled { .. }
        | EventKind::PaymentFailed
        | EventKind::PaymentReversed { .. }
        | EventKind::PaymentBlock { .. }
        | EventKind::MandateEntered { .. }
        | EventKind::AccountFunded { .. }
        | EventKind::AccountDrained { .. }
        | EventKind::PayoutEntered { .. }
        | EventKind::StrayFound { .. }
        | EventKind::StrayReturned { .. }
        | EventKind::StrayClosed { .. }
        | EventKind::AccountPaused { .. }
        | EventKind::AccountResumed { .. } => None,
    }
}
