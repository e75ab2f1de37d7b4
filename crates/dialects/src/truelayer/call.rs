//! The one way that every POST and DELETE goes: bearer, scope, key and
//! signature, idempotency record, and then what the handler prepared
//! (contract 3.8, order of checks).
//!
//! Round trips: opening a call looks only into memory; running it is one
//! envelope.

use super::App;
use super::auth::{self, Caller, Scope};
use super::errors::{self, Fault};
use super::idempotency::{self, Named};
use super::signing;
use crate::answer;
use crate::json::{Json, JsonFault};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use refundry_domain::command::Command;
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome, Work};
use std::sync::Arc;

/// A request as it came: the raw body is kept before any parsing, because it
/// is signed.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Method.
    pub(super) method: Method,
    /// Path and query, as sent.
    pub(super) uri: Uri,
    /// Headers.
    pub(super) headers: HeaderMap,
    /// Body bytes.
    pub(super) body: Bytes,
}

impl FromRequest<Arc<App>> for Incoming {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &Arc<App>) -> Result<Self, Fault> {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let unread = |_| Fault::invalid_parameters("The body could not be read or is too large.");
        let body = Bytes::from_request(request, state).await.map_err(unread)?;
        Ok(Self { method, uri, headers, body })
    }
}

impl Incoming {
    /// The body, without its nulls; an empty one is an empty object.
    ///
    /// # Errors
    /// 400 when it is no JSON that we take.
    pub(super) fn json(&self) -> Result<Json, Fault> {
        idempotency::read(&self.body).map_err(|fault| Fault::of_json(&fault))
    }
}

/// Whether a call must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// It moves money: signature and idempotency key are needed.
    Required,
    /// Verified when a signature came; with the setting
    /// `truelayer.signature_required_on = "all"` it must come.
    WhenPresent,
    /// Only the signature is looked at, and no header has to be signed.
    Probe,
}

/// A call whose sender is known and whose signature is good.
#[derive(Debug)]
pub(super) struct Call {
    /// Who asks.
    pub(super) caller: Caller,
    /// The idempotency key as sent, where one came.
    pub(super) key: Option<Arc<str>>,
    /// The same as the engine's record.
    pub(super) once: Option<Once>,
    json: Result<Json, JsonFault>,
}

/// A trace id that an answer has of its own.
#[derive(Debug, Clone)]
pub(super) struct Traced(pub(super) String);

impl Call {
    /// Checks bearer, scope, key and signature, in this order.
    ///
    /// # Errors
    /// 401, 403, or 400 for a malformed key.
    pub(super) fn open(app: &App, incoming: &Incoming, signed: Signed, scope: Scope<'_>) -> Result<Self, Fault> {
        let caller = auth::caller(app, &incoming.headers, scope)?;
        signing::check(app, &caller, incoming, signed)?;
        let key = match signed {
            Signed::Required | Signed::WhenPresent => idempotency::key(&incoming.headers)?,
            Signed::Probe => None,
        };
        let json = idempotency::read(&incoming.body);
        let canonical = json.as_ref().map_err(|_| &*incoming.body);
        let once = key.map(|key| {
            let named = Named { method: &incoming.method, path: incoming.uri.path(), key };
            idempotency::once(&caller, named, canonical, app.config.idempotency_ttl)
        });
        let key = key.map(Arc::from);
        Ok(Self { caller, key, once, json })
    }

    /// The body, without its nulls; an empty one is an empty object.
    ///
    /// # Errors
    /// 400 when it is no JSON that we take.
    pub(super) fn json(&self) -> Result<&Json, Fault> {
        self.json.as_ref().map_err(Fault::of_json)
    }

    /// Executes a prepared command under the call's key, or answers with the
    /// fault that stood in its way. A repeated key is answered with what its
    /// first request led to, whatever was prepared now. `refused` prints a
    /// refusal of the core.
    ///
    /// # Errors
    /// The fault: kept under the key when its status is 400 or 404.
    pub(super) async fn run(
        &self,
        app: &App,
        prepared: Result<Command, Fault>,
        refused: impl FnOnce(Refusal) -> Fault,
    ) -> Result<Answer, Fault> {
        self.run_work(app, prepared.map(|command| Work::Command(Box::new(command))), refused).await
    }

    /// The same for any work.
    ///
    /// # Errors
    /// As [`Call::run`].
    pub(super) async fn run_work(
        &self,
        app: &App,
        prepared: Result<Work, Fault>,
        refused: impl FnOnce(Refusal) -> Fault,
    ) -> Result<Answer, Fault> {
        match prepared {
            Ok(work) => self.execute(app, work).await?.map_err(|refusal| self.kept_fault(refused(refusal))),
            Err(fault) => self.keep(app, fault).await,
        }
    }

    /// Answers with a fault, or, under a key, with what the key's first
    /// request was answered; a new key keeps the fault.
    ///
    /// # Errors
    /// The fault, unless the key is known.
    pub(super) async fn keep(&self, app: &App, fault: Fault) -> Result<Answer, Fault> {
        let fault = self.kept_fault(fault);
        if self.once.is_none() || !idempotency::is_kept(fault.status()) {
            return Err(fault);
        }
        let body = fault.body(&app.config, fault.trace(""));
        let work = Work::Keep { status: fault.status(), body };
        self.execute(app, work).await?.map_err(|_| Fault::internal())
    }

    /// Answers with a success that nothing but its bytes was made of, and
    /// keeps it under the key.
    ///
    /// # Errors
    /// Another request came with the key, or the engine is not available.
    pub(super) async fn keep_answer(&self, app: &App, status: u16, body: Vec<u8>) -> Result<Response, Fault> {
        if self.once.is_none() {
            return Ok(self.answered_with(status, body));
        }
        let answer = self.execute(app, Work::Keep { status, body }).await?.map_err(|_| Fault::internal())?;
        self.answered(answer)
    }

    /// The HTTP answer of what was kept as bytes.
    ///
    /// # Errors
    /// 500 when the answer holds something else, which its handler prints.
    pub(super) fn answered(&self, answer: Answer) -> Result<Response, Fault> {
        if let Answer::Kept { status, body } = answer {
            return Ok(self.answered_with(status, body));
        }
        Err(Fault::internal())
    }

    /// The HTTP answer of these bytes; none for an empty body.
    pub(super) fn answered_with(&self, status: u16, body: Vec<u8>) -> Response {
        let mut response = if body.is_empty() {
            answer::empty(status)
        } else {
            answer::bytes(status, errors::media_type(status), body)
        };
        if let (Some(once), 400..) = (&self.once, status) {
            response.extensions_mut().insert(Traced(idempotency::trace(once)));
        }
        response
    }

    async fn execute(&self, app: &App, work: Work) -> Result<Result<Answer, Refusal>, Fault> {
        let envelope = Envelope { merchant: self.caller.merchant, actor: self.caller.actor(), once: self.once, work };
        let done = app.host.engine.execute_within(envelope, app.config.lock_timeout).await;
        let Outcome { result, replayed: _, payer: _ } = done.map_err(Fault::of_unavailable)?;
        match result {
            Err(Refusal::KeyReused) => Err(Fault::key_reuse()),
            result => Ok(result),
        }
    }

    /// A fault that is kept has a trace id of its own, so that a repetition
    /// gets the same bytes.
    fn kept_fault(&self, fault: Fault) -> Fault {
        match &self.once {
            Some(once) if idempotency::is_kept(fault.status()) => fault.traced(&idempotency::trace(once)),
            Some(_) | None => fault,
        }
    }
}
