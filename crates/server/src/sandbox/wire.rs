//! The bodies of the sandbox API. Unknown members, doubled members and
//! numbers that are no integers are refused.

use crate::problem::Problem;
use http::StatusCode;
use refundry_dialects::print::rfc3339_nanos;
use refundry_domain::money::{AMOUNT_MINOR_MAX, Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longest name of an account holder.
const NAME_LENGTH_MAX: usize = 140;
/// Longest alias (`PayID`).
const ALIAS_LENGTH_MAX: usize = 256;

/// Reads a body; the error names the place, never the value.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = match error.classify() {
            serde_json::error::Category::Data => format!("The body does not fit: {error}."),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => {
                format!("The body is no JSON: line {}, column {}.", error.line(), error.column())
            }
        };
        invalid(detail)
    })
}

/// A request that its form alone refuses.
pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
}

/// A pay-in to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPayment {
    /// Minor units.
    pub(super) amount: u64,
    /// ISO 4217.
    pub(super) currency: String,
    /// Who paid; null where the bank does not tell.
    #[serde(default)]
    pub(super) debtor: Option<PartyBody>,
    /// `settled`, `executed` or `open`.
    #[serde(default)]
    pub(super) status: Option<String>,
    /// The merchant's own name for it.
    #[serde(default)]
    pub(super) merchant_reference: Option<String>,
}

/// Where a pay-in is to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStatus {
    /// `settled`, `executed`, `failed` or `reversed`.
    pub(super) status: String,
    /// Who paid, told now.
    #[serde(default)]
    pub(super) debtor: Option<PartyBody>,
    /// What was really credited, or how much is reversed; minor units.
    #[serde(default)]
    pub(super) amount: Option<u64>,
}

/// An account and its holder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartyBody {
    /// Account holder.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// With a `bsb` or a `sort_code`.
    #[serde(default)]
    pub(super) account_number: Option<String>,
    /// Australia.
    #[serde(default)]
    pub(super) bsb: Option<String>,
    /// United Kingdom.
    #[serde(default)]
    pub(super) sort_code: Option<String>,
    /// Alone.
    #[serde(default)]
    pub(super) iban: Option<String>,
    /// Alone.
    #[serde(default)]
    pub(super) payid: Option<String>,
}

/// How far to move the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    /// Whole seconds.
    pub(super) seconds: u64,
}

/// What the bank is to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOutcome {
    /// The word of the course.
    pub(super) outcome: String,
    /// An ISO code or a failure reason.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// When; what it counts from and its default depend on the outcome.
    #[serde(default)]
    pub(super) after_seconds: Option<u64>,
}

/// What is to be available.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBalance {
    /// Minor units.
    pub(super) amount: u64,
}

/// The body of `POST /checkouts/{id}/decision`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDecision {
    /// `authorise`, `decline` or `keep_pending`.
    pub(super) decision: String,
    /// The bank's id; without it the first one on offer.
    pub(super) bank: Option<String>,
}

/// A state to go to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewState {
    /// The native word.
    pub(super) state: String,
}

/// A further client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClient {
    /// Of this dialect.
    pub(super) dialect: String,
    /// Seconds until its credentials open nothing any more.
    #[serde(default)]
    pub(super) expires_in_seconds: Option<u64>,
}

/// Where a dialect's webhooks go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEndpoint {
    /// Where to.
    pub(super) url: String,
    /// The signing key; without it the one of `sandbox.json`.
    #[serde(default)]
    pub(super) secret: Option<String>,
    /// Which of the dialect's signatures.
    #[serde(default)]
    pub(super) signature_scheme: Option<String>,
    /// Whose objects it hears of; without it those of the first client.
    #[serde(default)]
    pub(super) client: Option<String>,
}

/// A public key of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// The key in PEM.
    pub(super) public_key_pem: String,
    /// The id that the client names it by; without it one is made.
    #[serde(default)]
    pub(super) key_id: Option<String>,
}

/// An amount that a payment can have.
pub(super) fn amount(minor: u64, currency: &str) -> Result<Amount, Problem> {
    let currency = Currency::parse(currency).map_err(|_| invalid("currency is no ISO 4217 code in upper case."))?;
    if minor == 0 || minor > AMOUNT_MINOR_MAX {
        return Err(invalid(format!("amount must be between 1 and {AMOUNT_MINOR_MAX} minor units.")));
    }
    Ok(Amount::new(minor, currency))
}

impl PartyBody {
    /// The party, in the core's spelling of accounts.
    pub(super) fn into_party(self) -> Result<Party, Problem> {
        let name = self.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if name
            .as_ref()
            .is_some_and(|name| name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control))
        {
            return Err(invalid(format!("name must have at most {NAME_LENGTH_MAX} printable characters.")));
        }
        let account = match (self.account_number, self.bsb, self.sort_code, self.iban, self.payid) {
            (Some(number), Some(bsb), None, None, None) => AccountIdentifier::Bsb {
                bsb: digits(&bsb, 6, 6).ok_or_else(|| invalid("bsb must have six digits."))?,
                number: digits(&number, 1, 9).ok_or_else(|| invalid("account_number must have one to nine digits."))?,
            },
            (Some(number), None, Some(sort_code), None, None) => AccountIdentifier::Scan {
                sort_code: digits(&sort_code, 6, 6).ok_or_else(|| invalid("sort_code must have six digits."))?,
                number: digits(&number, 8, 8).ok_or_else(|| invalid("account_number must have eight digits."))?,
            },
            (None, None, None, Some(iban), None) => {
                AccountIdentifier::Iban(international(&iban).ok_or_else(|| invalid("iban is not valid."))?)
            }
            (None, None, None, None, Some(alias)) => {
                AccountIdentifier::PayId(alias_of(&alias).ok_or_else(|| invalid("payid is not valid."))?)
            }
            _ => {
                return Err(invalid(
                    "An account is account_number with bsb, account_number with sort_code, iban alone, or payid alone.",
                ));
            }
        };
        Ok(Party { name, account })
    }
}

/// Digits without the spaces and hyphens that people put between them.
fn digits(text: &str, least: usize, most: usize) -> Option<String> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    let fits = (least..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(digits)
}

/// An IBAN whose check digits are right (ISO 13616: the number with its first
/// four places moved to the end leaves 1 when divided by 97).
fn international(text: &str) -> Option<String> {
    let iban: String = text.chars().filter(|letter| *letter != ' ').map(|letter| letter.to_ascii_uppercase()).collect();
    let formed = (15..=34).contains(&iban.len())
        && iban.bytes().enumerate().all(|(place, byte)| match place {
            0 | 1 => byte.is_ascii_uppercase(),
            2 | 3 => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        });
    if !formed {
        return None;
    }
    let turned = iban.chars().skip(4).chain(iban.chars().take(4));
    let left = turned
        .filter_map(|letter| letter.to_digit(36))
        .fold(0, |left, value| if value < 10 { (left * 10 + value) % 97 } else { (left * 100 + value) % 97 });
    (left == 1).then_some(iban)
}

fn alias_of(text: &str) -> Option<String> {
    let alias = text.trim().to_ascii_lowercase();
    let fits = (1..=ALIAS_LENGTH_MAX).contains(&alias.len()) && alias.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(alias)
}

/// A time as answers print it (RFC 3339, UTC, nanoseconds).
pub(super) fn print_time(at: Timestamp) -> String {
    rfc3339_nanos(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(json: &str) -> Result<String, String> {
        let body: PartyBody = parse(json.as_bytes()).map_err(|problem| problem.detail)?;
        body.into_party().map(|party| party.account.canonical()).map_err(|problem| problem.detail)
    }

    #[test]
    fn accounts_are_read_in_every_scheme() {
        for (json, account) in [
            (r#"{"name":"A","account_number":"0505101","bsb":"111-114"}"#, "bsb:111114:0505101"),
            (r#"{"account_number":"12345678","sort_code":"01-02-03"}"#, "scan:010203:12345678"),
            (r#"{"name":"B","iban":"de89 3704 0044 0532 0130 00"}"#, "iban:DE89370400440532013000"),
            (r#"{"payid":"AAPP101@Sandbox.com"}"#, "payid:aapp101@sandbox.com"),
        ] {
            assert_eq!(party(json).as_deref(), Ok(account), "{json}");
        }
    }

    #[test]
    fn other_accounts_are_refused() {
        for json in [
            "{}",
            r#"{"name":"A"}"#,
            r#"{"account_number":"1","bsb":"111114","iban":"DE89370400440532013000"}"#,
            r#"{"account_number":"12x","bsb":"111114"}"#,
            r#"{"account_number":"1234567","sort_code":"010203"}"#,
            r#"{"iban":"DE89370400440532013001"}"#,
            r#"{"payid":"a b"}"#,
            r#"{"payid":"a","payid":"b"}"#,
            r#"{"payid":"a","colour":"red"}"#,
        ] {
            assert!(party(json).is_err(), "{json}");
        }
    }

    #[test]
    fn amounts_are_positive_integers() {
        for bad in ["0", "-1", "1.0", "1e3", "\"1\"", "18446744073709551616", "9007199254740992"] {
            let json = format!(r#"{{"amount":{bad},"currency":"AUD"}}"#);
            let read = parse::<NewPayment>(json.as_bytes()).and_then(|body| amount(body.amount, &body.currency));
            assert!(read.is_err(), "{bad}");
        }
        assert!(amount(1, "AUD").is_ok());
        assert!(amount(1, "aud").is_err());
    }
}
