//! A copy of the store while it is in use.

use crate::connect::{Use, connect};
use crate::fault::Fault;
use crate::store::owner_only;
use refundry_engine::store::StoreError;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::path::Path;

/// Copies a database into a file that does not exist yet, and syncs it.
pub(crate) fn backup(from: &Path, to: &Path) -> Result<(), StoreError> {
    let broken = |error: std::io::Error| StoreError::Broken(Box::new(error));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    let made = options.open(to).map_err(broken)?;
    let copied = copy(from, to);
    if copied.is_err() {
        drop(made);
        // A half copy must not be taken for a backup.
        std::fs::remove_file(to).map_err(broken)?;
        return Ok(copied?);
    }
    made.sync_all().map_err(broken)?;
    match to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(broken),
        None => Ok(()),
    }
}

/// All pages in one step: one snapshot, whatever is written meanwhile.
fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let source = connect(from, Use::Read { cache_kib: 1024 })?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let step = Backup::new(&source, &mut copy)?.step(-1)?;
    match step {
        StepResult::Done => Ok(()),
        StepResult::More | StepResult::Busy | StepResult::Locked => Err(Fault::Refused("the copy was interrupted")),
        _ => Err(Fault::Refused("the copy ended in an unknown way")),
    }
}
