//! Habits: how the bank treats the instructions of a dialect by their text,
//! where neither a scenario nor a documented account asks for something else.

use super::levers::{ORDINARY_LEVER, RefundLever, TimeScale, documented_lever};
use super::outcome::{Outcome, OutcomeKind};
use refundry_domain::instruction::Instruction;
use refundry_domain::reason::BankCode;
use refundry_domain::time::Span;
use refundry_engine::rail::{Habit, HabitEnd, HabitText};

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
    let text = instruction.remittance.as_deref().unwrap_or_default();
    let own = || habits.iter().filter(|habit| habit.dialect == instruction.dialect);
    let of_text = own().find_map(|habit| of_text(habit, text).map(|code| by_habit(habit, code, scale)));
    let by_account = |lever: RefundLever| Way::Account(lever, scale.scale(lever.delay_seconds));
    match (of_text, documented_lever(&instruction.creditor.account)) {
        (Some(way), _) => way,
        (None, Some(lever)) => by_account(lever),
        (None, None) => {
            let ordinary = own().find(|habit| habit.text == HabitText::Any);
            ordinary.map_or_else(|| by_account(ORDINARY_LEVER), |habit| by_habit(habit, None, scale))
        }
    }
}

/// Whether a habit is about this very text, and the code that the text names.
fn of_text(habit: &Habit, text: &str) -> Option<Option<BankCode>> {
    match &habit.text {
        HabitText::Any => None,
        HabitText::Exactly(wanted) => (**wanted == *text).then_some(None),
        HabitText::Beginning(word) => text.strip_prefix(&**word).map(named_code),
    }
}

/// The reason code that follows a word: a hyphen, then four characters that
/// look like an ISO code, and then nothing of the same word.
fn named_code(rest: &str) -> Option<BankCode> {
    let (code, after) = rest.strip_prefix('-')?.split_at_checked(4)?;
    let mut bytes = code.bytes();
    let letters = bytes.by_ref().take(2).all(|byte| byte.is_ascii_uppercase());
    let others = bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let ends = !after.starts_with(|next: char| next.is_ascii_alphanumeric());
    if letters && others && ends { BankCode::parse(code) } else { None }
}

fn by_habit(habit: &Habit, named: Option<BankCode>, scale: TimeScale) -> Way {
    let outcome = match habit.end {
        HabitEnd::Execute => Outcome::of(OutcomeKind::Settle),
        HabitEnd::Return { after } => {
            Outcome { after: Some(scale.scale_span(after)), reason: named, ..Outcome::of(OutcomeKind::Return) }
        }
        HabitEnd::Reject { code } => Outcome { reason: named.or(Some(code)), ..Outcome::of(OutcomeKind::Fail) },
        HabitEnd::Hold { after } => Outcome { after: Some(scale.scale_span(after)), ..Outcome::of(OutcomeKind::Hold) },
        HabitEnd::LoseAnswer => Outcome::of(OutcomeKind::Timeout),
    };
    Way::Habit(outcome, scale.scale_span(habit.after))
}
