//! Who is signed in. Sessions are held in memory only: a restart signs
//! everybody out. A cookie holds a random name of which only a hash is kept;
//! a new one is made at every sign-in.

use crate::form::random_text;
use crate::page::Notice;
use refundry_domain::id::PersonId;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::digest::{fingerprint, sha256};
use refundry_engine::registry::Person;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

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

/// Everything about a person with which a session stands and falls.
fn standing(person: &Person) -> [u8; 16] {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.code()).collect();
    let secret = |secret: &Option<String>| secret.clone().unwrap_or_default().into_bytes();
    let parts = [secret(&person.password_hash), secret(&person.totp_secret), person.email.clone().into_bytes()];
    let [password, factor, email] = &parts;
    fingerprint(&[&[u8::from(person.enabled)], roles.join(",").as_bytes(), password, factor, email]).0
}

/// One sign-in.
#[derive(Clone)]
pub(crate) struct Session {
    /// Who.
    pub(crate) person: PersonId,
    /// What every form of theirs carries.
    pub(crate) form_token: String,
    /// When a code was given for a decision.
    pub(crate) code_given_at: Option<Timestamp>,
    /// The secret of an authenticator that is being set up.
    pub(crate) offered_secret: Option<Zeroizing<String>>,
    standing: [u8; 16],
    /// What it becomes when the person's own step here is done.
    next_standing: Option<[u8; 16]>,
    created_at: Timestamp,
    seen_at: Timestamp,
    wrong_codes: u8,
    notice: Option<Notice>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Session({})", self.person)
    }
}

impl Session {
    /// True while the person is enabled and has the roles, the password and
    /// the second factor that they signed in with.
    pub(crate) fn still_fits(&self, person: &Person) -> bool {
        let now = standing(person);
        person.enabled && (self.standing == now || self.next_standing == Some(now))
    }

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
    pub(crate) fn begin(&self, person: &Person, now: Timestamp) -> String {
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
            person: person.id,
            form_token: random_text(),
            code_given_at: None,
            offered_secret: None,
            standing: standing(person),
            next_standing: None,
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

    /// The secret that is offered to the person; `made` is kept where there is
    /// none yet, so that a page that is opened again shows the same.
    pub(crate) fn offer_secret(&self, key: &SessionKey, made: String) -> Option<Zeroizing<String>> {
        let mut all = self.all();
        let session = all.get_mut(key)?;
        Some(session.offered_secret.get_or_insert_with(|| Zeroizing::new(made)).clone())
    }

    /// The person is about to become this by a step of this session, which goes
    /// on; their other sessions end.
    pub(crate) fn expect(&self, key: &SessionKey, person: &Person) {
        if let Some(session) = self.all().get_mut(key) {
            session.next_standing = Some(standing(person));
        }
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
    use refundry_domain::id::MerchantId;
    use refundry_engine::registry::{Role, Roles};

    const START: Timestamp = Timestamp(1_000_000_000_000);

    fn person(id: u128) -> Person {
        Person::new(PersonId(id), MerchantId(1), &[Role::Approver], START)
    }

    #[test]
    fn sessions_end_when_idle_and_after_a_day_of_work() {
        let sessions = Sessions::default();
        let name = sessions.begin(&person(1), START);
        assert!(sessions.touch("another name", START).is_none());
        let mut now = START;
        while now < START.plus(WHOLE).minus(Span::seconds(1)) {
            assert!(sessions.touch(&name, now).is_some(), "used every ten minutes");
            now = now.plus(Span::seconds(600)).min(START.plus(WHOLE).minus(Span::seconds(1)));
        }
        assert!(sessions.touch(&name, START.plus(WHOLE)).is_none());
        let name = sessions.begin(&person(1), START);
        assert!(sessions.touch(&name, START.plus(IDLE)).is_none());
    }

    #[test]
    fn a_code_is_fresh_for_five_minutes_and_wrong_ones_end_the_session() {
        let sessions = Sessions::default();
        let name = sessions.begin(&person(1), START);
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
        let first = sessions.begin(&person(1), START);
        for _ in 0..COUNT_MAX {
            sessions.begin(&person(2), START.plus(Span::seconds(1)));
        }
        assert!(sessions.touch(&first, START.plus(Span::seconds(1))).is_none());
        assert_eq!(sessions.all().len(), COUNT_MAX);
    }

    #[test]
    fn a_session_fits_the_person_who_signed_in() {
        let sessions = Sessions::default();
        let before = person(1);
        let name = sessions.begin(&before, START);
        let (_, session) = sessions.touch(&name, START).unwrap();
        assert!(session.still_fits(&before));
        assert!(session.still_fits(&Person { name: "Ada".to_owned(), ..before.clone() }), "a name changes nothing");
        for changed in [
            Person { enabled: false, ..before.clone() },
            Person { roles: Roles::of(&[Role::Approver, Role::Admin]), ..before.clone() },
            Person { roles: Roles::of(&[]), ..before.clone() },
            Person { password_hash: Some("another".to_owned()), ..before.clone() },
            Person { totp_secret: Some("another".to_owned()), ..before.clone() },
        ] {
            assert!(!session.still_fits(&changed), "{changed:?}");
        }
    }

    #[test]
    fn a_secret_is_offered_until_it_is_taken() {
        let sessions = Sessions::default();
        let name = sessions.begin(&person(1), START);
        let (key, _) = sessions.touch(&name, START).unwrap();
        assert_eq!(sessions.offer_secret(&key, "one".to_owned()).as_deref().map(String::as_str), Some("one"));
        assert_eq!(sessions.offer_secret(&key, "two".to_owned()).as_deref().map(String::as_str), Some("one"));
        let (_, session) = sessions.touch(&name, START).unwrap();
        assert!(!format!("{session:?}").contains("one"));
        let after = Person { totp_secret: Some("one".to_owned()), ..person(1) };
        sessions.expect(&key, &after);
        let (_, session) = sessions.touch(&name, START).unwrap();
        assert!(session.still_fits(&person(1)) && session.still_fits(&after));
    }
}
