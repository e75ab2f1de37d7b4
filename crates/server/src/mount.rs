//! Puts the routes of all dialects on one origin, and knows whose shape an
//! unknown path or a refused request is answered in.
//!
//! The table of owners is built once and only read afterwards.

use crate::fault::Fault;
use crate::problem::Problem;
use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::Response;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request};
use refundry_dialects::host::Dialect;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// How a dialect prints the faults that the server finds.
pub trait Shape: Send + Sync {
    /// The answer, or none for the native shape. The edge adds the request
    /// id's header and, to 503, `Retry-After`.
    fn print(&self, fault: Fault, path: &str, request_id: &str) -> Option<Response>;
}

/// Shapes by the name of their dialect; one that is not here is answered in
/// the native shape, unknown paths apart, which every dialect prints itself.
pub type Shapes = HashMap<&'static str, Arc<dyn Shape>>;

/// The routes of one listener and the owners of its paths.
pub struct Mounted {
    router: Router,
    dialects: Vec<Arc<dyn Dialect>>,
    shapes: Shapes,
    /// Prefix and place in `dialects`, the longest prefix first.
    owners: Vec<(String, usize)>,
}

impl std::fmt::Debug for Mounted {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Mounted").field("owners", &self.owners).finish_non_exhaustive()
    }
}

impl Mounted {
    /// All dialects on one origin, beside routes of the server's own.
    #[must_use]
    pub fn shared(dialects: Vec<Arc<dyn Dialect>>, own: Vec<Router>, shapes: Shapes) -> Self {
        let prefixes = |(place, dialect): (usize, &Arc<dyn Dialect>)| -> Vec<_> {
            match dialect.mount_prefix() {
                Some(prefix) => vec![(prefix.to_owned(), place)],
                None => dialect.prefixes().iter().map(|prefix| ((*prefix).to_owned(), place)).collect(),
            }
        };
        let owners = dialects.iter().enumerate().flat_map(prefixes).collect();
        Self::build(dialects, own, shapes, owners)
    }

    /// One dialect on a listener of its own, where every path is its own.
    #[must_use]
    pub fn alone(dialect: Arc<dyn Dialect>, own: Vec<Router>, shapes: Shapes) -> Self {
        Self::build(vec![dialect], own, shapes, vec![(String::new(), 0)])
    }

    fn build(
        dialects: Vec<Arc<dyn Dialect>>,
        own: Vec<Router>,
        shapes: Shapes,
        mut owners: Vec<(String, usize)>,
    ) -> Self {
        owners.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let routers = dialects.iter().map(|dialect| dialect.router()).chain(own);
        let mut router = routers.fold(Router::new(), Router::merge);
        if router.has_routes() {
            router = router.route_layer(NoteRoute);
        }
        let router = router
            .method_not_allowed_fallback(async || Marked(Fault::MethodUnknown))
            .fallback(async || Marked(Fault::PathUnknown));
        Self { router, dialects, shapes, owners }
    }

    /// The routes. Their answers may be marked with a [`Fault`] that is still
    /// to be printed by [`Mounted::refuse`].
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The answer to a request with this fault, in the shape of its path's owner.
    #[must_use]
    pub fn refuse(&self, method: &Method, path: &str, fault: Fault, request_id: &HeaderValue) -> Response {
        let id = request_id.to_str().unwrap_or_default();
        // Who owns what nobody else does prints problem details, as we do.
        if let Some(dialect) = self.owner(path).filter(|dialect| !dialect.prefixes().contains(&"")) {
            if let Some(printed) = self.shapes.get(dialect.name()).and_then(|shape| shape.print(fault, path, id)) {
                return printed;
            }
            if fault == Fault::PathUnknown {
                return dialect.named(dialect.not_found(method, path), id);
            }
            if let Some(printed) = dialect.refuse(fault.status().as_u16(), fault.detail(), path) {
                return dialect.named(printed, id);
            }
        }
        Problem::from(fault).print(id, path)
    }

    fn owner(&self, path: &str) -> Option<&Arc<dyn Dialect>> {
        let (_, place) = self.owners.iter().find(|(prefix, _)| is_below(path, prefix))?;
        self.dialects.get(*place)
    }
}

/// True when a path is a prefix or continues it at a slash.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An answer that only says which fault it is; the edge prints it.
struct Marked(Fault);

impl axum::response::IntoResponse for Marked {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// Carries over what the router said beside the fault: the methods that the
/// path takes, and the route.
pub(crate) fn keep_marks(marked: &Response, printed: &mut Response) {
    if let Some(allow) = marked.headers().get(ALLOW) {
        printed.headers_mut().insert(ALLOW, allow.clone());
    }
    if let Some(route) = marked.extensions().get::<MatchedRoute>() {
        printed.extensions_mut().insert(route.clone());
    }
}

/// The pattern of the route that answered, for the log and the metrics.
#[derive(Debug, Clone)]
pub struct MatchedRoute(MatchedPath);

impl MatchedRoute {
    /// The pattern, such as `/v1/refunds/{id}`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Writes the matched route on the answer, because only the router knows it.
#[derive(Clone)]
struct NoteRoute;

#[derive(Clone)]
struct NotingRoute<S>(S);

impl<S> Layer<S> for NoteRoute {
    type Service = NotingRoute<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NotingRoute(inner)
    }
}

impl<S> Service<Request<Body>> for NotingRoute<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if let Some(route) = route {
                response.extensions_mut().insert(MatchedRoute(route));
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn prefixes_end_at_slashes() {
        for (path, prefix, below) in [
            ("/v3/refunds", "/v3/refunds", true),
            ("/v3/refunds/1", "/v3/refunds", true),
            ("/v3/refundsx", "/v3/refunds", false),
            ("/v3", "/v3/refunds", false),
            ("/anything", "", true),
            ("/oauth/x", "/oauth/", true),
        ] {
            assert_eq!(is_below(path, prefix), below, "{path} {prefix}");
        }
    }
}
