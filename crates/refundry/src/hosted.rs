//! Pages behind links, and the letters that bring the links: what the dialects
//! know of them, how they look, and the way to the mail server.

use crate::config::{Config, Mail, MailTls};
use anyhow::{Context, bail};
use refundry_console::{Hosted, HostedParts, Letters, letter};
use refundry_dialects::host::Dialect;
use refundry_engine::engine::Engine;
use refundry_engine::hosted::HostedPages;
use refundry_mails::{Carrier, Outbox, Parts, PostOffice, Smtp, SmtpOptions, Tls, Written};
use std::sync::Arc;
use std::time::Duration;

/// Everything behind links.
pub(crate) struct Links {
    /// The pages.
    pub(crate) pages: Arc<Hosted>,
    /// What the pages ask.
    pub(crate) asked: Vec<Arc<dyn HostedPages>>,
    /// Sends letters; none where there is no way to send any.
    pub(crate) office: Option<Arc<PostOffice>>,
    /// What went, for showing in the sandbox.
    pub(crate) outbox: Arc<Outbox>,
}

impl Links {
    /// Whoever sends letters, as the console sees them.
    pub(crate) fn letters(&self) -> Letters {
        let Some(office) = self.office.clone() else { return Letters::default() };
        let told = Arc::clone(&office);
        Letters {
            trouble: Arc::new(move |merchant, refund| Some(office.trouble(merchant, refund)?.why.to_string())),
            renewed: Arc::new(move |merchant, refund| told.look_at(merchant, refund)),
        }
    }
}

/// Puts it together.
pub(crate) fn open(config: &Config, engine: &Arc<Engine>, dialects: &[Arc<dyn Dialect>]) -> anyhow::Result<Links> {
    let asked: Vec<Arc<dyn HostedPages>> = dialects.iter().filter_map(|dialect| dialect.hosted_pages()).collect();
    let parts = HostedParts {
        engine: Arc::clone(engine),
        public_origin: config.public_origin.clone(),
        pages: asked.clone(),
        checkouts: dialects.iter().filter_map(|dialect| dialect.checkout_pages()).collect(),
    };
    let smtp = server(&config.mail)?;
    let outbox = Arc::new(Outbox::new(Arc::clone(engine.clock()), smtp.clone()));
    // Only the sandbox keeps copies for showing.
    let carrier = if config.sandbox { Some(Arc::clone(&outbox) as Arc<dyn Carrier>) } else { smtp };
    if carrier.is_none() {
        tracing::warn!("mail.smtp_host is not set: customers get no letters, merchants must pass links on");
    }
    let office = carrier.map(|carrier| {
        let directory = Arc::clone(engine);
        let write = Arc::new(move |asked: &refundry_engine::hosted::Letter| {
            let brand = directory.directory().brands.get(&asked.merchant).map(Arc::clone);
            let words = letter::write(asked, brand.as_deref());
            Written { from_name: words.from_name, subject: words.subject, text: words.text, html: words.html }
        });
        PostOffice::new(Parts { engine: Arc::clone(engine), pages: asked.clone(), write, carrier })
    });
    Ok(Links { pages: Hosted::new(parts), asked, office, outbox })
}

/// The mail server, where one is named.
pub(crate) fn server(mail: &Mail) -> anyhow::Result<Option<Arc<dyn Carrier>>> {
    let Some(host) = mail.smtp_host.clone() else { return Ok(None) };
    let credentials = match (&mail.username, &mail.password_file) {
        (Some(user), Some(file)) => {
            let password =
                std::fs::read_to_string(file).with_context(|| format!("{} does not read", file.display()))?;
            Some((user.clone(), password.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => bail!("mail.username and mail.password_file go together"),
    };
    let options = SmtpOptions {
        host,
        port: mail.smtp_port,
        tls: match mail.tls {
            MailTls::Starttls => Tls::Starttls,
            MailTls::Implicit => Tls::Implicit,
            MailTls::None => Tls::None,
        },
        credentials,
        from: mail.from.clone(),
        timeout: Duration::from_secs(mail.timeout.clamp(1, 300)),
    };
    Ok(Some(Arc::new(Smtp::try_new(options)?)))
}
