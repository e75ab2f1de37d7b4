//! Who asks for a page, and what they may see.

use crate::app::Console;
use crate::form::{Form, TOKEN_FIELD, same_secret};
use crate::page::{Frame, VisitorView, isolated};
use crate::session::{Session, SessionKey};
use crate::stop::{Stop, Unsigned};
use http::HeaderMap;
use refundry_domain::id::PersonId;
use refundry_engine::registry::{Directory, Person, Role};
use std::sync::Arc;

/// The cookie that holds a session's name.
pub(crate) const SESSION_COOKIE: &str = "refundry_session";

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// Their session.
    pub(crate) key: SessionKey,
    /// The same.
    pub(crate) session: Session,
    /// Who they are now, whatever they were when they signed in.
    pub(crate) person: Person,
    /// The registry that says so.
    pub(crate) directory: Arc<Directory>,
}

/// Whoever decides about refunds or about people needs a second factor before
/// anything else.
pub(crate) fn must_set_up(person: &Person) -> bool {
    person.totp_secret.is_none() && (person.is(Role::Approver) || person.is(Role::Admin))
}

/// May look at refunds of the merchant, masked.
fn may_look(person: &Person) -> bool {
    let roles = [Role::Viewer, Role::Support, Role::Maker, Role::Approver, Role::Finance, Role::Admin, Role::Auditor];
    roles.into_iter().any(|role| person.is(role))
}

impl Visitor {
    /// Who asks for this page. Whoever was disabled since they signed in, or has
    /// other roles, another password or another second factor, is nobody.
    pub(crate) fn of(console: &Console, headers: &HeaderMap, path: &str) -> Result<Self, Stop> {
        let nobody = |why| Stop::SignIn { next: path.to_owned(), why };
        let name = console.site.read_cookie(headers, SESSION_COOKIE).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| nobody(Unsigned::Never))?;
        let found = console.sessions.touch(name, console.engine.now());
        let (key, session) = found.ok_or_else(|| nobody(Unsigned::Ended))?;
        let directory = console.engine.directory();
        let person = directory.people.get(&session.person).filter(|person| session.still_fits(person)).cloned();
        let Some(person) = person else {
            console.sessions.end(&key);
            return Err(nobody(Unsigned::Ended));
        };
        Ok(Self { key, session, person, directory })
    }

    /// The same, for a page about refunds.
    pub(crate) fn who_looks(console: &Console, headers: &HeaderMap, path: &str) -> Result<Self, Stop> {
        let visitor = Self::of(console, headers, path)?;
        if must_set_up(&visitor.person) {
            return Err(Stop::SetUp { next: path.to_owned() });
        }
        if may_look(&visitor.person) { Ok(visitor) } else { Err(Stop::Forbidden) }
    }

    /// Who sends a form about refunds; `path` is the page to which one comes
    /// back who has to sign in first.
    pub(crate) fn who_sends(console: &Console, headers: &HeaderMap, form: &Form, path: &str) -> Result<Self, Stop> {
        let visitor = Self::who_looks(console, headers, path).map_err(Stop::of_form)?;
        visitor.check_form(console, headers, form)?;
        Ok(visitor)
    }

    /// Refuses a form that none of their own pages sent.
    pub(crate) fn check_form(&self, console: &Console, headers: &HeaderMap, form: &Form) -> Result<(), Stop> {
        let good = same_secret(&self.session.form_token, form.raw(TOKEN_FIELD)) && console.site.sent_by_us(headers);
        if good { Ok(()) } else { Err(Stop::Foreign) }
    }

    /// The frame of their page; takes the notice that was left for it.
    pub(crate) fn frame(&self, console: &Console, title: &str, current: &str) -> Frame {
        let roles: Vec<String> = self.person.roles.iter().map(|role| role.code().replace('_', " ")).collect();
        let view = VisitorView {
            name: name_of(&self.person),
            roles: roles.join(", "),
            form_token: self.session.form_token.clone(),
            may_set_up: self.person.totp_secret.is_none(),
        };
        Frame {
            visitor: Some(view),
            nav: Console::nav(current),
            notice: console.sessions.take_notice(&self.key),
            ..console.frame(title)
        }
    }

    /// What a person of the same merchant is called.
    pub(crate) fn name_of(&self, id: PersonId) -> String {
        self.directory.person(self.person.merchant, id).map_or_else(|| "somebody".to_owned(), name_of)
    }
}

/// A person's name, or how they sign in where they have none.
pub(crate) fn name_of(person: &Person) -> String {
    let name = if person.name.is_empty() { &person.email } else { &person.name };
    if name.is_empty() { "somebody".to_owned() } else { isolated(name) }
}
