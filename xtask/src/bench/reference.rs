//! The constant-answer server on the same stack: axum, a JSON body parsed by
//! serde, a bearer looked up in a map, 300 bytes of JSON back. What it
//! reaches is what HTTP costs on this machine; the product's creates are
//! measured against it.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

/// The one bearer that the server knows.
pub(crate) const BEARER: &str = "Bearer reference-0123456789abcdef0123456789abcdef";
pub(crate) const PATH: &str = "/v1/refunds";
const ANSWER_LENGTH: usize = 300;

/// The body that it parses: the same as the native create.
#[derive(Debug, serde::Deserialize)]
struct Body {
    payment_id: String,
    amount: u64,
}

struct Known {
    bearers: HashMap<String, u32>,
    answer: String,
}

/// Serves until killed; prints its address first.
pub(crate) fn run() -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let frame = r#"{"id":""}"#.len();
        let answer = format!(r#"{{"id":"{}"}}"#, "0".repeat(ANSWER_LENGTH - frame));
        let known = Arc::new(Known { bearers: HashMap::from([(BEARER.to_owned(), 1)]), answer });
        let router = Router::new().route(PATH, post(create)).with_state(known);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, router).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn create(State(known): State<Arc<Known>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !known.bearers.contains_key(bearer) || body.payment_id.is_empty() || body.amount == 0 {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::CREATED, json, known.answer.clone()).into_response()
}

/// The server as a child; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("reference-server")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the reference server")?;
        let stdout = child.stdout.take().context("its output")?;
        let mut line = String::new();
        std::io::BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the reference server's address")?;
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
