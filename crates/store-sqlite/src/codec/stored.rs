//! Between the numbers of the core and the 64-bit signed ones of the file.

use crate::fault::Fault;
use refundry_domain::bytes::Malformed;

/// An id as the file has it.
pub(crate) fn id(id: u128) -> [u8; 16] {
    id.to_be_bytes()
}

/// A number for a column; refused where the column has no room for it.
pub(crate) fn number(value: u64) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| Fault::Refused("a number is too large for the file"))
}

/// A limit for a query.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number out of a column.
pub(crate) fn unsigned(value: i64) -> Result<u64, Fault> {
    u64::try_from(value).map_err(|_| Malformed.into())
}

/// A small number out of a column.
pub(crate) fn small<T: TryFrom<i64>>(value: i64) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| Malformed.into())
}

/// Fixed bytes out of a column.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| Malformed.into())
}

/// An id out of a column.
pub(crate) fn read_id(bytes: &[u8]) -> Result<u128, Fault> {
    array(bytes).map(u128::from_be_bytes)
}
