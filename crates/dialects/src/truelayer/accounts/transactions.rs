//! What came into a merchant account and left it (contract 3.12).
//!
//! Round trips: one read of the account, one of everything in the range.

use super::range::{self, Query};
use crate::answer;
use crate::movements::{self, HeldAccount};
use crate::print::uuid;
use crate::truelayer::auth::{self, Caller, Scope};
use crate::truelayer::errors::{Fault, to_json};
use crate::truelayer::refunds::with_events;
use crate::truelayer::states::{Shown, Status, payouts as payout_states, refunds as states};
use crate::truelayer::wire::accounts::{self as accounts, payment_source, source_id, stable_id, user_of};
use crate::truelayer::wire::identifiers;
use crate::truelayer::wire::payouts::Stored;
use crate::truelayer::wire::refunds::scheme_of;
use crate::truelayer::wire::transactions::{
    Beneficiary, Dated, Head, Outgoing, Page, Pagination, Remitter, ReturnFor, Row, time,
};
use crate::truelayer::{App, DIALECT, routes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use refundry_domain::id::{AccountId, PaymentId};
use refundry_domain::money::Amount;
use refundry_domain::party::{Creditor, Party};
use refundry_domain::payment::Payment;
use refundry_domain::payout::Payout;
use refundry_domain::refund::Refund;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Reader, RefundFilter, SettledRange, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Beyond this range many rows are refused.
const WIDE: Span = Span::days(31);
/// The most rows of a wide range.
const WIDE_ROWS_MAX: usize = 2_000;
/// Rows of a page, where pages are asked for.
const PAGE_LENGTH: usize = 100;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let query = range::read(uri.query().unwrap_or_default(), &headers)?;
    let account = super::find(&app, &caller, &routes::id(id)).await?;
    let with_refunds = app.config.transactions_include_refunds;
    let found = app.host.engine.read(move |reader| {
        let mut book = Book { reader, caller, account: account.id, query, rows: Vec::new(), payments: BTreeMap::new() };
        if query.payments {
            book.payments()?;
        }
        book.refunds(with_refunds && query.payouts)?;
        if query.payouts {
            book.payouts()?;
        }
        if query.payments {
            book.returns()?;
            book.returned_payouts()?;
        }
        Ok(book.rows)
    });
    let mut rows = found.await.map_err(Fault::of_unavailable)?;
    let wide = query.to.0.saturating_sub(query.from.0) > i64::try_from(WIDE.0).unwrap_or(i64::MAX);
    if wide && rows.len() > WIDE_ROWS_MAX {
        return Err(Fault::invalid_parameters("Too many transactions for a range of more than 31 days.")
            .with("to", "Ask for at most 31 days."));
    }
    rows.sort_by_key(|row| row.place);
    rows.retain(|row| query.after.is_none_or(|after| after < row.place));
    Ok(answer::json(200, to_json(&page(rows, query.paged))))
}

fn page(mut rows: Vec<Dated>, paged: bool) -> Page {
    let mut next_cursor = None;
    if paged && rows.len() > PAGE_LENGTH {
        rows.truncate(PAGE_LENGTH);
        next_cursor = rows.last().map(|row| range::cursor(row.place));
    }
    let items = rows.into_iter().map(|row| row.row).collect();
    Page { items, pagination: paged.then_some(Pagination { next_cursor }) }
}

/// A row's own id.
fn row_id(label: &str, object: u128) -> u128 {
    let mut bytes = label.as_bytes().to_vec();
    bytes.extend_from_slice(&object.to_be_bytes());
    stable_id(&bytes)
}

/// The rows of an account, gathered.
struct Book<'r> {
    reader: &'r dyn Reader,
    caller: Caller,
    account: AccountId,
    query: Query,
    rows: Vec<Dated>,
    /// Payments that were read already.
    payments: BTreeMap<PaymentId, Option<Payment>>,
}

impl Book<'_> {
    fn put(&mut self, at: Timestamp, id: u128, row: Row) {
        self.rows.push(Dated { place: (at, id), row });
    }

    /// Payments, by their settlement.
    fn payments(&mut self) -> Result<(), StoreError> {
        let settled = SettledRange { from: self.query.from, until: self.query.to.plus(Span(1)) };
        for payment in movements::payments(self.reader, self.held(), settled)? {
            self.payment(&payment);
        }
        Ok(())
    }

    fn held(&self) -> HeldAccount {
        HeldAccount { merchant: self.caller.merchant, account: self.account }
    }

    fn payment(&mut self, payment: &Payment) {
        let Some(settled_at) = payment.moments.settled_at else { return };
        if !self.caller.sees(&payment.origin) {
            return;
        }
        let id = row_id("payment", payment.id.0);
        let credited = Amount::new(payment.counters.claimable, payment.amount.currency);
        let row = Row::MerchantAccountPayment {
            head: Head::new(id, credited),
            status: "settled",
            settled_at: time(settled_at),
            payment_source: payment_source(payment),
            payment_id: uuid(payment.id.0),
        };
        self.put(settled_at, id, row);
    }

    /// Refunds, by their creation.
    fn refunds(&mut self, shown: bool) -> Result<(), StoreError> {
        if !shown {
            return Ok(());
        }
        let range = (self.query.from, self.query.to);
        for refund in movements::refunds(self.reader, self.held(), &self.filter(Vec::new()), range)? {
            self.refund(refund)?;
        }
        Ok(())
    }

    /// Returns, by their own time, of refunds however old.
    fn returns(&mut self) -> Result<(), StoreError> {
        let filter = self.filter(vec!["returned".to_owned()]);
        let ever = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        // A return is the last thing that changes a refund's state.
        for refund in movements::refunds(self.reader, self.held(), &filter, ever)? {
            if refund.updated_at >= self.query.from {
                self.came_back(refund)?;
            }
        }
        Ok(())
    }

    /// Payouts, by their creation.
    fn payouts(&mut self) -> Result<(), StoreError> {
        let (from, to) = (self.query.from, self.query.to);
        for payout in self.payouts_between(from, to)? {
            self.payout(&payout);
        }
        Ok(())
    }

    /// Returned payouts, by the time of the return.
    fn returned_payouts(&mut self) -> Result<(), StoreError> {
        let to = self.query.to;
        for payout in self.payouts_between(Timestamp(i64::MIN), to)? {
            let shown = payout_states::shown(&payout, false);
            if let Some(at) = shown.returned_at.filter(|at| self.query.holds(*at)) {
                let text = payout.remittance.as_deref();
                self.return_row((payout.id.0, payout.amount), at, Some(&payout.creditor), text);
            }
        }
        Ok(())
    }

    fn payouts_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Payout>, StoreError> {
        let mut all = movements::payouts(self.reader, self.held(), (from, to))?;
        all.retain(|payout| self.caller.sees(&payout.origin));
        Ok(all)
    }

    fn payout(&mut self, payout: &Payout) {
        // For the books a return leaves the execution as it was.
        let shown = payout_states::shown(payout, false);
        let Some(status) = row_status(&shown) else { return };
        let id = row_id("payout", payout.id.0);
        let outgoing = Outgoing {
            status,
            created_at: time(payout.created_at),
            executed_at: shown.executed_at.map(time),
            beneficiary: Stored::of(payout).beneficiary.map(Beneficiary::AsGiven),
            context_code: "withdrawal",
            scheme_id: scheme_of(payout.amount.currency),
            returned_by: shown.returned_at.map(|_| uuid(row_id("return", payout.id.0))),
        };
        let row = Row::Payout { head: Head::new(id, payout.amount), outgoing, payout_id: uuid(payout.id.0) };
        self.put(payout.created_at, id, row);
    }

    fn filter(&self, states: Vec<String>) -> RefundFilter {
        let visible_to = Some((DIALECT.to_owned(), self.caller.client.to_string()));
        RefundFilter { states, visible_to, ..RefundFilter::default() }
    }

    /// The payment of a refund, read once.
    fn payment_of(&mut self, refund: &Refund) -> Result<Option<Payment>, StoreError> {
        if let Some(known) = self.payments.get(&refund.payment) {
            return Ok(known.clone());
        }
        let found = self.reader.payment(self.caller.merchant, refund.payment)?;
        self.payments.insert(refund.payment, found.clone());
        Ok(found)
    }

    /// A refund's row, unless it failed without money moving.
    fn refund(&mut self, refund: Refund) -> Result<(), StoreError> {
        let payment = self.payment_of(&refund)?;
        let told = with_events(self.reader, refund)?;
        let refund = &told.refund;
        // For the books a return leaves the execution as it was.
        let shown = states::shown(refund, payment.as_ref(), &told.events, false);
        let Some(status) = row_status(&shown) else { return Ok(()) };
        let id = row_id("refund", refund.id.0);
        let outgoing = Outgoing {
            status,
            created_at: time(refund.created_at),
            executed_at: shown.executed_at.map(time),
            beneficiary: Some(source_of(refund, payment.as_ref())),
            context_code: "withdrawal",
            scheme_id: scheme_of(refund.amount.currency),
            returned_by: shown.returned_at.map(|_| uuid(row_id("return", refund.id.0))),
        };
        let row = Row::Refund {
            head: Head::new(id, refund.amount),
            outgoing,
            refund_id: uuid(refund.id.0),
            payment_id: uuid(refund.payment.0),
        };
        self.put(refund.created_at, id, row);
        Ok(())
    }

    /// The row of money that came back, by the full amount (contract 4.4).
    fn came_back(&mut self, refund: Refund) -> Result<(), StoreError> {
        let payment = self.payment_of(&refund)?;
        let told = with_events(self.reader, refund)?;
        let refund = &told.refund;
        let shown = states::shown(refund, payment.as_ref(), &told.events, false);
        let Some(at) = shown.returned_at.filter(|at| self.query.holds(*at)) else { return Ok(()) };
        let party = creditor(refund, payment.as_ref());
        self.return_row((refund.id.0, refund.amount), at, party, refund.remittance.as_deref());
        Ok(())
    }

    fn return_row(&mut self, of: (u128, Amount), at: Timestamp, party: Option<&Party>, text: Option<&str>) {
        let (returned, amount) = of;
        let id = row_id("return", returned);
        let remitter = Remitter {
            account_holder_name: party.and_then(|party| party.name.clone()),
            account_identifiers: party.map(|party| identifiers::of_party(&party.account)).unwrap_or_default(),
            statement_text: text.map(str::to_owned),
        };
        let row = Row::ExternalPayment {
            head: Head::new(id, amount),
            status: "settled",
            settled_at: time(at),
            remitter,
            return_for: ReturnFor::Identified { returned_id: uuid(returned) },
        };
        self.put(at, id, row);
    }
}

/// The status of a row for money that leaves; none for what never left.
fn row_status(shown: &Shown) -> Option<&'static str> {
    match shown.status {
        Status::Pending | Status::Authorized => Some("pending"),
        Status::Executed => Some("executed"),
        Status::Failed => None,
    }
}

/// Who receives a refund.
fn creditor<'a>(refund: &'a Refund, payment: Option<&'a Payment>) -> Option<&'a Party> {
    match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.and_then(|payment| payment.debtor.as_ref()),
        Creditor::Given { party, source: _ } => Some(party),
    }
}

/// The receiver as a payment source. Payments that came through another door
/// have no user; clients need one, so it is derived from the account.
fn source_of(refund: &Refund, payment: Option<&Payment>) -> Beneficiary {
    let user_id = payment.and_then(user_of);
    let party = creditor(refund, payment);
    let unknown = || accounts::unknown_source_id(refund.payment);
    let source = party.map_or_else(unknown, |party| source_id(refund.merchant, user_id.as_deref(), party));
    Beneficiary::Source {
        kind: "payment_source",
        payment_source_id: uuid(source),
        user_id: user_id.unwrap_or_else(|| uuid(accounts::stable_id(&source.to_be_bytes())).as_str().to_owned()),
        statement_text: refund.remittance.as_deref().unwrap_or_default().to_owned(),
    }
}
