//! Who is signed in. Sessions are held in memory only: a restart signs
//! everybody out. A cookie holds a random name of which only a hash is kept;
//! a new one is made at every sign-in.

use crate::form::random_text;
use crate::page::Notice;
use refundry_domain::id::PersonId;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::sha256;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A session ends after so long without a request (reliability F-122).
pub(crate) const IDLE: Span = Span::seconds(15 * 60);
/// And after so long in any case.
const WHOLE: Span = Span::seconds(8 * 3_600);
/// A code given for a decision is good for further ones for so long.
pub(crate) const FRESH: Span = Span::seconds(5 * 60);
/// Most sessions; beyond it the one unused for longest ends.
const COUNT_MAX: usize = 10_000;
/// Wrong codes for decisions after which a session ends.
const WRONG_CODES_MAX: u8 = 5;

/// The hash of a session's name.
pub(crate) type SessionKey = [u8; 32];

/// One sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Who.
    pub(crate) person: PersonId,
    /// What every form of theirs carries.
    pub(crate) form_token: String,
    /// When a code was given for a decision.
    pub(crate) code_given_at: Option<Timestamp>,
    created_at: Timestamp,
    seen_at: Timestamp,
    wrong_codes: u8,
    notice: Option<Notice>,
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        self.seen_at.plus(IDLE) <= now || self.created_at.plus(WHOLE) <= now
    }

    /// Until when no further code is asked for.
    pub(crate) fn fresh_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.code_given_at.map(|at| at.plus(FRESH)).filter(|until| now < *until)
    }
}

/// Everybody who is signed in.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<SessionKey, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs a person in and returns the name that the cookie carries.
    pub(crate) fn begin(&self, person: PersonId, now: Timestamp) -> String {
        let name = random_text();
        let mut all = self.all();
        if all.len() >= COUNT_MAX {
            all.retain(|_, session| !session.is_over(now));
        }
        if all.len() >= COUNT_MAX
            && let Some(oldest) = all.iter().min_by_key(|(_, session)| session.seen_at).map(|(key, _)| *key)
        {
            all.remove(&oldest);
        }
        let session = Session {
            person,
            form_token: random_text(),
            code_given_at: None,
            created_at: now,
            seen_at: now,
            wrong_codes: 0,
            notice: None,
        };
        all.insert(sha256(name.as_bytes()), session);
        name
    }

    /// The session with this name, if it goes on; using it keeps it alive.
    pub(crate) fn touch(&self, name: &str, now: Timestamp) -> Option<(SessionKey, Session)> {
        let key = sha256(name.as_bytes());
        let mut all = self.all();
        let session = all.get_mut(&key)?;
        if session.is_over(now) {
            all.remove(&key);
            return None;
        }
        session.seen_at = session.seen_at.max(now);
        Some((key, session.clone()))
    }

    /// Ends a session.
    pub(crate) fn end(&self, key: &SessionKey) {
        self.all().remove(key);
    }

    /// Notes that a right code was given for a decision.
    pub(crate) fn code_given(&self, key: &SessionKey, now: Timestamp) {
        if let Some(session) = self.all().get_mut(key) {
            session.code_given_at = Some(now);
            session.wrong_codes = 0;
        }
    }

    /// Notes a wrong code; true when that was one too many and the session ended.
    pub(crate) fn code_was_wrong(&self, key: &SessionKey) -> bool {
        let mut all = self.all();
        let Some(session) = all.get_mut(key) else { return true };
        session.wrong_codes = session.wrong_codes.saturating_add(1);
        let too_many = session.wrong_codes >= WRONG_CODES_MAX;
        if too_many {
            all.remove(key);
        }
        too_many
    }

    /// Leaves a word for the next page.
    pub(crate) fn leave_notice(&self, key: &SessionKey, notice: Notice) {
        if let Some(session) = self.all().get_mut(key) {
            session.notice = Some(notice);
        }
    }

    /// Takes the word that was left.
    pub(crate) fn take_notice(&self, key: &SessionKey) -> Option<Notice> {
        self.all().get_mut(key)?.notice.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000_000_000);

    #[test]
    fn sessions_end_when_idle_and_after_a_day_of_work() {
        let sessions = Sessions::default();
        let name = sessions.begin(PersonId(1), START);
        assert!(sessions.touch("another name", START).is_none());
        let mut now = START;
        while now < START.plus(WHOLE).minus(Span::seconds(1)) {
            assert!(sessions.touch(&name, now).is_some(), "used every ten minutes");
            now = now.plus(Span::seconds(600)).min(START.plus(WHOLE).minus(Span::seconds(1)));
        }
        assert!(sessions.touch(&name, START.plus(WHOLE)).is_none());
        let name = sessions.begin(PersonId(1), START);
        assert!(sessions.touch(&name, START.plus(IDLE)).is_none());
    }

    #[test]
    fn a_code_is_fresh_for_five_minutes_and_wrong_ones_end_the_session() {
        let sessions = Sessions::default();
        let name = sessions.begin(PersonId(1), START);
        let (key, session) = sessions.touch(&name, START).unwrap();
        assert_eq!(session.fresh_until(START), None, "signing in is no decision");
        sessions.code_given(&key, START);
        let (_, session) = sessions.touch(&name, START).unwrap();
        assert!(session.fresh_until(START.plus(Span::seconds(299))).is_some());
        assert!(session.fresh_until(START.plus(FRESH)).is_none());
        let ended: Vec<bool> = (0..WRONG_CODES_MAX).map(|_| sessions.code_was_wrong(&key)).collect();
        assert_eq!(ended, [false, false, false, false, true]);
        assert!(sessions.touch(&name, START).is_none());
    }

    #[test]
    fn there_is_room_for_so_many() {
        let sessions = Sessions::default();
        let first = sessions.begin(PersonId(1), START);
        for _ in 0..COUNT_MAX {
            sessions.begin(PersonId(2), START.plus(Span::seconds(1)));
        }
        assert!(sessions.touch(&first, START.plus(Span::seconds(1))).is_none());
        assert_eq!(sessions.all().len(), COUNT_MAX);
    }
}
