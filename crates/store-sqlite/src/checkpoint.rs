//! Checkpoints on a thread and a connection of their own, so that no commit
//! waits for them; and a bound for the write-ahead log, kept by the writer
//! between two batches.

use crate::fault::Fault;
use rusqlite::Connection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the log is moved into the file while something is written.
const PERIOD: Duration = Duration::from_millis(200);

/// How long the writer waits for readers when it wants the log to begin anew.
const PATIENCE: Duration = Duration::from_millis(50);

/// Length of the log beyond which the writer makes it begin anew.
pub(crate) const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What the thread and the writer tell each other about the log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Commits so far: an idle store is left alone.
    commits: AtomicU64,
    /// Length in pages, as the last checkpoint saw it.
    pages: AtomicU64,
    /// Two checkpoints at once would only make one of them fail.
    turn: Mutex<()>,
}

/// What a checkpoint did.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Readers or another checkpoint were in the way.
    busy: bool,
    /// Pages in the log.
    pages: u64,
}

fn checkpoint(connection: &Connection, pragma: &str) -> Result<Done, Fault> {
    let mut statement = connection.prepare_cached(pragma)?;
    let (busy, pages): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Done { busy: busy != 0, pages: u64::try_from(pages).unwrap_or(0) })
}

impl Log {
    /// Tells the thread that there is something to do.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    fn turn<T>(&self, work: impl FnOnce() -> T) -> T {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }

    /// Moves what can be moved without making anybody wait.
    fn passive(&self, connection: &Connection) -> Result<(), Fault> {
        let done = self.turn(|| checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)"))?;
        self.pages.store(done.pages, Ordering::Relaxed);
        Ok(())
    }

    /// Moves everything and cuts the log.
    pub(crate) fn truncate(&self, connection: &Connection) -> Result<(), Fault> {
        let done = self.turn(|| checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)"))?;
        if done.busy {
            tracing::debug!(pages = done.pages, "the log stays until its readers are done");
        }
        Ok(())
    }
}

/// The writer's side of the bound.
#[derive(Debug)]
pub(crate) struct Bound {
    log: Arc<Log>,
    pages_max: u64,
    /// Raised after a try that readers spoiled, so that not every batch waits.
    pages_next: u64,
}

impl Bound {
    /// A bound of so many pages.
    pub(crate) fn new(log: Arc<Log>, page_bytes: u64) -> Self {
        let pages_max = LOG_BYTES_MAX / page_bytes.max(512);
        Self { log, pages_max, pages_next: pages_max }
    }

    /// Makes the log begin anew when it is too long; for use between two
    /// batches. Under a steady load the thread alone never gets to the end of
    /// the log, and a long log makes every read slower.
    pub(crate) fn keep(&mut self, connection: &Connection) -> Result<(), Fault> {
        let pages = self.log.pages.load(Ordering::Relaxed);
        if pages < self.pages_next {
            return Ok(());
        }
        let pragma = if pages < self.pages_max.saturating_mul(4) {
            "PRAGMA wal_checkpoint(RESTART)"
        } else {
            "PRAGMA wal_checkpoint(TRUNCATE)"
        };
        let before: i64 = connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
        connection.busy_timeout(PATIENCE)?;
        let done = self.log.turn(|| checkpoint(connection, pragma));
        connection.busy_timeout(Duration::from_millis(u64::try_from(before).unwrap_or(0)))?;
        if done?.busy {
            self.pages_next = pages.saturating_add(self.pages_max / 4);
            tracing::debug!(pages, "a long read keeps the log from beginning anew");
        } else {
            self.log.pages.store(0, Ordering::Relaxed);
            self.pages_next = self.pages_max;
        }
        Ok(())
    }
}

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own.
    pub(crate) fn start(connection: Connection, log: Arc<Log>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || run(&connection, &log, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn run(connection: &Connection, log: &Log, stopped: &Receiver<()>) {
    let mut seen = 0;
    while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
        let commits = log.commits.load(Ordering::Relaxed);
        if commits == seen {
            continue;
        }
        seen = commits;
        // The log itself stays whole, so a failure here loses nothing; a disk
        // that keeps failing is noticed by the next commit.
        if let Err(fault) = log.passive(connection) {
            tracing::warn!(error = %fault, "a checkpoint failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{Use, connect};

    #[test]
    fn the_log_begins_anew_between_batches_unless_somebody_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        std::fs::File::create(&path).unwrap();
        let writer = connect(&path, Use::Write { sync: false, cache_kib: 256 }).unwrap();
        let thread = connect(&path, Use::Checkpoint { sync: false }).unwrap();
        writer.execute_batch("CREATE TABLE t (x)").unwrap();
        let write = || writer.execute_batch("INSERT INTO t VALUES (zeroblob(100000))").unwrap();
        let length = || std::fs::metadata(folder.path().join("x.db-wal")).unwrap().len();
        let log = Arc::new(Log::default());
        let mut bound = Bound { log: Arc::clone(&log), pages_max: 20, pages_next: 20 };

        write();
        let reader = connect(&path, Use::Read { cache_kib: 256 }).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t LIMIT 1").unwrap();
        write();
        log.passive(&thread).unwrap();
        bound.keep(&writer).unwrap();
        assert!(bound.pages_next > 20, "a reader is in the way, and the next batch does not wait for it");
        reader.execute_batch("COMMIT").unwrap();
        bound.pages_next = 0;
        bound.keep(&writer).unwrap();
        assert_eq!((bound.pages_next, log.pages.load(Ordering::Relaxed)), (20, 0));

        let before = length();
        write();
        assert_eq!(length(), before, "the next batch writes over the beginning");
        log.truncate(&thread).unwrap();
        assert_eq!(length(), 0);
    }
}
