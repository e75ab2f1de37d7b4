//! The accept loop: HTTP/1.1 over TCP with deadlines, a cap on connections
//! and a stop that lets begun requests end.
//!
//! One task per connection. Nothing is shared between connections but the
//! edge and the semaphore of the cap.

use crate::edge::Edge;
use crate::framing::Watched;
use crate::limits::Limits;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long the loop rests when the system has no descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Most bytes that are read and thrown away from a connection that we end.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a client hears that began a request and did not end its headers.
const SLOW_HEADERS: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What a client hears whose request says twice where it ends.
const TWO_LENGTHS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A bound socket that is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address with the port that was really taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `stop` turns true (or its sender is gone), then lets
    /// begun requests end within the stop deadline and cuts the others off.
    pub async fn serve(self, edge: Arc<Edge>, mut stop: watch::Receiver<bool>) {
        let limits = *edge.limits();
        let slots = Arc::new(Semaphore::new(limits.connections_max));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok(slot) = slot else { break };
            let stream = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match stream {
                Ok((stream, peer)) => {
                    let connection = Connection { edge: Arc::clone(&edge), limits, stop: stop.clone(), peer };
                    connections.spawn(async move {
                        connection.serve(stream).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
        drop(self.socket);
        let all_ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.stop_deadline, all_ended).await.is_err() {
            tracing::warn!(left = connections.len(), "connections were cut off at the stop deadline");
            connections.shutdown().await;
        }
    }
}

struct Connection {
    edge: Arc<Edge>,
    limits: Limits,
    stop: watch::Receiver<bool>,
    peer: SocketAddr,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        // Answers are small and written whole; waiting to fill a segment
        // would only add its delay to every answer.
        let _ = stream.set_nodelay(true);
        let edge = Arc::clone(&self.edge);
        let peer = self.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let edge = Arc::clone(&edge);
            // For whoever trusts what a proxy of its own says.
            request.extensions_mut().insert(ConnectInfo(peer));
            async move { Ok::<_, Infallible>(edge.answer(request).await) }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_deadline)
            .max_header_size(self.limits.header_bytes_max)
            .serve_connection(TokioIo::new(Watched::new(stream)), service);
        let mut stopping = false;
        let ended = loop {
            tokio::select! {
                ended = &mut connection => break ended,
                _ = self.stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        };
        let parts = connection.into_parts();
        let (mut stream, refused) = parts.io.into_inner().into_parts();
        let mut last_word: &[u8] = if refused { TWO_LENGTHS } else { &[] };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
            // A header that was begun deserves an answer; an idle connection
            // is closed without a word, as clients expect.
            if error.is_timeout() && !parts.read_buf.is_empty() {
                last_word = SLOW_HEADERS;
            }
        }
        let _ = tokio::time::timeout(self.limits.linger_deadline, stream.write_all(last_word)).await;
        if !stopping {
            tokio::select! {
                _ = tokio::time::timeout(self.limits.linger_deadline, linger(&mut stream)) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}

/// Closing a socket with unread bytes resets it, and the client may lose the
/// answer (a 413, say) that it has not read yet; so the rest is thrown away
/// until the client closes its side.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut bytes = [0; 4096];
    let mut thrown_away = 0;
    while thrown_away < LINGER_BYTES_MAX {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => thrown_away += count,
        }
    }
}
