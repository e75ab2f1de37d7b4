//! The sandbox's copies of what was written, for showing, and what became of
//! each. In memory: a restart forgets them.

use crate::carrier::{Carried, Carrier, Mail, NotCarried};
use refundry_domain::id::MerchantId;
use refundry_domain::time::Timestamp;
use refundry_engine::clock::Clock;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept.
const MAILS_MAX: usize = 500;

/// A mail, and what became of it.
#[derive(Debug, Clone)]
pub struct KeptMail {
    /// When it went, or was tried last, by the engine's clock.
    pub at: Timestamp,
    /// The mail.
    pub mail: Mail,
    /// Whether it was taken, and why not.
    pub outcome: Result<(), NotCarried>,
}

/// Keeps every mail, and passes it on first where there is somebody to.
pub struct Outbox {
    clock: Arc<dyn Clock>,
    next: Option<Arc<dyn Carrier>>,
    newest_last: Mutex<VecDeque<KeptMail>>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Outbox(..)")
    }
}

impl Outbox {
    /// An empty one; what it keeps was offered to `next` first.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, next: Option<Arc<dyn Carrier>>) -> Self {
        Self { clock, next, newest_last: Mutex::default() }
    }

    /// The newest mails of a merchant, newest first.
    #[must_use]
    pub fn newest(&self, merchant: MerchantId, limit: usize) -> Vec<KeptMail> {
        let kept = self.newest_last.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().filter(|kept| kept.mail.merchant == merchant).take(limit).cloned().collect()
    }

    /// A mail that is tried again stays one mail.
    fn keep(&self, mail: Mail, outcome: Result<(), NotCarried>) {
        let mut kept = self.newest_last.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|earlier| earlier.mail.message_id != mail.message_id);
        if kept.len() >= MAILS_MAX {
            kept.pop_front();
        }
        kept.push_back(KeptMail { at: self.clock.now(), mail, outcome });
    }
}

impl Carrier for Outbox {
    fn carry<'a>(&'a self, mail: &'a Mail) -> Carried<'a> {
        Box::pin(async move {
            let outcome = match &self.next {
                Some(next) => next.carry(mail).await,
                None => Ok(()),
            };
            self.keep(mail.clone(), outcome);
            outcome
        })
    }
}
