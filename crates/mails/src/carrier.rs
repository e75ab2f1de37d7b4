//! Port Carrier: whoever takes a mail on.

use refundry_domain::id::MerchantId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A mail, ready to go.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whose customer gets it.
    pub merchant: MerchantId,
    /// The name that it comes from.
    pub from_name: String,
    /// The address.
    pub to: String,
    /// The name that belongs to the address, where it is known.
    pub to_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The text, for whoever reads no HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// What names it among all mails; the same when it is sent again.
    pub message_id: String,
}

impl fmt::Debug for Mail {
    /// Without names, addresses and links.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Mail({})", self.message_id)
    }
}

/// Why a mail was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCarried {
    /// No server took anything: none is there, or it refuses us. Others would
    /// fare no better now.
    #[error("the mail server cannot be reached or does not let us in")]
    Server,
    /// This mail was not taken now, perhaps later.
    #[error("the mail server puts this mail off (code {0})")]
    Later(u16),
    /// This mail will never be taken: the address is none, or refused.
    #[error("the address is not taken (code {0})")]
    Never(u16),
}

/// What became of a mail, later.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Result<(), NotCarried>> + Send + 'a>>;

/// Takes mails on; when it says that it did, the mail is its business.
pub trait Carrier: Send + Sync {
    /// Takes one on.
    fn carry<'a>(&'a self, mail: &'a Mail) -> Carried<'a>;
}
