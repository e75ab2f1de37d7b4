//! Outgoing letters to customers: which are due, their way to a mail server,
//! and what the sandbox shows of them. What a letter says comes from whoever
//! made its link; how it looks is written elsewhere.
//!
//! Nothing of a letter is stored here. Which letters are due follows from the
//! refunds that wait for details and from what is written down with them; a
//! process that is started anew asks for all of them. A letter is written down
//! as sent after the mail server took it: a crash in between sends it again,
//! with the same link and the same message id.

mod carrier;
mod office;
mod outbox;
mod smtp;

pub use carrier::{Carried, Carrier, Mail, NotCarried};
pub use office::{Parts, PostOffice, Trouble, Write, Written};
pub use outbox::{KeptMail, Outbox};
pub use smtp::{Smtp, SmtpOptions, SmtpUnusable, Tls};
