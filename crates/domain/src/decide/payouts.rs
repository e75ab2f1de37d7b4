//! Payouts: made, sent, and moved by the same evidence as refunds. Their
//! money is set aside in the commit of the send intent; what lacks then ends
//! them.

use super::order::Ordered;
use super::{Done, accounts, funds, reports, request, send, tick};
use crate::attempt::{Attempt, AttemptState, Course, course};
use crate::command::{PayoutStep, RequestPayout};
use crate::deadline::Pace;
use crate::event::EventKind;
use crate::facts::Draft;
use crate::id::{AccountId, PayoutId};
use crate::instruction::{DebtorAccount, Instruction, Order, Report};
use crate::ledger::{AccountKind, Book, Subject, TransferKind};
use crate::money::{AMOUNT_MINOR_MAX, Amount};
use crate::once::{Fingerprint, OnceRecord, OnceResult};
use crate::payout::{Payout, PayoutState};
use crate::reason::{BankCode, Failure, FailureKind, kind_of_iso};
use crate::reference::{ids_of_payout, payout_reference_key};
use crate::refund::{Case, CaseCode, Reservation};
use crate::refusal::Refusal;
use crate::time::Timestamp;
use std::sync::Arc;

/// A working copy, or the refusal that nobody knows it.
pub(super) fn known(draft: &Draft<'_>, id: PayoutId) -> Result<Payout, Refusal> {
    draft.payout(id).ok_or(Refusal::PayoutUnknown)
}

pub(super) fn request(draft: &mut Draft<'_>, request: &RequestPayout) -> Result<Done, Refusal> {
    let context = draft.context();
    if draft.payout(request.id).is_some() {
        return Err(Refusal::AlreadyExists);
    }
    let name = payout_reference_key(context.merchant, request, context.sha256);
    if draft.facts().once.contains_key(&name) {
        return Err(Refusal::DuplicateReference);
    }
    let account = draft
        .account(request.account)
        .filter(|account| account.kind == AccountKind::Held && request::may_use(&account.group, &request.origin));
    let account = account.ok_or(Refusal::AccountUnknown)?;
    if !account.eligible {
        return Err(Refusal::AccountNotEligible);
    }
    if account.currency != request.amount.currency {
        return Err(Refusal::FundingCurrency);
    }
    match request.amount.minor {
        0 => return Err(Refusal::AmountNotPositive),
        minor if minor > AMOUNT_MINOR_MAX => return Err(Refusal::AmountTooLarge),
        _ => {}
    }
    let mut payout = blank(request, account.merchant, context.at);
    enter(draft, &mut payout, PayoutState::Ready)?;
    let result = OnceResult::Payout(request.id);
    draft.put_once(name, OnceRecord { fingerprint: Fingerprint([0; 16]), result, at: context.at });
    draft.put_payout(payout);
    Ok(Done::Payout(request.id))
}

fn blank(request: &RequestPayout, merchant: crate::id::MerchantId, at: Timestamp) -> Payout {
    Payout {
        id: request.id,
        merchant,
        account: request.account,
        origin: request.origin.clone(),
        reference: request.reference.clone(),
        amount: request.amount,
        creditor: request.creditor.clone(),
        remittance: request.remittance.clone(),
        pace: request.pace,
        reservation: Reservation::None,
        state: PayoutState::Ready,
        cases: Vec::new(),
        attempts: Vec::new(),
        extension: Arc::clone(&request.extension),
        event_count: 0,
        chain: [0; 32],
        submitted_at: None,
        settled_at: None,
        ended_at: None,
        created_at: at,
        updated_at: at,
    }
}

pub(super) fn step(draft: &mut Draft<'_>, id: PayoutId, step: PayoutStep) -> Result<Done, Refusal> {
    let before = known(draft, id)?;
    let mut payout = before.clone();
    match step {
        PayoutStep::BeginSend { epoch, lease_until } => return begin(draft, payout, (epoch, lease_until)),
        PayoutStep::Resend { attempt, epoch, lease_until } => {
            return resend(draft, payout, attempt, (epoch, lease_until));
        }
        PayoutStep::RecordSubmission { attempt, epoch, outcome } => {
            send::take_answer(draft, &mut payout, (attempt, epoch), outcome)?;
        }
        PayoutStep::RecordInquiry { attempt } => send::ask_later(draft, &mut payout, attempt),
        PayoutStep::RecordTaken { amount, at } => record_taken(draft, &mut payout, amount, at)?,
        PayoutStep::CloseCase { code } => close_case(draft, &mut payout, code)?,
        PayoutStep::Tick => match payout.state {
            PayoutState::Submitted => tick::tick_attempt(draft, &mut payout),
            PayoutState::Ready | PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. } => {}
        },
    }
    if payout == before {
        return Ok(Done::Unchanged);
    }
    draft.put_payout(payout);
    Ok(Done::Payout(id))
}

fn begin(draft: &mut Draft<'_>, mut payout: Payout, claim: (u64, Timestamp)) -> Result<Done, Refusal> {
    let id = payout.id;
    match payout.state {
        PayoutState::Ready => {}
        PayoutState::Submitted | PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. } => {
            return Ok(Done::Unchanged);
        }
    }
    if waits_for_person(&payout) || payout.pace.send_at(payout.updated_at) > draft.context().at {
        return Ok(Done::Unchanged);
    }
    let paused = draft.account(payout.account).is_some_and(|account| account.paused_at.is_some());
    let stopped =
        if paused { Some(CaseCode::Drift) } else { waits_for_stray(draft, &payout).then_some(CaseCode::Unmatched) };
    if let Some(code) = stopped {
        payout.open_case(draft, code);
        draft.put_payout(payout);
        return Ok(Done::Payout(id));
    }
    if lacks(draft, &payout)? {
        let failure = Failure::of(FailureKind::InsufficientFunds);
        enter(draft, &mut payout, PayoutState::Failed { failure })?;
        draft.put_payout(payout);
        return Ok(Done::Payout(id));
    }
    if payout.attempts.is_empty() {
        payout.attempts.push(Attempt::due(1));
    }
    enter(draft, &mut payout, PayoutState::Submitted)?;
    reserve(draft, &mut payout)?;
    let instruction = start(draft, &mut payout, claim);
    draft.put_payout(payout);
    Ok(Done::Send(Box::new(instruction)))
}

/// Only a person lets it go on.
fn waits_for_person(payout: &Payout) -> bool {
    payout.has_open_case(CaseCode::Unmatched) || payout.has_open_case(CaseCode::Drift)
}

/// A debit that nobody can explain names this creditor and may be this payout:
/// it waits until a person closes the case (rails M21).
fn waits_for_stray(draft: &Draft<'_>, payout: &Payout) -> bool {
    let creditor = (payout.merchant, payout.creditor.account.canonical());
    let looked = payout.had_case(CaseCode::Unmatched) && !payout.has_open_case(CaseCode::Unmatched);
    draft.facts().stray_creditors.contains(&creditor) && !looked
}

/// Our record of the payout survived, that of its send did not. Where a debit
/// lies in suspense that may be the same one, a person must tell.
fn record_taken(draft: &mut Draft<'_>, payout: &mut Payout, amount: u64, at: Timestamp) -> Result<(), Refusal> {
    if !payout.attempts.is_empty() {
        return Ok(());
    }
    if waits_for_stray(draft, payout) {
        payout.open_case(draft, CaseCode::Unmatched);
        return Ok(());
    }
    let context = draft.context();
    payout.attempts.push(Attempt { number: 1, state: AttemptState::Due, sent_at: Some(at) });
    let ids = ids_of_payout(payout, 1, context.rules.environment, context.sha256);
    draft.put_instruction(ids.instruction_id, Order::Payout(payout.id), 1);
    reports::apply(draft, payout, 1, Report::Executed { amount, charges: 0 })
}

fn close_case(draft: &mut Draft<'_>, payout: &mut Payout, code: CaseCode) -> Result<(), Refusal> {
    let at = draft.context().at;
    let open = payout.cases.iter_mut().find(|case| case.code == code && case.closed_at.is_none());
    open.ok_or(Refusal::CaseUnknown)?.closed_at = Some(at);
    draft.payout_event(payout, EventKind::CaseClosed { code });
    Ok(())
}

/// The same bytes under the same id, where the rail recognises them (rails M4).
fn resend(draft: &mut Draft<'_>, mut payout: Payout, number: u8, claim: (u64, Timestamp)) -> Result<Done, Refusal> {
    let paused = draft.account(payout.account).is_some_and(|account| account.paused_at.is_some());
    if paused || !send::may_repeat(draft, &payout, number) {
        return Ok(Done::Unchanged);
    }
    let instruction = start(draft, &mut payout, claim);
    draft.put_payout(payout);
    Ok(Done::Send(Box::new(instruction)))
}

fn start(draft: &mut Draft<'_>, payout: &mut Payout, (epoch, lease_until): (u64, Timestamp)) -> Instruction {
    let context = draft.context();
    let (number, named) = send::start_attempt(payout, context.at, (epoch, lease_until));
    let ids = ids_of_payout(payout, number, context.rules.environment, context.sha256);
    let order = Order::Payout(payout.id);
    // A repeated send is named already; its facts do not hold the name.
    if !named && !draft.facts().instructions.contains_key(&ids.instruction_id) {
        draft.put_instruction(ids.instruction_id.clone(), order, number);
    }
    Instruction {
        merchant: payout.merchant,
        order,
        payment: None,
        attempt: number,
        epoch,
        lease_until,
        ids,
        amount: payout.amount,
        debtor: DebtorAccount::Held(payout.account),
        creditor: payout.creditor.clone(),
        remittance: payout.remittance.clone(),
        dialect: Arc::clone(&payout.origin.dialect),
    }
}

fn enter(draft: &mut Draft<'_>, payout: &mut Payout, state: PayoutState) -> Result<(), Refusal> {
    let at = draft.context().at;
    payout.state = state;
    match state {
        PayoutState::Ready => {}
        PayoutState::Submitted => payout.submitted_at = Some(at),
        PayoutState::Settled => payout.settled_at = Some(at),
        PayoutState::Failed { .. } | PayoutState::Returned { .. } => payout.ended_at = Some(at),
    }
    draft.payout_event(payout, EventKind::PayoutEntered { state });
    match state {
        PayoutState::Ready | PayoutState::Submitted => Ok(()),
        PayoutState::Settled => spend(draft, payout),
        PayoutState::Failed { .. } => release(draft, payout),
        PayoutState::Returned { amount_back, charges, .. } => funds::take_back_held(
            draft,
            payout.account,
            payout.amount.currency,
            (amount_back, charges),
            payout.subject(),
        ),
    }
}

fn lacks(draft: &Draft<'_>, payout: &Payout) -> Result<bool, Refusal> {
    let account = draft.account(payout.account).ok_or(Refusal::AccountUnknown)?;
    Ok(account.balance.available() < payout.amount.minor)
}

fn clear(draft: &mut Draft<'_>, payout: &Payout, kind: TransferKind) -> Result<(), Refusal> {
    let book = draft.book(payout.amount.currency).ok_or(Refusal::AccountUnknown)?;
    draft.transfer(payout.account, book.payout_clearing, payout.amount.minor, kind, payout.subject())?;
    Ok(())
}

/// Sets the amount aside; the newest event of the draft is the cause.
fn reserve(draft: &mut Draft<'_>, payout: &mut Payout) -> Result<(), Refusal> {
    assert!(payout.reservation == Reservation::None, "a payout is reserved at most once");
    clear(draft, payout, TransferKind::Pending)?;
    payout.reservation = Reservation::Pending;
    Ok(())
}

/// Gives back what was set aside, if anything was.
fn release(draft: &mut Draft<'_>, payout: &mut Payout) -> Result<(), Refusal> {
    assert!(
        !payout.attempts.iter().any(|attempt| attempt.state.under_way()),
        "a reservation is never voided while an attempt is under way"
    );
    if payout.reservation == Reservation::Pending {
        clear(draft, payout, TransferKind::Void)?;
        payout.reservation = Reservation::Voided;
    }
    Ok(())
}

/// Books the money as gone.
fn spend(draft: &mut Draft<'_>, payout: &mut Payout) -> Result<(), Refusal> {
    match payout.reservation {
        Reservation::Pending => clear(draft, payout, TransferKind::Post)?,
        Reservation::None => {
            let book = draft.book(payout.amount.currency).ok_or(Refusal::AccountUnknown)?;
            funds::spend_held(
                draft,
                payout.account,
                (book, book.payout_clearing),
                payout.amount.minor,
                payout.subject(),
            )?;
        }
        Reservation::Posted | Reservation::Voided => return Ok(()),
    }
    payout.reservation = Reservation::Posted;
    Ok(())
}

/// The state that all attempts together say; none before the first one began.
fn state_of_attempts(payout: &Payout) -> Option<PayoutState> {
    Some(match course(&payout.attempts) {
        Course::NotBegun => return None,
        Course::Executed(_) => PayoutState::Settled,
        Course::Returned => match payout.state {
            returned @ PayoutState::Returned { .. } => returned,
            PayoutState::Ready | PayoutState::Submitted | PayoutState::Settled | PayoutState::Failed { .. } => {
                PayoutState::Returned { code: None, amount_back: payout.amount.minor, charges: 0 }
            }
        },
        Course::UnderWay => PayoutState::Submitted,
        Course::Rejected(failure) => PayoutState::Failed { failure },
        Course::Withdrawn => PayoutState::Failed { failure: Failure::of(FailureKind::NotExecuted) },
    })
}

impl Ordered for Payout {
    fn amount(&self) -> Amount {
        self.amount
    }

    fn subject(&self) -> Subject {
        Subject::Payout(self.id)
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    fn clearing(&self, book: &Book) -> AccountId {
        book.payout_clearing
    }

    fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    fn attempts_mut(&mut self) -> &mut Vec<Attempt> {
        &mut self.attempts
    }

    fn cases(&self) -> &[Case] {
        &self.cases
    }

    fn cases_mut(&mut self) -> &mut Vec<Case> {
        &mut self.cases
    }

    fn event(&mut self, draft: &mut Draft<'_>, kind: EventKind) {
        draft.payout_event(self, kind);
    }

    fn unknown(&self) -> Refusal {
        Refusal::PayoutUnknown
    }

    fn failure_of(&self, code: Option<BankCode>) -> Failure {
        let text = code.as_ref().map_or("", BankCode::as_str);
        Failure { kind: kind_of_iso(text), bank_code: code }
    }

    /// A payout has nothing to wait for: it fails and may be asked for again.
    /// Its account pays nothing more until a person looked (rails M22).
    fn lacks_funds(&mut self, draft: &mut Draft<'_>, _: u8, _: Failure) -> Result<bool, Refusal> {
        if draft.context().rules.am04_is_drift {
            accounts::pause(draft, self.account)?;
        }
        Ok(false)
    }

    fn refused(&mut self, _: &mut Draft<'_>, _: Option<Timestamp>) {}

    fn catch_up(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if self.state != PayoutState::Ready {
            return Ok(());
        }
        enter(draft, self, PayoutState::Submitted)?;
        if self.reservation == Reservation::None && !lacks(draft, self)? {
            reserve(draft, self)?;
        }
        Ok(())
    }

    fn follow(&mut self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let Some(next) = state_of_attempts(self) else { return Ok(()) };
        let moves = match (self.state, next) {
            (PayoutState::Submitted, _) | (PayoutState::Settled, PayoutState::Returned { .. }) => next != self.state,
            // Ends do not move; contradictions were made cases before.
            (
                PayoutState::Ready | PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. },
                _,
            ) => false,
        };
        if moves { enter(draft, self, next) } else { Ok(()) }
    }

    fn is_paid_by_rail(&self) -> bool {
        self.state == PayoutState::Settled
    }

    fn is_paid_outside(&self) -> bool {
        false
    }

    fn come_back(
        &mut self,
        draft: &mut Draft<'_>,
        code: Option<BankCode>,
        (amount_back, charges): (u64, u64),
    ) -> Result<(), Refusal> {
        enter(draft, self, PayoutState::Returned { code, amount_back, charges })
    }
}

/// When something must be done about a payout if nothing happens before. None
/// when only reports can move it.
#[must_use]
pub fn wake_payout_at(payout: &Payout) -> Option<Timestamp> {
    match payout.state {
        PayoutState::Ready if waits_for_person(payout) => None,
        PayoutState::Ready => Some(payout.pace.send_at(payout.updated_at)),
        PayoutState::Submitted => {
            let newest = payout.newest_attempt()?;
            match newest.state {
                AttemptState::Due => Some(payout.updated_at),
                AttemptState::Sending { .. }
                | AttemptState::Unknown { .. }
                | AttemptState::Accepted { .. }
                | AttemptState::Executed
                | AttemptState::Rejected { .. }
                | AttemptState::Absent
                | AttemptState::Withdrawn
                | AttemptState::Returned => tick::wake_by_attempt(newest.state, &payout.cases, payout.pace),
            }
        }
        PayoutState::Settled | PayoutState::Failed { .. } | PayoutState::Returned { .. } => None,
    }
}
