//! The way to a mail server: SMTP (RFC 5321), over TLS unless the settings say
//! otherwise. Connections are kept and used again.

use crate::carrier::{Carried, Carrier, Mail, NotCarried};
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::fmt;
use std::time::Duration;

/// The code of an address that no server was asked about.
const NO_ADDRESS: u16 = 553;
/// Final answers that are about us and not about the mail: commands that are
/// not known, a host that takes no mail, sign-in (RFC 5321, 4954, 7504).
const ABOUT_US: [u16; 9] = [500, 502, 503, 504, 521, 530, 534, 535, 538];

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// `STARTTLS` before anything is said; without it nothing is.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a server on the same machine.
    None,
}

/// Where the mail server is, and who we are to it.
#[derive(Clone)]
pub struct SmtpOptions {
    /// Its host.
    pub host: String,
    /// Its port; none for the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
    /// User and password, where it wants them.
    pub credentials: Option<(String, String)>,
    /// The address that mails come from.
    pub from: String,
    /// Longest wait for it.
    pub timeout: Duration,
}

impl fmt::Debug for SmtpOptions {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "SmtpOptions({}, {:?})", self.host, self.tls)
    }
}

/// Why settings lead to no mail server.
#[derive(Debug, thiserror::Error)]
pub enum SmtpUnusable {
    /// The sender's address.
    #[error("mail.from is no address: {0}")]
    From(#[from] AddressError),
    /// Host or TLS.
    #[error("mail: {0}")]
    Server(#[from] SmtpError),
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Smtp(..)")
    }
}

impl Smtp {
    /// A server by its settings; nothing is connected yet. Needs a running
    /// tokio runtime, in which connections are looked after.
    ///
    /// # Errors
    /// When they name no server or no sender.
    pub fn try_new(options: SmtpOptions) -> Result<Self, SmtpUnusable> {
        let from: Address = options.from.parse()?;
        let mut builder = match options.tls {
            Tls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&options.host)?,
            Tls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&options.host)?,
            Tls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host),
        };
        if let Some(port) = options.port {
            builder = builder.port(port);
        }
        if let Some((user, password)) = options.credentials {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self { transport: builder.timeout(Some(options.timeout)).build(), from })
    }

    fn message(&self, mail: &Mail) -> Result<Message, NotCarried> {
        let never = |_| NotCarried::Never(NO_ADDRESS);
        let to: Address = mail.to.parse().map_err(never)?;
        let by_machine =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        Message::builder()
            .from(Mailbox::new(Some(one_line(&mail.from_name)), self.from.clone()))
            .to(Mailbox::new(mail.to_name.as_deref().map(one_line), to))
            .subject(one_line(&mail.subject))
            .message_id(Some(format!("<{}@{}>", mail.message_id, self.from.domain())))
            .raw_header(by_machine)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| NotCarried::Never(NO_ADDRESS))
    }
}

/// A header is one line, whatever somebody called themselves.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn judged(error: &SmtpError) -> NotCarried {
    let code = error.status().map(u16::from);
    match code {
        Some(code) if error.is_transient() => NotCarried::Later(code),
        Some(code) if error.is_permanent() && !ABOUT_US.contains(&code) => NotCarried::Never(code),
        Some(_) | None => NotCarried::Server,
    }
}

impl Carrier for Smtp {
    fn carry<'a>(&'a self, mail: &'a Mail) -> Carried<'a> {
        Box::pin(async move {
            let message = self.message(mail)?;
            self.transport.send(message).await.map(drop).map_err(|error| judged(&error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::id::MerchantId;

    fn smtp() -> Smtp {
        let options = SmtpOptions {
            host: "127.0.0.1".to_owned(),
            port: Some(1),
            tls: Tls::None,
            credentials: None,
            from: "refunds@shop.example".to_owned(),
            timeout: Duration::from_secs(1),
        };
        Smtp::try_new(options).unwrap()
    }

    fn mail(to: &str, name: &str) -> Mail {
        Mail {
            merchant: MerchantId(1),
            from_name: name.to_owned(),
            to: to.to_owned(),
            to_name: Some(name.to_owned()),
            subject: format!("From {name}"),
            text: "text".to_owned(),
            html: "<p>text</p>".to_owned(),
            message_id: "a1b2".to_owned(),
        }
    }

    #[tokio::test]
    async fn no_text_becomes_a_header_of_its_own() {
        let sly = mail("ida@example.org", "Ida\r\nBcc: all@example.org\r\n\r\nhello");
        let sent = String::from_utf8(smtp().message(&sly).unwrap().formatted()).unwrap();
        assert!(!sent.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{sent}");
        assert!(sent.contains("Message-ID: <a1b2@shop.example>") && sent.contains("multipart/alternative"), "{sent}");
    }

    #[tokio::test]
    async fn what_is_no_address_goes_nowhere() {
        for address in ["", "ida", "ida@", "a@b@c", "ida@example.org\r\nRCPT TO:<all@example.org>", "<ida@example.org>"]
        {
            assert_eq!(smtp().message(&mail(address, "Ida")).unwrap_err(), NotCarried::Never(NO_ADDRESS), "{address}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_not_the_mails_fault() {
        assert_eq!(smtp().carry(&mail("ida@example.org", "Ida")).await, Err(NotCarried::Server));
    }
}
