//! Human beings: how they prove who they are, and what they may do.

use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::{MerchantId, PersonId};
use refundry_domain::time::Timestamp;
use std::fmt;

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $code:literal;)+) => {
        /// What a person is there for; a person may have several.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$doc])* $name),+ }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word of command line and API.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The stored bit; never reused.
            fn bit(self) -> u64 {
                match self { $(Self::$name => 1 << $bit),+ }
            }
        }
    };
}

roles! {
    /// Looks at masked data.
    Viewer = 0, "viewer";
    /// Looks at masked data and helps customers.
    Support = 1, "support";
    /// Makes refunds.
    Maker = 2, "maker";
    /// Decides about other people's refunds.
    Approver = 3, "approver";
    /// Looks at books and reconciles.
    Finance = 4, "finance";
    /// Looks after keys and webhooks; no money.
    Developer = 5, "developer";
    /// Looks after people, policies and fees of the merchant.
    Admin = 6, "admin";
    /// Reads everything of the merchant.
    Auditor = 7, "auditor";
    /// Runs the installation; no merchant's money.
    PlatformOperator = 8, "platform_operator";
}

impl Role {
    /// The role with this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|role| role.code() == code).copied()
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u64);

impl Roles {
    /// These roles.
    #[must_use]
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// True where the role is among them.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Each of them, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.has(*role))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_set().entries(self.iter().map(Role::code)).finish()
    }
}

/// A human being and what they may do.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Whose people.
    pub merchant: MerchantId,
    /// How they sign in, in lower case; unique in the installation. Empty for
    /// somebody who cannot sign in.
    pub email: String,
    /// What others read.
    pub name: String,
    /// What they may do while they are enabled.
    pub roles: Roles,
    /// The argon2id string of their password; none for somebody who cannot sign in.
    pub password_hash: Option<String>,
    /// The secret of their second factor in base32, where they have one.
    pub totp_secret: Option<String>,
    /// A person who is not can do nothing, and words they gave are void.
    pub enabled: bool,
    /// Creation.
    pub created_at: Timestamp,
}

impl fmt::Debug for Person {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Person({} of {}, {:?})", self.id, self.merchant, self.roles)
    }
}

impl Person {
    /// Somebody with these roles who cannot sign in yet.
    #[must_use]
    pub fn new(id: PersonId, merchant: MerchantId, roles: &[Role], created_at: Timestamp) -> Self {
        Self {
            id,
            merchant,
            email: String::new(),
            name: String::new(),
            roles: Roles::of(roles),
            password_hash: None,
            totp_secret: None,
            enabled: true,
            created_at,
        }
    }

    /// True where they have the role now.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.enabled && self.roles.has(role)
    }

    /// May decide about refunds now.
    #[must_use]
    pub fn may_approve(&self) -> bool {
        self.is(Role::Approver)
    }

    pub(super) fn put(&self, to: &mut Encoder) {
        to.id(self.id.0).id(self.merchant.0).text(&self.email).text(&self.name).number(self.roles.0);
        for secret in [&self.password_hash, &self.totp_secret] {
            to.option(secret.as_deref(), |to, text| {
                to.text(text);
            });
        }
        to.byte(u8::from(self.enabled)).signed(self.created_at.0);
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let text = |from: &mut Decoder<'_>| from.text().map(str::to_owned);
        Ok(Self {
            id: PersonId(from.id()?),
            merchant: MerchantId(from.id()?),
            email: text(from)?,
            name: text(from)?,
            roles: Roles(from.number()?),
            password_hash: from.option(text)?,
            totp_secret: from.option(text)?,
            enabled: from.flag()?,
            created_at: Timestamp(from.signed()?),
        })
    }

    /// The first form of a person: an id and whether they may approve.
    pub(super) fn take_first(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (id, merchant) = (PersonId(from.id()?), MerchantId(from.id()?));
        let roles: &[Role] = if from.flag()? { &[Role::Approver] } else { &[] };
        Ok(Self::new(id, merchant, roles, Timestamp::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_words_and_bits_of_their_own() {
        for (place, role) in Role::ALL.iter().enumerate() {
            assert_eq!(Role::from_code(role.code()), Some(*role));
            assert_eq!(role.bit(), 1 << place);
        }
        let both = Roles::of(&[Role::Approver, Role::Maker]);
        assert!(both.has(Role::Maker) && !both.has(Role::Admin));
        assert_eq!(format!("{both:?}"), r#"{"maker", "approver"}"#);
    }

    #[test]
    fn who_is_not_enabled_may_nothing() {
        let mut person = Person::new(PersonId(1), MerchantId(2), &[Role::Approver], Timestamp(3));
        assert!(person.may_approve());
        person.enabled = false;
        assert!(!person.may_approve());
    }
}
