//! Faults inside this crate, and what they mean to the port.

use refundry_domain::bytes::Malformed;
use refundry_engine::store::StoreError;
use rusqlite::ErrorCode;

/// What may go wrong between us and the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite said so.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// A row does not read back.
    #[error("{0}")]
    Malformed(String),
    /// A value that the schema has no room for: refused before it is written.
    #[error("{0}")]
    Refused(&'static str),
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed("a record is cut short or holds an impossible value".to_owned())
    }
}

impl Fault {
    /// Names the record that does not read back; other faults stay as they are.
    pub(crate) fn in_record(self, what: &str, number: impl std::fmt::Display) -> Self {
        match self {
            Self::Malformed(why) => Self::Malformed(format!("{what} {number}: {why}")),
            Self::Sql(_) | Self::Refused(_) => self,
        }
    }

    /// True when the database is sure that nothing was written, so that a
    /// rollback restores the state before.
    pub(crate) fn leaves_nothing_behind(&self) -> bool {
        match self {
            Self::Sql(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation))
            }
            Self::Malformed(_) | Self::Refused(_) => true,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full(Box::new(error)),
                Some(ErrorCode::ConstraintViolation) => Self::Constraint(Box::new(error)),
                Some(_) | None => Self::Broken(Box::new(error)),
            },
            Fault::Malformed(why) => Self::Malformed(why),
            Fault::Refused(why) => Self::Constraint(why.into()),
        }
    }
}
