//! Documented account numbers and aliases, and what the bank does with them
//! (Banked contract 8.1 and 8.2).
//!
//! A seven-digit number reads MMPPZZZ and a six-digit one MMPPZZ: MM seconds
//! for the mandate, PP seconds for the payment or the refund, the rest is the
//! scenario. An alias holds the seven digits before its host, or the letters
//! `AAPP` in place of the first four.

use refundry_domain::party::AccountIdentifier;
use refundry_domain::reason::BankCode;
use refundry_domain::time::Span;

/// Host of the documented aliases, in the lower case that aliases are kept in.
const ALIAS_HOST: &str = "sandbox.com";
/// Delay behind an alias whose seconds are the literal `AAPP`: the documented
/// number beside each of them begins with 0505.
const ALIAS_DELAY_SECONDS: u64 = 5;
/// Delay of every account that is no lever (contract 8.2).
const ORDINARY_DELAY_SECONDS: u64 = 1;
/// The most seconds that two digits may name; 99 is reserved (contract 8.2).
const LEVER_SECONDS_MAX: u64 = 98;

/// Pay-ins that end with a decline, and the network's code for it.
const DECLINES: &[(&str, &str)] = &[
    ("991111", "MD16"),
    ("991101", "AC05"),
    ("991103", "AC13"),
    ("991100", "AC02"),
    ("992120", "AM04"),
    ("992115", "AG07"),
    ("992107", "AC05"),
];

/// Multiplies the documented delays, in thousandths: 1000 as documented, 0 at
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeScale {
    /// Thousandths of the documented delay.
    pub permille: u32,
}

impl Default for TimeScale {
    fn default() -> Self {
        Self { permille: 1_000 }
    }
}

impl TimeScale {
    /// These documented seconds, scaled.
    #[must_use]
    pub fn scale(self, seconds: u64) -> Span {
        const NANOS_PER_MILLISECOND: u64 = 1_000_000;
        Span(seconds.saturating_mul(u64::from(self.permille)).saturating_mul(NANOS_PER_MILLISECOND))
    }

    /// This documented span, scaled.
    #[must_use]
    pub fn scale_span(self, span: Span) -> Span {
        Span((span.0 / 1_000).saturating_mul(u64::from(self.permille)))
    }
}

/// How a pay-in from an account goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayinCourse {
    /// Documented seconds until the end; to be scaled.
    pub delay_seconds: u64,
    /// The end.
    pub end: PayinEnd,
}

/// The end of a pay-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayinEnd {
    /// It is paid.
    Ok,
    /// The payer's bank declines.
    Declined {
        /// The network's code.
        code: BankCode,
    },
}

/// How a pay-in goes from this account number or alias; anything
/// undocumented is paid.
#[must_use]
pub fn payin_course(number: &str) -> PayinCourse {
    let decline = DECLINES.iter().find(|(declined, _)| *declined == number);
    if let Some((_, code)) = decline {
        return PayinCourse { delay_seconds: ORDINARY_DELAY_SECONDS, end: PayinEnd::Declined { code: iso(code) } };
    }
    let seconds = match number.split_once('@') {
        Some(_) => refund_lever_of_alias(number).map(|lever| lever.delay_seconds),
        None => payment_seconds(number),
    };
    let delay_seconds = seconds.unwrap_or(ORDINARY_DELAY_SECONDS);
    PayinCourse { delay_seconds, end: PayinEnd::Ok }
}

/// What an account asks of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RefundLever {
    /// Documented seconds until the end.
    pub(super) delay_seconds: u64,
    /// The end.
    pub(super) ending: Ending,
}

/// How a refund ends by its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Executed.
    Settle,
    /// Accepted, and nothing more is heard.
    Stay,
    /// Refused with this code.
    Reject(BankCode),
}

/// What the creditor's account, which is that of the original payment, asks;
/// none when it is no documented one.
pub(super) fn documented_lever(account: &AccountIdentifier) -> Option<RefundLever> {
    match account {
        AccountIdentifier::Bsb { number, .. } | AccountIdentifier::Scan { number, .. } => {
            refund_lever_of_number(number)
        }
        AccountIdentifier::PayId(alias) => refund_lever_of_alias(alias),
        AccountIdentifier::Iban(_) | AccountIdentifier::Other { .. } => None,
    }
}

/// What every other account asks.
pub(super) const ORDINARY_LEVER: RefundLever =
    RefundLever { delay_seconds: ORDINARY_DELAY_SECONDS, ending: Ending::Settle };

fn refund_lever_of_number(number: &str) -> Option<RefundLever> {
    let delay_seconds = payment_seconds(number)?;
    let ending = ending_of(number.get(4..)?)?;
    Some(RefundLever { delay_seconds, ending })
}

fn refund_lever_of_alias(alias: &str) -> Option<RefundLever> {
    let lower = alias.to_ascii_lowercase();
    let (local, host) = lower.split_once('@')?;
    if host != ALIAS_HOST {
        return None;
    }
    match local.strip_prefix("aapp") {
        Some(scenario) => {
            let ending = (scenario.len() == 3).then(|| ending_of(scenario)).flatten()?;
            Some(RefundLever { delay_seconds: ALIAS_DELAY_SECONDS, ending })
        }
        None => (local.len() == 7).then(|| refund_lever_of_number(local)).flatten(),
    }
}

/// The seconds PP of a documented number of six or seven digits.
fn payment_seconds(number: &str) -> Option<u64> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !matches!(number.len(), 6 | 7) {
        return None;
    }
    let mandate: u64 = number.get(..2)?.parse().ok()?;
    let payment: u64 = number.get(2..4)?.parse().ok()?;
    let documented = mandate <= LEVER_SECONDS_MAX && payment <= LEVER_SECONDS_MAX;
    (documented && ending_of(number.get(4..)?).is_some()).then_some(payment)
}

/// The scenario: three digits, or the two digits of the six-digit form.
fn ending_of(scenario: &str) -> Option<Ending> {
    match scenario {
        "101" | "11" => Some(Ending::Settle),
        "102" => Some(Ending::Stay),
        "105" => Some(Ending::Reject(iso("AM04"))),
        _ => None,
    }
}

/// A code written in this program.
pub(super) fn iso(code: &'static str) -> BankCode {
    BankCode::parse(code).expect("a constant of four letters and digits is a code")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bsb(number: &str) -> AccountIdentifier {
        AccountIdentifier::Bsb { bsb: "111114".into(), number: number.into() }
    }

    // conformance: banked 81
    // conformance: banked 82
    #[test]
    fn refunds_follow_the_account() {
        let settle = Ending::Settle;
        let stay = Ending::Stay;
        let short = Ending::Reject(iso("AM04"));
        let alias = |text: &str| AccountIdentifier::PayId(text.into());
        let table = [
            (bsb("0505101"), 5, settle),
            (bsb("0505102"), 5, stay),
            (bsb("0505105"), 5, short),
            (bsb("0130101"), 30, settle),
            (bsb("9898105"), 98, short),
            (bsb("0100105"), 0, short),
            (bsb("0599101"), 1, settle),
            (bsb("0505103"), 1, settle),
            (bsb("050511"), 5, settle),
            (bsb("020211"), 2, settle),
            (bsb("019811"), 98, settle),
            (bsb("050512"), 1, settle),
            (bsb("991111"), 1, settle),
            (bsb("992120"), 1, settle),
            (bsb("12345678"), 1, settle),
            (bsb("50505105"), 1, settle),
            (alias("AAPP101@sandbox.com"), 5, settle),
            (alias("aapp102@sandbox.com"), 5, stay),
            (alias("AaPp105@SandBox.com"), 5, short),
            (alias("0505101@sandbox.com"), 5, settle),
            (alias("0107102@sandbox.com"), 7, stay),
            (alias("0505105@sandbox.com"), 5, short),
            (alias("aapp105@example.com"), 1, settle),
            (alias("aapp1055@sandbox.com"), 1, settle),
            (alias("050511@sandbox.com"), 1, settle),
            (alias("+61-400000105"), 1, settle),
            (AccountIdentifier::Iban("DE02120300000000505105".into()), 1, settle),
        ];
        for (account, delay_seconds, ending) in table {
            let lever = documented_lever(&account).unwrap_or(ORDINARY_LEVER);
            assert_eq!(lever, RefundLever { delay_seconds, ending }, "{}", account.canonical());
        }
    }

    // conformance: banked 83
    #[test]
    fn payins_follow_the_number() {
        let table = [
            ("991111", 1, Some("MD16")),
            ("991101", 1, Some("AC05")),
            ("991103", 1, Some("AC13")),
            ("991100", 1, Some("AC02")),
            ("992120", 1, Some("AM04")),
            ("992115", 1, Some("AG07")),
            ("992107", 1, Some("AC05")),
            ("050511", 5, None),
            ("0505101", 5, None),
            ("0512105", 12, None),
            ("0505105@sandbox.com", 5, None),
            ("AAPP105@sandbox.com", 5, None),
            ("12345678", 1, None),
            ("jo@example.com", 1, None),
        ];
        for (number, delay_seconds, code) in table {
            let end = code.map_or(PayinEnd::Ok, |code| PayinEnd::Declined { code: iso(code) });
            assert_eq!(payin_course(number), PayinCourse { delay_seconds, end }, "{number}");
        }
    }

    // conformance: banked 82
    #[test]
    fn scale_is_in_thousandths() {
        let nanos = |permille: u32, seconds: u64| TimeScale { permille }.scale(seconds).0;
        assert_eq!(nanos(1_000, 5), 5_000_000_000);
        assert_eq!(nanos(0, 98), 0);
        assert_eq!(nanos(500, 5), 2_500_000_000);
        assert_eq!(nanos(u32::MAX, u64::MAX), u64::MAX);
    }
}
