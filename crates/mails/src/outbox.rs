//! The sandbox's copies of what was sent, for showing. In memory: a restart
//! forgets them.

use crate::carrier::{Carried, Carrier, Mail};
use refundry_domain::id::MerchantId;
use refundry_domain::time::Timestamp;
use refundry_engine::clock::Clock;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept.
const MAILS_MAX: usize = 500;

/// A mail and when it went.
#[derive(Debug, Clone)]
pub struct KeptMail {
    /// By the engine's clock.
    pub at: Timestamp,
    /// The mail.
    pub mail: Mail,
}

/// Keeps every mail, and passes it on where there is somebody to.
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
    /// An empty one; what it keeps went to `next` first.
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

    fn keep(&self, mail: Mail) {
        let mut kept = self.newest_last.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAILS_MAX {
            kept.pop_front();
        }
        kept.push_back(KeptMail { at: self.clock.now(), mail });
    }
}

impl Carrier for Outbox {
    fn carry<'a>(&'a self, mail: &'a Mail) -> Carried<'a> {
        Box::pin(async move {
            if let Some(next) = &self.next {
                next.carry(mail).await?;
            }
            self.keep(mail.clone());
            Ok(())
        })
    }
}
