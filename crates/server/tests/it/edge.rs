//! What a stranger meets before any dialect: limits, deadlines, shapes.

use crate::wire::{Answer, exchange, read_answer};
use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Method, StatusCode};
use refundry_dialects::host::{Dialect, Provisioned, SandboxPlan};
use refundry_engine::person_refund::PersonRefunds;
use refundry_engine::webhook::WebhookDialect;
use refundry_server::edge::Edge;
use refundry_server::fault::Fault;
use refundry_server::limits::Limits;
use refundry_server::listen::Listener;
use refundry_server::metrics::Metrics;
use refundry_server::mount::{Mounted, Shape, Shapes};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// A dialect with three routes and a shape of its own.
struct Toy {
    go: Arc<Notify>,
}

impl Dialect for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/toy"]
    }

    fn router(&self) -> Router {
        let go = Arc::clone(&self.go);
        Router::new()
            .route("/toy/echo", post(async |body: Bytes| body))
            .route("/toy/things/{id}", get(async || "a thing"))
            .route("/toy/broken", get(async || -> Response { panic!("a bug") }))
            .route(
                "/toy/slow",
                get(async move || {
                    go.notified().await;
                    "done"
                }),
            )
    }

    fn not_found(&self, _method: &Method, path: &str) -> Response {
        (StatusCode::NOT_FOUND, format!("toy knows no {path}")).into_response()
    }

    fn webhooks(&self) -> Arc<dyn WebhookDialect> {
        unreachable!("no events in these tests")
    }

    fn person_refunds(&self) -> Arc<dyn PersonRefunds> {
        unreachable!("no people in these tests")
    }

    fn sandbox_member(&self) -> &'static str {
        "toy"
    }

    fn provision(&self, _plan: &SandboxPlan<'_>) -> Provisioned {
        Provisioned::default()
    }
}

struct ToyShape;

impl Shape for ToyShape {
    fn print(&self, fault: Fault, _path: &str, request_id: &str) -> Option<Response> {
        let text = format!("toy {} {request_id}", fault.code());
        (fault != Fault::PathUnknown).then(|| (fault.status(), text).into_response())
    }
}

struct Server {
    address: SocketAddr,
    go: Arc<Notify>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let go = Arc::new(Notify::new());
        let metrics = Arc::new(Metrics::new(Vec::new()));
        let shapes = Shapes::from([("toy", Arc::new(ToyShape) as Arc<dyn Shape>)]);
        let mounted = Mounted::shared(vec![Arc::new(Toy { go: Arc::clone(&go) })], Vec::new(), shapes);
        let edge = Arc::new(Edge::new(mounted, limits, Arc::clone(&metrics)));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(listener.serve(edge, stopped));
        Self { address, go, metrics, stop, task }
    }

    async fn get(&self, path: &str) -> Answer {
        exchange(self.address, format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).await
    }

    async fn post(&self, headers: &str, body: &str) -> Answer {
        exchange(self.address, format!("POST /toy/echo HTTP/1.1\r\nhost: t\r\n{headers}\r\n{body}").as_bytes()).await
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[tokio::test]
async fn every_path_is_answered_in_its_owners_shape() {
    let server = Server::start(Limits::default()).await;
    let unknown = server.get("/toy/nothing?secret=1").await;
    assert_eq!((unknown.status, text(&unknown)), (404, "toy knows no /toy/nothing"));
    let method = server.get("/toy/echo").await;
    assert_eq!((method.status, method.header("allow")), (405, Some("POST")));
    assert!(text(&method).starts_with("toy method_not_allowed "));
    // Without the sandbox, as in live, its paths are unknown ones.
    for path in ["/elsewhere", "/toys", "/", "/sandbox/v1/clock", "/sandbox/v1/inbox/x"] {
        let native = server.get(path).await;
        let problem = native.json();
        assert_eq!((native.status, &problem["code"]), (404, &"not_found".into()), "{path}");
        assert_eq!(native.header("content-type"), Some("application/problem+json"));
        for member in ["type", "title", "status", "detail", "instance", "retryable", "request_id", "trace_id"] {
            assert!(!problem[member].is_null(), "{path} {member}");
        }
        assert_eq!(problem["request_id"].as_str(), native.header("x-request-id"));
    }
    let alike = server.get("/toy/things/1").await;
    assert_eq!(alike.header("cache-control"), Some("no-store"));
    assert_eq!(alike.header("x-content-type-options"), Some("nosniff"));
    server.end().await;
}

#[tokio::test]
async fn a_request_id_is_taken_or_made() {
    let server = Server::start(Limits::default()).await;
    let longest = "a".repeat(64);
    for given in ["abc-1", "a;b\"c", longest.as_str()] {
        let answer = server.post(&format!("x-request-id: {given}\r\ncontent-length: 0\r\n"), "").await;
        assert_eq!(answer.header("x-request-id"), Some(given));
    }
    let too_long = "a".repeat(65);
    for refused in ["", "a b", "grün", too_long.as_str()] {
        let answer = server.post(&format!("x-request-id: {refused}\r\ncontent-length: 0\r\n"), "").await;
        let made = answer.header("x-request-id").unwrap();
        assert!(made.len() == 32 && made != refused, "{refused}");
    }
    server.end().await;
}

#[tokio::test]
async fn bodies_are_bounded_in_the_owners_shape() {
    let limits = Limits { body_bytes_max: 16, body_bytes_total_max: 64, ..Limits::default() };
    let server = Server::start(limits).await;
    let fits = server.post("content-length: 16\r\n", "0123456789abcdef").await;
    assert_eq!((fits.status, text(&fits)), (200, "0123456789abcdef"));
    let chunked = server.post("transfer-encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n").await;
    assert_eq!((chunked.status, text(&chunked)), (200, "abcdef"));
    // Refused by its length alone, before a byte of it is read.
    let announced = server.post("content-length: 17\r\n", "").await;
    assert_eq!((announced.status, announced.header("connection")), (413, Some("close")));
    assert!(text(&announced).starts_with("toy body_too_large "));
    let streamed = server.post("transfer-encoding: chunked\r\n", "11\r\n0123456789abcdefg\r\n0\r\n\r\n").await;
    assert_eq!(streamed.status, 413);
    let encoded = server.post("content-encoding: gzip\r\ncontent-length: 3\r\n", "abc").await;
    assert_eq!(encoded.status, 415);
    let plain = server.post("content-encoding: identity\r\ncontent-length: 3\r\n", "abc").await;
    assert_eq!(plain.status, 200);
    server.end().await;
}

/// What went before on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Answered,
    Sent,
}

/// A request that says twice where it ends may mean another one to whoever
/// stands before us: 400, and the connection ends (F-15).
#[tokio::test]
async fn two_lengths_of_one_request_are_refused() {
    let server = Server::start(Limits::default()).await;
    let head = "POST /toy/echo HTTP/1.1\r\nhost: t\r\n";
    let fine = format!("{head}content-length: 3\r\n\r\nabc");
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    for both in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding: chunked\r\nCONTENT-LENGTH: 30\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: +3\r\n",
        "Transfer-Encoding: identity\r\n",
    ] {
        let bad = format!("{head}{both}\r\n{chunks}");
        for before in [Before::Nothing, Before::Answered, Before::Sent] {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            if before != Before::Nothing {
                stream.write_all(fine.as_bytes()).await.unwrap();
            }
            if before == Before::Answered {
                assert_eq!(read_answer(&mut stream).await.status, 200, "{both}");
            }
            let _ = stream.write_all(bad.as_bytes()).await;
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard).await;
            let heard = String::from_utf8(heard).unwrap();
            let last = heard.rfind("HTTP/1.1 ").map(|place| &heard[place..]).unwrap_or_default();
            assert!(last.starts_with("HTTP/1.1 400 "), "{both} after {before:?}: {heard:?}");
        }
    }
    // Either way of saying it is fine, also after the other on one connection.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..2 {
        for request in [fine.clone(), format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}")] {
            stream.write_all(request.as_bytes()).await.unwrap();
            assert_eq!(text(&read_answer(&mut stream).await), "abc");
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_client_that_sends_much_more_can_read_the_refusal() {
    let limits = Limits { body_bytes_max: 1024, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = vec![b'x'; 4 * 1024 * 1024];
    let head = format!("POST /toy/echo HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 413);
    server.end().await;
}

#[tokio::test]
async fn slow_headers_and_bodies_meet_their_deadlines() {
    let limits = Limits {
        header_deadline: Duration::from_millis(60),
        body_deadline: Duration::from_millis(60),
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let slow_header = exchange(server.address, b"GET /toy/things/1 HTTP/1.1\r\nho").await;
    assert_eq!(slow_header.status, 408);
    let slow_body = server.post("content-length: 10\r\n", "abc").await;
    assert_eq!((slow_body.status, slow_body.header("connection")), (408, Some("close")));
    assert!(text(&slow_body).starts_with("toy body_too_slow "));
    // An idle connection is closed without a word.
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut bytes = Vec::new();
    idle.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.is_empty());
    server.end().await;
}

#[tokio::test]
async fn too_much_work_is_refused_at_once() {
    let server = Server::start(Limits { requests_max: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /toy/slow HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    let shed = loop {
        let answer = server.get("/toy/things/1").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    assert!(text(&shed).starts_with("toy overloaded "));
    server.go.notify_one();
    assert_eq!(read_answer(&mut first).await.status, 200);
    assert_eq!(server.get("/toy/things/1").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn a_bug_ends_one_request_only() {
    let server = Server::start(Limits::default()).await;
    let broken = server.get("/toy/broken").await;
    assert_eq!(broken.status, 500);
    assert!(text(&broken).starts_with("toy internal "));
    assert!(!text(&broken).contains("a bug"));
    assert_eq!(server.get("/toy/things/1").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn stopping_finishes_what_was_begun_and_takes_nothing_new() {
    let server = Server::start(Limits::default()).await;
    let mut begun = TcpStream::connect(server.address).await.unwrap();
    begun.write_all(b"GET /toy/slow HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    // The answer to another request shows that the first was accepted before.
    server.get("/toy/things/1").await;
    server.stop.send_replace(true);
    server.go.notify_one();
    let answer = read_answer(&mut begun).await;
    assert_eq!((answer.status, text(&answer)), (200, "done"));
    let address = server.address;
    server.task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stopping_cuts_off_what_takes_too_long() {
    let limits = Limits { stop_deadline: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(b"GET /toy/slow HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    server.get("/toy/things/1").await;
    server.end().await;
    let mut bytes = Vec::new();
    let _ = stuck.read_to_end(&mut bytes).await;
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn requests_are_counted_by_route_and_class() {
    let server = Server::start(Limits::default()).await;
    server.get("/toy/things/1").await;
    server.get("/toy/things/2?account=12345678").await;
    server.get("/nowhere/12345678").await;
    let page = axum::body::to_bytes(server.metrics.page().into_body(), usize::MAX).await.unwrap();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.contains(r#"refundry_http_requests_total{route="/toy/things/{id}",status="2xx"} 2"#), "{page}");
    assert!(page.contains(r#"refundry_http_requests_total{route="none",status="4xx"} 1"#), "{page}");
    assert!(!page.contains("12345678"));
    server.end().await;
}
