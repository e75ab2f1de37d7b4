//! The open model: requests begin at fixed times whether or not earlier ones
//! are answered, and the wait for a free connection counts (no coordinated
//! omission).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::{Mutex, mpsc};

use super::MakeRequest;
use super::closed::Outcome;
use super::connection::Connection;

/// Whom to load, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// Requests per second.
    pub(crate) rate: u32,
    /// Connections that wait for work: enough of them that the server decides.
    pub(crate) connections: usize,
    /// Not measured.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// The next request: its number and when it should begin.
type Due = (u64, Instant);

/// Loads the server at the plan's rate.
pub(crate) async fn run(plan: Plan, make: MakeRequest) -> Result<Outcome> {
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        connections.push(Connection::open(plan.address).await?);
    }
    let (to, from) = mpsc::unbounded_channel();
    let from = Arc::new(Mutex::new(from));
    let start = Instant::now() + Duration::from_millis(20);
    let measured_from = start + plan.warm_up;
    let pacer = std::thread::spawn(move || pace(plan, start, &to));
    let mut tasks = Vec::with_capacity(plan.connections);
    for connection in connections {
        tasks.push(tokio::spawn(drive(connection, Arc::clone(&from), measured_from, Arc::clone(&make))));
    }
    let mut whole = Outcome::default();
    for task in tasks {
        whole.add(task.await.context("a connection's task")??);
    }
    let _ = pacer.join();
    whole.elapsed = plan.measured;
    Ok(whole)
}

/// Hands out the requests at their times; a thread of its own, because the
/// runtime's timer is a millisecond coarse.
fn pace(plan: Plan, start: Instant, to: &mpsc::UnboundedSender<Due>) {
    let whole = plan.warm_up + plan.measured;
    for number in 0.. {
        let offset = Duration::from_secs(number) / plan.rate;
        if offset >= whole {
            return;
        }
        let due = start + offset;
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(wait);
        }
        if to.send((number, due)).is_err() {
            return;
        }
    }
}

async fn drive(
    mut connection: Connection,
    from: Arc<Mutex<mpsc::UnboundedReceiver<Due>>>,
    measured_from: Instant,
    make: MakeRequest,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut request = Vec::with_capacity(1024);
    loop {
        let next = from.lock().await.recv().await;
        let Some((number, due)) = next else {
            return Ok(outcome);
        };
        request.clear();
        make(0, number, &mut request);
        let answer = connection.call(&request).await?;
        if due >= measured_from {
            outcome.note(answer.status, answer.body, due.elapsed());
        }
    }
}
