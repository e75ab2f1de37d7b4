//! Texts with a meaning in the sandbox (contract 9.2). The bank itself knows
//! no provider: it is told its habits.

use super::{App, DIALECT};
use refundry_domain::reason::BankCode;
use refundry_domain::rules::Environment;
use refundry_engine::rail::{Habit, HabitEnd, HabitText};
use std::sync::Arc;

/// The code of a refusal that names none.
const REFUSED: &str = "MS03";

/// How the sandbox's bank treats refunds of this provider.
pub(super) fn habits(app: &App) -> Vec<Habit> {
    if app.host.environment == Environment::Live {
        return Vec::new();
    }
    let step = app.config.simulator_step;
    let habit = |text, end| Habit { dialect: Arc::from(DIALECT), text, after: step, end };
    let word = |word: &str, end| habit(HabitText::Beginning(Arc::from(word)), end);
    let refused = BankCode::parse(REFUSED).map(|code| word("FAILED", HabitEnd::Reject { code }));
    let others = [
        word("RETURN", HabitEnd::Return { after: step }),
        word("HOLD", HabitEnd::Hold { after: step }),
        word("UNKNOWN", HabitEnd::LoseAnswer),
        habit(HabitText::Any, HabitEnd::Execute),
    ];
    refused.into_iter().chain(others).collect()
}
