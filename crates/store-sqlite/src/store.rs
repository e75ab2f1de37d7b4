//! Opening, sharing, backing up and closing a store.

use crate::catalog::Catalog;
use crate::checkpoint::{Checkpointer, Log};
use crate::connect::{Use, connect};
use crate::fault::Fault;
use crate::keys::KeyRing;
use crate::migrate::{self, Misfit};
use crate::network;
use crate::reader::SqliteReader;
use crate::seal::{Place, Sealer};
use crate::sql;
use crate::writer::{NoWriter, SqliteWriter};
use refundry_engine::store::{Reader, StoreError, Writer};
use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Name of the database file in its folder.
pub const FILE_NAME: &str = "refundry.db";

/// Name of the lock file in the folder.
const LOCK_NAME: &str = "lock";

/// The oldest SQLite without the bug that could corrupt a write-ahead log.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the file; made where it is missing.
    pub folder: PathBuf,
    /// The keys that seal.
    pub keys: KeyRing,
    /// Wait for the disk at every commit. False is for tests that cut the
    /// power in their own way: without it a commit may be lost.
    pub sync: bool,
    /// Page cache of the writer, KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reader, KiB.
    pub reader_cache_kib: u32,
    /// How many readers there are.
    pub readers: usize,
}

impl Options {
    /// The usual sizes. A larger cache for the writer gains little: SQLite looks
    /// at all of it after every commit that split a page.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, keys: KeyRing) -> Self {
        Self {
            folder: folder.into(),
            keys,
            sync: true,
            writer_cache_kib: 32 * 1024,
            reader_cache_kib: 4 * 1024,
            readers: 4,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be read or made.
    #[error("the folder {folder} cannot be used")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder lies on another machine, where locks and shared memory are
    /// not what they seem.
    #[error("the folder {folder} lies on a network file system ({kind}); the store needs a disk of this machine")]
    Remote {
        /// Which.
        folder: PathBuf,
        /// The file system.
        kind: String,
    },
    /// Another process has the store open.
    #[error("another process uses the store in {0}; only one may")]
    Locked(PathBuf),
    /// SQLite is too old to be trusted with a write-ahead log.
    #[error("SQLite {0} is older than 3.51.3, which may corrupt its write-ahead log")]
    SqliteTooOld(&'static str),
    /// A newer program wrote the file.
    #[error("schema_newer_than_binary: the file has schema {found}, this program knows {known}; use the newer program")]
    SchemaNewer {
        /// Version of the file.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// A migration was changed after it ran.
    #[error("migration {0} of the file is not the one that this program has")]
    SchemaChanged(i64),
    /// There is no store, or its schema is not complete.
    #[error("there is no complete store in {0}")]
    Incomplete(PathBuf),
    /// A key is missing with which values are sealed.
    #[error("the key of version {0} is missing; values in the store are sealed with it")]
    KeyMissing(u8),
    /// A key has the right version but is not the one.
    #[error("the key of version {0} is not the one with which values in the store are sealed")]
    KeyWrong(u8),
    /// The database said something else.
    #[error("the database does not open")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        Self::Database(Box::new(fault))
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Fault::from(error).into()
    }
}

/// What writer, readers and checkpoints share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) catalog: Catalog,
    pub(crate) sealer: Sealer,
    pub(crate) log: Arc<Log>,
    checkpointer: Mutex<Option<Checkpointer>>,
    /// Locked while anything of the store is alive.
    _lock: Option<File>,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    sync: bool,
    shared: Arc<Shared>,
    writer: Mutex<Option<SqliteWriter>>,
    reader: Arc<SqliteReader>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "SqliteStore({})", self.path.display())
    }
}

impl SqliteStore {
    /// Opens the store of a folder, making it where it is missing, and keeps
    /// every other process out.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        check_sqlite(rusqlite::version_number())?;
        let lock = lock(&options.folder)?;
        refuse_remote(&options.folder)?;
        let path = options.folder.join(FILE_NAME);
        make_file(&path).map_err(|source| OpenError::Folder { folder: options.folder.clone(), source })?;
        let sealer = Sealer::new(&options.keys)?;
        let mut connection = connect(&path, Use::Write { sync: options.sync, cache_kib: options.writer_cache_kib })?;
        schema(migrate::run(&mut connection)?, &path)?;
        canaries(&connection, &sealer, true)?;
        let shared = Arc::new(Shared {
            catalog: Catalog::default(),
            sealer,
            log: Arc::default(),
            checkpointer: Mutex::default(),
            _lock: Some(lock),
        });
        shared.catalog.fill(&connection)?;
        let reader = SqliteReader::open(&path, &shared, options.readers, options.reader_cache_kib)?;
        let checkpoints = connect(&path, Use::Checkpoint { sync: options.sync })?;
        let checkpointer = Checkpointer::start(checkpoints, Arc::clone(&shared.log))
            .map_err(|source| OpenError::Folder { folder: options.folder.clone(), source })?;
        *shared.checkpointer.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpointer);
        let writer = SqliteWriter::new(connection, Arc::clone(&shared))?;
        Ok(Self { path, sync: options.sync, shared, writer: Mutex::new(Some(writer)), reader: Arc::new(reader) })
    }

    /// Opens a store for reading only, without keeping anybody out; for
    /// `verify`, stopped or beside a running server. Its writer refuses
    /// everything.
    pub fn open_read_only(folder: &Path, keys: KeyRing) -> Result<Self, OpenError> {
        check_sqlite(rusqlite::version_number())?;
        let path = folder.join(FILE_NAME);
        if !path.is_file() {
            return Err(OpenError::Incomplete(path));
        }
        let sealer = Sealer::new(&keys)?;
        drop(keys);
        let connection = connect(&path, Use::Read { cache_kib: 1024 })?;
        schema(migrate::check(&connection)?, &path)?;
        canaries(&connection, &sealer, false)?;
        let shared = Arc::new(Shared {
            catalog: Catalog::default(),
            sealer,
            log: Arc::default(),
            checkpointer: Mutex::default(),
            _lock: None,
        });
        shared.catalog.fill(&connection)?;
        let reader = SqliteReader::open(&path, &shared, 1, 16 * 1024)?;
        Ok(Self { path, sync: true, shared, writer: Mutex::new(None), reader: Arc::new(reader) })
    }

    /// The writing side. There is one: whoever asks again gets a writer that
    /// refuses everything.
    #[must_use]
    pub fn writer(&self) -> Box<dyn Writer> {
        match self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => Box::new(writer),
            None => Box::new(NoWriter),
        }
    }

    /// The writer as it is, for tests that reach under it.
    #[cfg(test)]
    pub(crate) fn bare_writer(&self) -> Option<SqliteWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The reading side.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.reader) as Arc<dyn Reader>
    }

    /// Copies the store as it is now into a new file, beside readers and the
    /// writer. Values in it stay sealed with the same keys.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        crate::backup::backup(&self.path, to)
    }

    /// Moves the write-ahead log into the file and stops the checkpoints. The
    /// writer should be dropped before.
    pub fn close(&self) -> Result<(), StoreError> {
        let checkpointer = self.shared.checkpointer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if checkpointer.is_none() {
            return Ok(());
        }
        drop(checkpointer);
        let connection = connect(&self.path, Use::Checkpoint { sync: self.sync })?;
        Ok(self.shared.log.truncate(&connection)?)
    }
}

/// A folder that cannot be told is taken as it is.
fn refuse_remote(folder: &Path) -> Result<(), OpenError> {
    let source = |source| OpenError::Folder { folder: folder.to_owned(), source };
    match network::place_of(folder).map_err(source)? {
        network::Place::Here => Ok(()),
        network::Place::Doubtful(kind) => {
            tracing::warn!(kind, "the data folder is shared with another machine; is its disk really here?");
            Ok(())
        }
        network::Place::Remote(kind) => Err(OpenError::Remote { folder: folder.to_owned(), kind }),
    }
}

fn check_sqlite(number: i32) -> Result<(), OpenError> {
    if number < SQLITE_VERSION_MIN { Err(OpenError::SqliteTooOld(rusqlite::version())) } else { Ok(()) }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    owner_only(&mut options);
    let lock = options.open(folder.join(LOCK_NAME)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Only the owner may read what is made.
pub(crate) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Makes the empty file first, so that it and what SQLite puts beside it are
/// readable for the owner only.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    owner_only(&mut options);
    options.open(path).map(drop)
}

fn schema(found: Result<(), Misfit>, path: &Path) -> Result<(), OpenError> {
    found.map_err(|misfit| match misfit {
        Misfit::Newer { found, known } => OpenError::SchemaNewer { found, known },
        Misfit::Changed { version } => OpenError::SchemaChanged(version),
        Misfit::Incomplete => OpenError::Incomplete(path.to_owned()),
    })
}

/// What every key seals once, so that a wrong key is noticed at the start.
const CANARY: &[u8] = b"refundry";

/// Looks whether the keys are those of the store, and leaves a canary for a
/// new one.
fn canaries(connection: &Connection, sealer: &Sealer, may_write: bool) -> Result<(), OpenError> {
    let mut statement = connection.prepare(sql::META_CANARIES)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    let mut known = Vec::new();
    for (name, sealed) in found {
        let version = name.strip_prefix("canary/").and_then(|version| version.parse().ok());
        let version: u8 = version.ok_or_else(|| Fault::Malformed(format!("the name {name} is no canary's")))?;
        if !sealer.versions().any(|ours| ours == version) {
            return Err(OpenError::KeyMissing(version));
        }
        let opened = sealer.open(Place::Canary, name.as_bytes(), &sealed);
        if !opened.is_ok_and(|plain| plain == CANARY) {
            return Err(OpenError::KeyWrong(version));
        }
        known.push(version);
    }
    for version in sealer.versions().filter(|version| may_write && !known.contains(version)) {
        let name = format!("canary/{version}");
        let sealed = sealer.seal_as(version, name.as_bytes(), CANARY)?;
        connection.prepare(sql::META_PUT)?.execute(rusqlite::params![name, sealed])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        assert!(matches!(check_sqlite(3_051_002), Err(OpenError::SqliteTooOld(_))));
        assert!(check_sqlite(SQLITE_VERSION_MIN).is_ok());
        assert!(check_sqlite(rusqlite::version_number()).is_ok(), "the bundled one is new enough");
    }
}
