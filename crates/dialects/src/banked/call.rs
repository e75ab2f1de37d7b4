//! A call that makes something: who asks, under which key, with which body; and
//! that it happens once.

use super::App;
use super::auth::{self, Caller};
use super::errors::{Fault, Kind, Shape};
use super::idempotency::{self, Content};
use super::paths;
use crate::json::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use refundry_domain::command::Command;
use refundry_domain::refusal::Refusal;
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome};
use std::convert::Infallible;

/// A POST as it came.
#[derive(Debug)]
pub(crate) struct Post {
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
}

impl<S: Send + Sync> FromRequest<S> for Post {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        Ok(Self { uri, headers, body: Bytes::from_request(request, state).await })
    }
}

/// The same, looked into: the caller may ask, and the key is one.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The key, where one came.
    pub(crate) key: Option<String>,
    content: Content,
    once: Option<Once>,
    shape: Shape,
}

impl Call {
    /// Looks into a POST whose errors have this shape.
    ///
    /// # Errors
    /// Wrong credentials, a key that is none or that is required and missing, or
    /// a body that cannot be read: these are not kept under the key.
    pub(crate) fn open(app: &App, post: Post, shape: Shape, key_required: bool) -> Result<Self, Fault> {
        let caller = auth::caller(app, &post.headers)?;
        let key = idempotency::key(&post.headers)?;
        if key.is_none() && key_required {
            return Err(idempotency::missing_key());
        }
        let body = paths::body(post.body)?;
        let content = Content::read(&body);
        let once = key.map(|key| idempotency::once(app, &caller, &Method::POST, post.uri.path(), key, &content));
        Ok(Self { caller, key: key.map(str::to_owned), content, once, shape })
    }

    /// The body.
    ///
    /// # Errors
    /// It is no JSON that we take.
    pub(crate) fn json(&self) -> Result<&Json, Fault> {
        self.content.json.as_ref().map_err(Fault::of_json)
    }

    /// Answers with an error; a key keeps it.
    pub(crate) async fn refuse(&self, app: &App, fault: &Fault) -> Response {
        idempotency::keep(app, &self.caller, self.once, fault, self.shape).await
    }

    /// Has it done, once.
    ///
    /// # Errors
    /// It is not decided now.
    pub(crate) async fn execute(&self, app: &App, command: Command) -> Result<Result<Answer, Refusal>, Fault> {
        let envelope = Envelope::command(self.caller.merchant, self.caller.actor(), command).once(self.once);
        let Outcome { result, .. } = app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)?;
        Ok(result)
    }
}

/// The answer that was kept under a key.
///
/// # Errors
/// Nothing was kept: a fault of ours.
pub(crate) fn replayed(answer: Answer) -> Result<Response, Fault> {
    let unexpected = || Fault::new(Kind::Internal, "Something went wrong on our side");
    Ok(idempotency::kept(answer).ok_or_else(unexpected)?.respond())
}
