//! What came into a wallet and left it (contract 3.7). Each line tells what
//! the wallet held after it: from the balance of now, backwards. Money that is
//! set aside and not yet paid moves nothing.
//!
//! Round trips: one read of the wallets, one of everything since the range's
//! begin.

use super::call::{Call, parameter};
use super::config::WaitingAs;
use super::errors::Fault;
use super::extension::{Entity, Holder, PayinNotes};
use super::keys::Scope;
use super::states::{self, Standing, Word};
use super::wire::accounts::{bank_account, entity};
use super::wire::money::{coded, printed_signed, time};
use super::wire::out::{Object, Out};
use super::wire::page::PageInput;
use super::wire::payout::Pair;
use super::{App, routes, wallets};
use crate::answer;
use crate::movements::{self, HeldAccount};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp as Instant;
use refundry_domain::fee::FeeOnReturn;
use refundry_domain::ledger::Account;
use refundry_domain::money::Amount;
use refundry_domain::payment::Payment;
use refundry_domain::payout::{Payout, PayoutState};
use refundry_domain::refund::{Refund, RefundState, Reservation};
use refundry_domain::rules::ReturnCharges;
use refundry_domain::time::{Span, Timestamp};
use refundry_engine::store::{Reader, RefundFilter, SettledRange, StoreError};
use std::sync::Arc;

/// The range when the caller names none.
const USUAL_RANGE: Span = Span::days(30);
/// Most rows of the older list.
const LEGACY_ROWS_MAX: usize = 100;

/// A line before its running balance is known.
struct Line {
    created_at: Timestamp,
    updated_at: Timestamp,
    /// What it changed in the wallet, minor units.
    moved: i128,
    body: Object,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    from: Timestamp,
    to: Timestamp,
    by_update: bool,
}

impl Wanted {
    fn read(app: &App, query: &[(String, String)]) -> Result<Self, Fault> {
        let time = |name: &str| {
            let parsed = parameter(query, name).map(|text| text.parse::<Instant>());
            let parsed =
                parsed.transpose().map_err(|_| Fault::field(name, "must be a time such as 2026-03-04T09:15:02Z"))?;
            Ok(parsed.map(|at| Timestamp(i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX))))
        };
        let by_update = match parameter(query, "filterMode") {
            None | Some("CREATED_AT") => false,
            Some("UPDATED_AT") => true,
            Some(_) => return Err(Fault::field("filterMode", "must be CREATED_AT or UPDATED_AT")),
        };
        let now = app.host.engine.now();
        let to = time("to")?.unwrap_or(now.plus(Span::seconds(1)));
        let from = time("from")?.unwrap_or(now.minus(USUAL_RANGE));
        Ok(Self { from, to, by_update })
    }

    fn holds(&self, line: &Line) -> bool {
        let at = if self.by_update { line.updated_at } else { line.created_at };
        self.from <= at && at < self.to
    }
}

/// `GET /ledger/v1/transactions`.
pub(super) async fn list(State(app): State<Arc<App>>, call: Call) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let query = call.query();
    let page = PageInput::read(&query)?;
    let wanted = Wanted::read(&app, &query)?;
    let wallet = parameter(&query, "walletId").ok_or_else(|| Fault::field("walletId", "is required"))?;
    let account = wallets::find(&app, &call.caller, wallet).await?;
    let mut rows = lines(&app, account, wanted).await?;
    if page.ascending {
        rows.reverse();
    }
    Ok(answer::json(200, Out::from(page.print(rows)).print()))
}

/// `GET /api/transaction/{walletId}`.
pub(super) async fn list_legacy(
    State(app): State<Arc<App>>,
    wallet: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let query = call.query();
    let number = |name: &str, usual: usize| match parameter(&query, name) {
        None => Ok(usual),
        Some(text) => text.parse::<usize>().map_err(|_| Fault::field(name, "must be a number")),
    };
    let (most, offset) = (number("max", LEGACY_ROWS_MAX)?, number("offset", 0)?);
    if !(1..=LEGACY_ROWS_MAX).contains(&most) {
        return Err(Fault::field("max", "must be 1 to 100"));
    }
    let wanted = Wanted::read(&app, &query)?;
    let account = wallets::find(&app, &call.caller, &routes::id(wallet)).await?;
    let rows = lines(&app, account, wanted).await?;
    Ok(answer::json(200, Out::List(rows.into_iter().skip(offset).take(most).collect()).print()))
}

/// The lines that are wanted, the newest first.
async fn lines(app: &Arc<App>, account: Account, wanted: Wanted) -> Result<Vec<Out>, Fault> {
    let (from, shared) = (if wanted.by_update { Timestamp(0) } else { wanted.from }, Arc::clone(app));
    let of = account.clone();
    let found = app.host.engine.read(move |reader| {
        let book = Book { app: &shared, reader, of: HeldAccount { merchant: of.merchant, account: of.id } };
        book.lines(from)
    });
    let mut lines = found.await.map_err(Fault::of_unavailable)?;
    // What is in one place in time stays in the order in which it was put.
    lines.sort_by_key(|line| line.created_at);
    let mut running = account.balance.credit_posted();
    let (code, exponent) = (account.currency.code(), account.currency.exponent());
    let mut rows = Vec::new();
    for line in lines.into_iter().rev() {
        if wanted.holds(&line) {
            let value = Out::Raw(printed_signed(running, exponent));
            let balance = Object::new().put("value", value).put("currencyCode", code);
            rows.push(line.body.put("runningBalance", balance).into());
        }
        running = running.saturating_sub(line.moved);
    }
    Ok(rows)
}

/// The lines of an account, gathered.
struct Book<'r> {
    app: &'r App,
    reader: &'r dyn Reader,
    of: HeldAccount,
}

impl Book<'_> {
    fn lines(&self, from: Timestamp) -> Result<Vec<Line>, StoreError> {
        let now = self.app.host.engine.now().plus(Span::seconds(1));
        let mut lines = Vec::new();
        for payment in movements::payments(self.reader, self.of, SettledRange { from, until: now })? {
            self.payin(&payment, &mut lines);
        }
        for refund in movements::refunds(self.reader, self.of, &RefundFilter::default(), (from, now))? {
            let Some(payment) = self.reader.payment(refund.merchant, refund.payment)? else { continue };
            self.refund(Pair { refund: &refund, payment: &payment }, &mut lines);
        }
        let states = vec!["returned".to_owned()];
        let returned = RefundFilter { states, ..RefundFilter::default() };
        for refund in movements::refunds(self.reader, self.of, &returned, (Timestamp(0), now))? {
            // A return is the last thing that changes a refund.
            if refund.updated_at >= from {
                self.came_back(&refund, &mut lines);
            }
        }
        for payout in movements::payouts(self.reader, self.of, (from, now))? {
            self.payout(&payout, &mut lines);
        }
        Ok(lines)
    }

    fn waiting(&self) -> WaitingAs {
        self.app.config(self.of.merchant).waiting_as
    }

    fn payin(&self, payment: &Payment, lines: &mut Vec<Line>) {
        let numbers = self.app.config(self.of.merchant).account_numbers;
        let how = PayinNotes::of(payment);
        let credited = Amount::new(payment.counters.claimable, payment.amount.currency);
        let at = payment.moments.settled_at.unwrap_or(payment.created_at);
        let payer = payment.debtor.as_ref().map(|party| {
            let holder = how.holder(party);
            Object::new().put("bankAccount", bank_account(holder, numbers)).put("entity", entity(holder))
        });
        let head = |kind: &'static str, word: &'static str, amount: Amount, at: Timestamp| {
            Object::new()
                .put("transactionReference", payment.id.to_string())
                .put("type", kind)
                .put("status", word)
                .put("createdAt", time(at))
                .put("updatedAt", time(payment.updated_at))
                .put("amount", coded(amount))
        };
        let body = head("PAYIN", states::payin(payment), credited, at)
            .put_some("originator", payer)
            .put("details", Object::new().put("paymentMethod", how.method.as_str()));
        lines.push(Line { created_at: at, updated_at: payment.updated_at, moved: i128::from(credited.minor), body });
        let reversed = payment.counters.reversed;
        if reversed > 0 {
            // What refunds had given away already is owed, not taken from here.
            let taken = reversed.saturating_sub(payment.counters.exposure());
            let amount = Amount::new(reversed, credited.currency);
            let body = head("REVERSAL", Word::Completed.text(), amount, payment.updated_at)
                .put("details", Object::new().put("paymentMethod", how.method));
            lines.push(Line {
                created_at: payment.updated_at,
                updated_at: payment.updated_at,
                moved: -i128::from(taken),
                body,
            });
        }
    }

    fn refund(&self, pair: Pair<'_>, lines: &mut Vec<Line>) {
        let Pair { refund, payment } = pair;
        let booked = refund.reservation == Reservation::Posted;
        let word = match refund.state {
            // The line of the return tells that it came back.
            RefundState::Returned { .. } => Word::Completed,
            RefundState::Awaiting(_)
            | RefundState::Ready
            | RefundState::Submitted
            | RefundState::Settled { .. }
            | RefundState::Failed { .. }
            | RefundState::Rejected { .. }
            | RefundState::Cancelled { .. }
            | RefundState::Expired { .. } => Standing::of(refund).word(self.waiting()),
        };
        let how = PayinNotes::of(payment);
        let payee = pair.creditor(&how).map(|holder| {
            let account = bank_account(holder, self.app.config(self.of.merchant).account_numbers);
            Object::new().put("bankAccount", account).put("entity", entity(holder))
        });
        let details = || Object::new().put("paymentMethod", how.method.as_str());
        for (kind, amount) in [("PAYOUT", refund.amount), ("FEE", pair.fee())] {
            if amount.minor == 0 {
                continue;
            }
            let body = head(refund, (kind, word), amount, refund.created_at)
                .put_some("beneficiary", payee.clone().filter(|_| kind == "PAYOUT"))
                .put("details", details());
            let moved = if booked { -i128::from(amount.minor) } else { 0 };
            lines.push(Line { created_at: refund.created_at, updated_at: refund.updated_at, moved, body });
        }
    }

    fn came_back(&self, refund: &Refund, lines: &mut Vec<Line>) {
        let RefundState::Returned { amount_back, .. } = refund.state else { return };
        let back = match self.app.host.engine.rules().return_charges {
            ReturnCharges::Operator => refund.amount.minor,
            ReturnCharges::Merchant => amount_back,
        };
        let at = refund.updated_at;
        // The fee follows the amount, where that was promised when the refund was made.
        let fee_back = match refund.fee_on_return {
            FeeOnReturn::Keep => 0,
            FeeOnReturn::Refund => refund.fee,
        };
        for minor in [back, fee_back].into_iter().filter(|minor| *minor > 0) {
            let amount = Amount::new(minor, refund.amount.currency);
            let body = head(refund, ("REVERSAL", Word::Completed), amount, at);
            lines.push(Line { created_at: at, updated_at: at, moved: i128::from(minor), body });
        }
    }

    fn payout(&self, payout: &Payout, lines: &mut Vec<Line>) {
        let (word, moved) = match payout.state {
            PayoutState::Ready | PayoutState::Submitted => (Word::Processing, 0),
            PayoutState::Settled => (Word::Completed, -i128::from(payout.amount.minor)),
            PayoutState::Failed { .. } => (Word::Failed, 0),
            // It left and came back.
            PayoutState::Returned { .. } => (Word::Returned, 0),
        };
        let holder = Holder { party: &payout.creditor, entity: Entity::Individual, bank_code: "" };
        let account = bank_account(holder, self.app.config(self.of.merchant).account_numbers);
        let body = Object::new()
            .put("transactionReference", payout.id.to_string())
            .put("type", "PAYOUT")
            .put("status", word.text())
            .put("createdAt", time(payout.created_at))
            .put("updatedAt", time(payout.updated_at))
            .put("amount", coded(payout.amount))
            .put("beneficiary", Object::new().put("bankAccount", account));
        lines.push(Line { created_at: payout.created_at, updated_at: payout.updated_at, moved, body });
    }
}

fn head(refund: &Refund, (kind, word): (&'static str, Word), amount: Amount, at: Timestamp) -> Object {
    Object::new()
        .put("transactionReference", refund.id.to_string())
        .put("payinTransactionReference", refund.payment.to_string())
        .put("type", kind)
        .put("status", word.text())
        .put("createdAt", time(at))
        .put("updatedAt", time(refund.updated_at))
        .put("amount", coded(amount))
}
