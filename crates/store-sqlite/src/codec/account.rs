//! The accounts of a book: twelve ids behind each other.

use super::ended;
use crate::fault::Fault;
use refundry_domain::bytes::{Decoder, Encoder};
use refundry_domain::id::AccountId;
use refundry_domain::ledger::Book;

/// Writes the ids of a book.
pub(crate) fn book(book: &Book) -> Vec<u8> {
    let mut to = Encoder::new();
    for id in book.ids() {
        to.id(id.0);
    }
    to.finish()
}

/// Reads the ids of a book.
pub(crate) fn read_book(bytes: &[u8]) -> Result<Book, Fault> {
    let mut from = Decoder::new(bytes);
    let mut ids = [AccountId(0); Book::KINDS.len()];
    for id in &mut ids {
        *id = AccountId(from.id()?);
    }
    ended(&from)?;
    Ok(Book::from_ids(ids))
}
