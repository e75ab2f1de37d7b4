//! Codes are good once, for all servers on one store and after a restart: each
//! used step of a person is a record in the once table.

use crate::app::Console;
use crate::totp;
use refundry_domain::event::Actor;
use refundry_engine::digest::{fingerprint, once_key};
use refundry_engine::envelope::{Envelope, KEPT_FOR, Once, Unavailable, Work};
use refundry_engine::registry::Person;

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeVerdict {
    /// It was right, and is used up now.
    Good,
    /// It was wrong, or the person has no second factor.
    Wrong,
    /// It was right once.
    Used,
}

/// Looks at a code that a person typed, and uses it up.
pub(crate) async fn use_code(console: &Console, person: &Person, typed: &str) -> Result<CodeVerdict, Unavailable> {
    let secret = person.totp_secret.as_deref();
    let Some(step) = secret.and_then(|secret| totp::matching_step(secret, typed, (console.real_now)())) else {
        return Ok(CodeVerdict::Wrong);
    };
    Ok(if use_step(console, person, step).await? { CodeVerdict::Good } else { CodeVerdict::Used })
}

/// Uses up the code of a step; false when it was used before.
pub(crate) async fn use_step(console: &Console, person: &Person, step: u64) -> Result<bool, Unavailable> {
    let id = person.id.0.to_be_bytes();
    use_once(console, person, &[b"console code", &id, &step.to_be_bytes()]).await
}

/// Notes that something of a person was used; false when it had been before.
pub(crate) async fn use_once(console: &Console, person: &Person, parts: &[&[u8]]) -> Result<bool, Unavailable> {
    let once =
        Once { key: once_key(parts), fingerprint: fingerprint(parts), keep_world_refusals: false, kept_for: KEPT_FOR };
    let work = Work::Keep { status: 204, body: Vec::new() };
    let envelope = Envelope { merchant: person.merchant, actor: Actor::Person(person.id), once: Some(once), work };
    match console.engine.execute(envelope).await {
        Ok(outcome) => Ok(!outcome.replayed && outcome.result.is_ok()),
        // The same code is being used at this moment.
        Err(Unavailable::InFlight) => Ok(false),
        Err(unavailable) => Err(unavailable),
    }
}
