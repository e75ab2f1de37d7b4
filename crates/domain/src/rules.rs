//! The settings that decide. They are data, given with every decision.

use crate::time::Span;

/// Real money or a sandbox; part of every instruction id (rails 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Real money.
    Live,
    /// Play money.
    Sandbox,
}

impl Environment {
    /// The word that enters the instruction ids.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }
}

/// What to do with a second equal refund without a key (rails R-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeylessRepeat {
    /// Both go out.
    Allow,
    /// The second one waits for a person (block `duplicate_suspect`).
    Block,
    /// The second one is refused.
    Refuse,
}

/// Who bears the charges of a short return (rails R-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnCharges {
    /// The full amount goes back to the held account.
    Operator,
    /// Only what came back goes to the held account.
    Merchant,
}

/// The settings in force for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Real money or a sandbox.
    pub environment: Environment,
    /// Second equal refund without a key.
    pub keyless_repeat: KeylessRepeat,
    /// How long an equal keyless refund is suspicious.
    pub keyless_window: Span,
    /// Who bears the charges of a short return.
    pub return_charges: ReturnCharges,
    /// AM04 on a held account that has the money is drift, not a failure.
    pub am04_is_drift: bool,
    /// How long signatories of a mandate have.
    pub mandate_window: Span,
    /// First wait between two inquiries; it doubles up to an hour.
    pub inquiry_every: Span,
    /// The rail takes the same bytes under the same id twice (rails 3.2).
    pub resend_same_id: bool,
    /// How many people an exception path takes at least (I-19).
    pub exception_people: u8,
}

impl Rules {
    /// The defaults of an environment, on the mock bank.
    #[must_use]
    pub fn of(environment: Environment) -> Self {
        let live = environment == Environment::Live;
        Self {
            environment,
            keyless_repeat: if live { KeylessRepeat::Block } else { KeylessRepeat::Allow },
            keyless_window: Span::seconds(600),
            return_charges: ReturnCharges::Operator,
            am04_is_drift: live,
            mandate_window: Span::days(5),
            inquiry_every: Span::seconds(5),
            resend_same_id: !live,
            exception_people: 2,
        }
    }
}
