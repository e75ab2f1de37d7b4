//! The load generator: HTTP/1.1 by hand over kept-alive connections, a closed
//! model (N connections, each waits for its answer) and an open one (a fixed
//! rate, latency counted from the intended start).

pub(crate) mod closed;
pub(crate) mod connection;
pub(crate) mod open;
pub(crate) mod samples;

use std::sync::Arc;

/// Writes the `n`th request of a connection into the buffer, which is empty.
pub(crate) type MakeRequest = Arc<dyn Fn(usize, u64, &mut Vec<u8>) + Send + Sync>;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;

    use super::*;

    /// A server that takes the first calls and refuses the rest.
    async fn server(taken: u64) -> SocketAddr {
        let count = Arc::new(AtomicU64::new(0));
        let answer = move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move { if number < taken { (StatusCode::CREATED, "{}") } else { (StatusCode::CONFLICT, "full") } }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/x", post(answer))).await });
        address
    }

    fn calls(address: SocketAddr) -> MakeRequest {
        Arc::new(move |_, _, to| {
            let request = connection::Request { method: "POST", path: "/x", body: Some("{}"), ..Default::default() };
            request.write(address, to);
        })
    }

    #[tokio::test]
    async fn the_closed_model_sends_what_was_asked() {
        let address = server(30).await;
        let plan = closed::Plan { address, connections: 4, bound: closed::Bound::Count(40) };
        let outcome = closed::run(plan, calls(address)).await.unwrap();
        assert_eq!((outcome.count, outcome.refused_count, outcome.latencies.len()), (30, 10, 30));
        assert_eq!(outcome.first_refused.as_deref(), Some("409 full"));
        assert!(outcome.clean().is_err());
    }

    #[tokio::test]
    async fn the_open_model_sends_at_its_rate() {
        let address = server(u64::MAX).await;
        let (warm_up, measured) = (Duration::from_millis(10), Duration::from_millis(40));
        let plan = open::Plan { address, rate: 1_000, connections: 4, warm_up, measured };
        let outcome = open::run(plan, calls(address)).await.unwrap();
        assert_eq!((outcome.count, outcome.refused_count), (40, 0));
    }
}
