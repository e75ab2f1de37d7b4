//! Habits: how the bank treats the instructions of a dialect by their text,
//! where neither a scenario nor a documented account asks for something else.

use super::levers::{ORDINARY_LEVER, RefundLever, TimeScale, documented_lever};
use super::outcome::{Outcome, OutcomeKind};
use refundry_domain::instruction::Instruction;
use refundry_domain::time::Span;
use refundry_engine::rail::{Habit, HabitEnd};

/// Which way an instruction goes when nobody set a scenario, and its delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As its account asks.
    Account(RefundLever, Span),
    /// As the bank is used to.
    Habit(Outcome, Span),
}

/// A text is asked first, then the account, then what holds for all others of
/// the dialect.
pub(super) fn way_of(instruction: &Instruction, scale: TimeScale, habits: &[Habit]) -> Way {
    let text = instruction.remittance.as_deref();
    let find = |wanted: Option<&str>| {
        habits.iter().find(|habit| habit.dialect == instruction.dialect && habit.remittance.as_deref() == wanted)
    };
    let of_text = text.and_then(|text| find(Some(text)));
    let by_account = |lever: RefundLever| Way::Account(lever, scale.scale(lever.delay_seconds));
    match (of_text, documented_lever(&instruction.creditor.account)) {
        (Some(habit), _) => by_habit(habit, scale),
        (None, Some(lever)) => by_account(lever),
        (None, None) => find(None).map_or_else(|| by_account(ORDINARY_LEVER), |habit| by_habit(habit, scale)),
    }
}

fn by_habit(habit: &Habit, scale: TimeScale) -> Way {
    let outcome = match habit.end {
        HabitEnd::Execute => Outcome::of(OutcomeKind::Settle),
        HabitEnd::Return { after } => {
            Outcome { after: Some(scale.scale_span(after)), ..Outcome::of(OutcomeKind::Return) }
        }
        HabitEnd::Reject { code } => Outcome { reason: Some(code), ..Outcome::of(OutcomeKind::Fail) },
    };
    Way::Habit(outcome, scale.scale_span(habit.after))
}
