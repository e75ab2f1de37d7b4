//! Who asks: a client with an access token, or the payer's page with a
//! resource token for one payment (contract 2.1). All of it is looked up in
//! memory.

use super::errors::Fault;
use super::{App, DIALECT};
use crate::token::Claims;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId};
use refundry_domain::payment::Origin;
use refundry_domain::time::{Span, Timestamp};
use std::sync::Arc;

/// What resource tokens open; an access token never does, and the reverse.
const RESOURCE: &str = "truelayer_resource";

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// Payments and refunds: `payments` or `paydirect`.
    Payments,
    /// One payment, by the id in the path: `payments`, `paydirect`, or the
    /// resource token of that payment.
    OnePayment(&'a str),
    /// Payouts and merchant accounts: `payments`, `paydirect` or `payouts`.
    Payouts,
    /// Any good access token.
    Any,
}

/// A client that may act.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Whose money.
    pub(super) merchant: MerchantId,
    /// The client: all its objects, and nobody else's.
    pub(super) client: Arc<str>,
    /// Public id of the credential.
    pub(super) credential: Arc<str>,
}

impl Caller {
    /// Who shows in events.
    pub(super) fn actor(&self) -> Actor {
        Actor::Credential(Arc::clone(&self.credential))
    }

    /// The origin of what it makes.
    pub(super) fn origin(&self, app: &App) -> Origin {
        Origin { dialect: Arc::clone(&app.dialect), group: Arc::clone(&self.client) }
    }

    /// Whether an object of its merchant is its own or was made through
    /// another door; other clients' objects are unknown to it.
    pub(super) fn sees(&self, origin: &Origin) -> bool {
        *origin.dialect != *DIALECT || origin.group == self.client
    }
}

/// The caller behind the token of a request.
///
/// # Errors
/// 401 without a good token, 403 when it does not open this, 429 when it comes
/// too often.
pub(super) fn caller(app: &App, headers: &HeaderMap, scope: Scope<'_>) -> Result<Caller, Fault> {
    let token = bearer(headers).ok_or_else(Fault::unauthenticated)?;
    let now = app.host.engine.now();
    let claims = app.host.tokens.check(token, now).ok_or_else(Fault::unauthenticated)?;
    let resource = match &*claims.dialect {
        DIALECT => None,
        RESOURCE => Some(PaymentId::parse(&claims.group).map_err(|_| Fault::unauthenticated())?),
        _ => return Err(Fault::unauthenticated()),
    };
    let directory = app.host.engine.directory();
    let credential = directory.credential(DIALECT, &claims.credential, now).ok_or_else(Fault::unauthenticated)?;
    let opened = match resource {
        Some(resource) => opens_one(resource, scope),
        None => opens(&claims.group, scope),
    };
    if !opened {
        return Err(Fault::forbidden());
    }
    app.limiter.take(&credential.id, now).map_err(|_| Fault::rate_limit())?;
    Ok(Caller {
        merchant: credential.merchant,
        client: Arc::from(&*credential.group),
        credential: Arc::from(&*credential.id),
    })
}

/// The token that opens one payment, made at `at`, for its payer's page: the
/// same text whenever the answer to the payment's creation is repeated.
pub(super) fn resource_token(app: &App, caller: &Caller, payment: PaymentId, at: Timestamp) -> String {
    app.host.tokens.issue(&Claims {
        dialect: RESOURCE.to_owned(),
        credential: caller.credential.to_string(),
        group: payment.to_string(),
        expires_at: at.plus(app.config.resource_token_ttl),
    })
}

/// An access token of a client with these scopes, separated by spaces.
pub(super) fn access_token(app: &App, credential: &str, scopes: &str, lifetime: Span) -> String {
    app.host.tokens.issue(&Claims {
        dialect: DIALECT.to_owned(),
        credential: credential.to_owned(),
        group: scopes.to_owned(),
        expires_at: app.host.engine.now().plus(lifetime),
    })
}

/// The text after `Bearer`; none when it is missing or given twice.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

fn opens(scopes: &str, scope: Scope<'_>) -> bool {
    let has = |wanted: &str| scopes.split(' ').any(|scope| scope == wanted);
    match scope {
        Scope::Any => true,
        Scope::Payments | Scope::OnePayment(_) => has("payments") || has("paydirect"),
        Scope::Payouts => has("payments") || has("paydirect") || has("payouts"),
    }
}

fn opens_one(resource: PaymentId, scope: Scope<'_>) -> bool {
    match scope {
        Scope::OnePayment(id) => PaymentId::parse(id) == Ok(resource),
        Scope::Payments | Scope::Payouts | Scope::Any => false,
    }
}
