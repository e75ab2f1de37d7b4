//! From rows to the core's objects.

use crate::catalog::Catalog;
use crate::codec::{account, event, mandate, payment, payout, refund, stored};
use crate::fault::Fault;
use crate::seal::{Place, Sealer, row_name};
use refundry_domain::event::Event;
use refundry_domain::id::{AccountId, MandateId, MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::EvidenceId;
use refundry_domain::ledger::{Account, AccountKind, Balance, Book};
use refundry_domain::mandate::Mandate;
use refundry_domain::money::{Amount, Currency};
use refundry_domain::payment::{Counters, Payment};
use refundry_domain::payout::Payout;
use refundry_domain::refund::Refund;
use refundry_domain::stray::{Stray, StrayClosed};
use refundry_domain::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::sync::Arc;

/// What was opened of a sealed value, and the sealed value itself, so that it
/// need not be sealed again while it stays the same.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What was sealed.
    pub(crate) plain: Vec<u8>,
    /// As it stands in the file.
    pub(crate) sealed: Vec<u8>,
}

/// A payment with what only this crate knows of it.
pub(crate) struct PaymentRow {
    /// Its number.
    pub(crate) n: i64,
    /// The number of its newest refund.
    pub(crate) last_refund: Option<i64>,
    /// The payment.
    pub(crate) payment: Payment,
    /// Its sealed part.
    pub(crate) kept: Option<Kept>,
}

/// A refund with what only this crate knows of it.
pub(crate) struct RefundRow {
    /// Its number.
    pub(crate) n: i64,
    /// The number of the refund before it, of the same payment.
    pub(crate) previous: Option<i64>,
    /// The refund.
    pub(crate) refund: Refund,
    /// Its sealed part.
    pub(crate) kept: Option<Kept>,
}

/// A payout with what only this crate knows of it.
pub(crate) struct PayoutRow {
    /// Its number.
    pub(crate) n: i64,
    /// The payout.
    pub(crate) payout: Payout,
    /// Its sealed part.
    pub(crate) kept: Kept,
}

/// The name of a row that has a merchant and an id, for sealing.
pub(crate) fn sealed_row(merchant: MerchantId, id: u128) -> Vec<u8> {
    row_name(&[&stored::id(merchant.0), &stored::id(id)])
}

/// Bytes of a column, not copied.
pub(crate) fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], Fault> {
    row.get_ref(column)?.as_blob().map_err(|_| Fault::Malformed(format!("column {column} holds no bytes")))
}

/// A text of a column, not copied.
pub(crate) fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, Fault> {
    row.get_ref(column)?.as_str().map_err(|_| Fault::Malformed(format!("column {column} holds no text")))
}

/// An id in a column.
pub(crate) fn id(row: &Row<'_>, column: usize) -> Result<u128, Fault> {
    stored::read_id(bytes(row, column)?)
}

/// True where a column is empty.
pub(crate) fn is_null(row: &Row<'_>, column: usize) -> Result<bool, Fault> {
    Ok(matches!(row.get_ref(column)?, ValueRef::Null))
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    stored::unsigned(row.get(column)?)
}

/// An event and its place.
pub(crate) fn event(row: &Row<'_>) -> Result<(u64, Event), Fault> {
    let place = unsigned(row, 0)?;
    let number = stored::small(row.get(1)?)?;
    let read = stored::array(bytes(row, 3)?).and_then(|hash| event::read(number, bytes(row, 2)?, hash));
    Ok((place, read.map_err(|fault| fault.in_record("event", place))?))
}

/// Reads rows over one connection.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Where names are looked up that are not in the catalog.
    pub(crate) connection: &'a Connection,
    /// Names.
    pub(crate) catalog: &'a Catalog,
    /// Opens what is sealed.
    pub(crate) sealer: &'a Sealer,
    /// Keep the sealed values: only the writer needs them.
    pub(crate) keep: bool,
}

impl Rows<'_> {
    fn private(
        &self,
        place: Place,
        owner: (MerchantId, u128),
        row: &Row<'_>,
        column: usize,
    ) -> Result<Option<Kept>, Fault> {
        if is_null(row, column)? {
            return Ok(None);
        }
        let sealed = bytes(row, column)?;
        let plain = self.sealer.open(place, &sealed_row(owner.0, owner.1), sealed)?;
        Ok(Some(Kept { plain, sealed: if self.keep { sealed.to_vec() } else { Vec::new() } }))
    }

    /// A payment out of the columns from `first` on.
    pub(crate) fn payment(&self, row: &Row<'_>, first: usize) -> Result<PaymentRow, Fault> {
        let id = PaymentId(id(row, first + 2)?);
        self.payment_parts(row, first, id).map_err(|fault| fault.in_record("payment", id))
    }

    fn payment_parts(&self, row: &Row<'_>, first: usize, id: PaymentId) -> Result<PaymentRow, Fault> {
        let merchant = self.catalog.merchant_id(self.connection, row.get(first + 1)?)?;
        let columns = payment::PaymentColumns {
            merchant,
            id,
            origin: self.catalog.origin(self.connection, row.get(first + 3)?)?,
            state: row.get(first + 4)?,
            counters: Counters {
                claimable: unsigned(row, first + 5)?,
                claimed: unsigned(row, first + 6)?,
                reversed: unsigned(row, first + 7)?,
            },
            payer_key: if is_null(row, first + 11)? { None } else { Some(Arc::from(text(row, first + 11)?)) },
        };
        let kept = self.private(Place::Payment, (merchant, id.0), row, first + 10)?;
        let plain = kept.as_ref().map(|kept| kept.plain.as_slice());
        let payment = payment::read(columns, bytes(row, first + 9)?, plain)?;
        Ok(PaymentRow { n: row.get(first)?, last_refund: row.get(first + 8)?, payment, kept })
    }

    /// A refund out of the columns from `first` on.
    pub(crate) fn refund(&self, row: &Row<'_>, first: usize) -> Result<RefundRow, Fault> {
        let id = RefundId(id(row, first + 2)?);
        self.refund_parts(row, first, id).map_err(|fault| fault.in_record("refund", id))
    }

    fn refund_parts(&self, row: &Row<'_>, first: usize, id: RefundId) -> Result<RefundRow, Fault> {
        let merchant = self.catalog.merchant_id(self.connection, row.get(first + 1)?)?;
        let named = if is_null(row, first + 6)? { None } else { Some(Arc::from(text(row, first + 6)?)) };
        let columns = refund::RefundColumns {
            merchant,
            id,
            origin: self.catalog.origin(self.connection, row.get(first + 3)?)?,
            merchant_reference: named,
        };
        let kept = self.private(Place::Refund, (merchant, id.0), row, first + 8)?;
        let plain = kept.as_ref().map(|kept| kept.plain.as_slice());
        let refund = refund::read(columns, bytes(row, first + 7)?, plain)?;
        Ok(RefundRow { n: row.get(first)?, previous: row.get(first + 5)?, refund, kept })
    }

    /// A payout out of the columns from `first` on.
    pub(crate) fn payout(&self, row: &Row<'_>, first: usize) -> Result<PayoutRow, Fault> {
        let id = PayoutId(id(row, first + 2)?);
        self.payout_parts(row, first, id).map_err(|fault| fault.in_record("payout", id))
    }

    fn payout_parts(&self, row: &Row<'_>, first: usize, id: PayoutId) -> Result<PayoutRow, Fault> {
        let merchant = self.catalog.merchant_id(self.connection, row.get(first + 1)?)?;
        let origin = self.catalog.origin(self.connection, row.get(first + 3)?)?;
        let kept = self.private(Place::Payout, (merchant, id.0), row, first + 5)?;
        let kept = kept.ok_or(refundry_domain::bytes::Malformed)?;
        let columns = payout::PayoutColumns { merchant, id, origin };
        let payout = payout::read(columns, bytes(row, first + 4)?, &kept.plain)?;
        Ok(PayoutRow { n: row.get(first)?, payout, kept })
    }

    /// An account and its number.
    pub(crate) fn account(&self, row: &Row<'_>) -> Result<(i64, Account), Fault> {
        let id = AccountId(id(row, 2)?);
        self.account_parts(row, id).map_err(|fault| fault.in_record("account", id))
    }

    fn account_parts(&self, row: &Row<'_>, id: AccountId) -> Result<(i64, Account), Fault> {
        let kind = AccountKind::from_number(stored::small(row.get(3)?)?);
        let account = Account {
            id,
            merchant: self.catalog.merchant_id(self.connection, row.get(1)?)?,
            kind: kind.ok_or(refundry_domain::bytes::Malformed)?,
            currency: currency(text(row, 4)?)?,
            name: Arc::from(text(row, 5)?),
            group: Arc::from(text(row, 6)?),
            eligible: row.get(7)?,
            paused_at: row.get::<_, Option<i64>>(13)?.map(Timestamp),
            balance: Balance {
                debits_pending: unsigned(row, 8)?,
                debits_posted: unsigned(row, 9)?,
                credits_pending: unsigned(row, 10)?,
                credits_posted: unsigned(row, 11)?,
            },
            created_at: Timestamp(row.get(12)?),
        };
        Ok((row.get(0)?, account))
    }

    /// A stray of this merchant.
    pub(crate) fn stray(&self, merchant: MerchantId, row: &Row<'_>) -> Result<Stray, Fault> {
        let amount = match row.get::<_, Option<i64>>(1)? {
            Some(minor) => Some(Amount::new(stored::unsigned(minor)?, currency(text(row, 2)?)?)),
            None => None,
        };
        let creditor = if is_null(row, 4)? { None } else { Some(self.stray_creditor(bytes(row, 3)?, bytes(row, 4)?)?) };
        let (evidence, _) = bytes(row, 7)?.as_chunks();
        let closed = match row.get::<_, Option<i64>>(8)? {
            Some(at) => Some(StrayClosed { at: Timestamp(at), explained: row.get(9)? }),
            None => None,
        };
        Ok(Stray {
            merchant,
            instruction_id: text(row, 0)?.to_owned(),
            amount,
            creditor,
            at: Timestamp(row.get(5)?),
            in_suspense: row.get(6)?,
            evidence: evidence.iter().map(|id| EvidenceId(*id)).collect(),
            closed,
        })
    }

    /// The canonical account of a stray's payee.
    pub(crate) fn stray_creditor(&self, index: &[u8], sealed: &[u8]) -> Result<String, Fault> {
        let plain = self.sealer.open(Place::Stray, index, sealed)?;
        String::from_utf8(plain).map_err(|_| Fault::Malformed("a stray's creditor is no text".to_owned()))
    }

    /// A mandate and its number.
    pub(crate) fn mandate(&self, row: &Row<'_>) -> Result<(i64, Mandate), Fault> {
        let id = MandateId(id(row, 2)?);
        let merchant = self.catalog.merchant_id(self.connection, row.get(1)?)?;
        let opened = self.sealer.open(Place::Mandate, &sealed_row(merchant, id.0), bytes(row, 3)?);
        let read = opened.and_then(|plain| mandate::read(merchant, id, &plain));
        Ok((row.get(0)?, read.map_err(|fault| fault.in_record("mandate", id))?))
    }
}

/// A book out of its one column.
pub(crate) fn book(row: &Row<'_>) -> Result<Book, Fault> {
    account::read_book(bytes(row, 0)?)
}

/// A currency out of a column.
pub(crate) fn currency(code: &str) -> Result<Currency, Fault> {
    Currency::parse(code).map_err(|_| Fault::Malformed("a currency is not known".to_owned()))
}
