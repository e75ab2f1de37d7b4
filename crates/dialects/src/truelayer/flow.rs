//! Placeholder: the routes of `flow`.

use super::App;
use axum::Router;
use std::sync::Arc;

pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    router
}
