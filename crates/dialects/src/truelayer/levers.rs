//! Texts with a meaning in the sandbox, and how long its bank takes (contract
//! 8.4). The bank itself knows no provider: it is told its habits.

use super::DIALECT;
use super::config::{Config, Tuoyap};
use refundry_domain::reason::BankCode;
use refundry_engine::rail::{Habit, HabitEnd, HabitText};
use std::sync::Arc;

/// The text whose money comes back: "payout", backwards.
const TUOYAP: &str = "TUOYAP";

/// How the sandbox's bank treats refunds and payouts of this provider.
pub(super) fn habits(config: &Config) -> Vec<Habit> {
    let after = config.execute_delay;
    let habit = |remittance: Option<&str>, end| Habit {
        dialect: Arc::from(DIALECT),
        text: remittance.map_or(HabitText::Any, |text| HabitText::Exactly(Arc::from(text))),
        after,
        end,
    };
    let mut habits = vec![habit(None, HabitEnd::Execute)];
    match (config.tuoyap, BankCode::parse("ED05")) {
        (Tuoyap::Returned, _) => {
            habits.push(habit(Some(TUOYAP), HabitEnd::Return { after: config.return_delay }));
        }
        (Tuoyap::SchemeError, Some(code)) => habits.push(habit(Some(TUOYAP), HabitEnd::Reject { code })),
        (Tuoyap::SchemeError, None) | (Tuoyap::Off, _) => {}
    }
    habits
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::time::Span;
    use serde_json::json;

    // conformance: truelayer 61
    #[test]
    fn the_magic_text_is_a_setting() {
        let of = |word: &str| {
            let config = Config::read(&json!({ "sandbox": { "tuoyap": word } })).unwrap();
            habits(&config).into_iter().find(|habit| habit.text == HabitText::Exactly(TUOYAP.into()))
        };
        assert_eq!(of("returned").unwrap().end, HabitEnd::Return { after: Span::seconds(1) });
        assert!(matches!(of("scheme_error").unwrap().end, HabitEnd::Reject { .. }));
        assert_eq!(of("off"), None);
        let config = Config::read(&json!({})).unwrap();
        let ordinary = habits(&config).into_iter().find(|habit| habit.text == HabitText::Any).unwrap();
        assert_eq!((ordinary.after, ordinary.end), (Span(300_000_000), HabitEnd::Execute));
    }
}
