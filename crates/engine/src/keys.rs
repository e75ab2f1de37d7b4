//! What each command needs to have loaded before it is decided.

use crate::envelope::{Envelope, Work};
use crate::registry::Directory;
use crate::store::Keys;
use refundry_domain::approval::SumKey;
use refundry_domain::command::{
    Command, CreateMandate, FeeInput, OpenAccount, PayoutStep, RecordPayment, ReferenceInput, RequestPayout,
    RequestRefund,
};
use refundry_domain::facts::Facts;
use refundry_domain::id::{MerchantId, PaymentId, PayoutId, RefundId};
use refundry_domain::instruction::{Debit, Order};
use refundry_domain::reference::{instruction_id_of_request, merchant_reference_key, payout_reference_key};
use refundry_domain::refund::Funding;
use refundry_domain::rules::Environment;
use refundry_domain::stray::StrayEnd;

/// Adds what an envelope needs to the keys of its batch.
pub(crate) fn collect(envelope: &Envelope, directory: &Directory, environment: Environment, keys: &mut Keys) {
    if let Some(once) = &envelope.once {
        keys.once.insert(once.key);
    }
    match &envelope.work {
        Work::Command(command) => {
            of_command(envelope.merchant, command, keys);
            if let Command::RequestRefund(request) = &**command {
                if counts_fees(request, envelope.merchant, directory) {
                    // The fees of its live refunds count, too.
                    keys.payments_with_refunds.insert((envelope.merchant, request.payment));
                }
                let id = instruction_id_of_request(envelope.merchant, request, environment, crate::digest::sha256);
                keys.instructions.extend(id.map(|id| (envelope.merchant, id, None)));
            }
        }
        Work::Registry { .. } | Work::Keep { .. } | Work::Deliveries(_) | Work::Swept => {}
    }
}

/// Whether the fees of live refunds count against what can be refunded.
fn counts_fees(request: &RequestRefund, merchant: MerchantId, directory: &Directory) -> bool {
    let by_door = match &request.fee {
        FeeInput::Given(_) => None,
        FeeInput::ByRules { terms, .. } => terms.reduce_refundable,
    };
    by_door.unwrap_or_else(|| directory.fee_rules(merchant).reduce_refundable)
}

/// Adds the sums that the merchant's approval limits watch for an envelope
/// whose payment or refund is loaded.
pub(crate) fn collect_sums(envelope: &Envelope, facts: &Facts, directory: &Directory, keys: &mut Keys) {
    let Work::Command(command) = &envelope.work else { return };
    let Some(rules) = directory.policies.get(&envelope.merchant).filter(|rules| rules.refunds) else { return };
    let (payment, creditor, is_new) = if let Command::RequestRefund(request) = &**command {
        (request.payment, request.creditor.as_ref(), true)
    } else if let Command::GiveDetails { refund, creditor, .. } = &**command
        && let Some(refund) = facts.refunds.get(refund)
    {
        (refund.payment, Some(creditor), false)
    } else {
        return;
    };
    let Some(payment) = facts.payments.get(&payment) else { return };
    let (merchant, currency, day) = (envelope.merchant, payment.amount.currency, keys.at.day_number());
    let limits = rules.limits_of(currency);
    let key = |creditor| SumKey { merchant, currency, day, creditor };
    if limits.day.is_some() && is_new {
        keys.approval_sums.insert(key(None));
    }
    if limits.creditor_day.is_some() {
        // Who receives it is decided later; both accounts that it may be are read.
        let accounts = payment.debtor.iter().chain(creditor).map(|party| party.account.canonical());
        keys.approval_sums.extend(accounts.map(|account| key(Some(account))));
    }
}

fn of_command(merchant: MerchantId, command: &Command, keys: &mut Keys) {
    if matches!(command, Command::BeginSend { .. }) {
        keys.strays.insert(merchant);
    }
    let mut refund = |id: &RefundId| {
        keys.refunds.insert((merchant, *id));
    };
    match command {
        Command::RequestPayout(request) => of_payout(merchant, request, keys),
        Command::StepPayout { payout, step } => of_step(merchant, *payout, *step, keys),
        Command::OpenBook { currency, .. } => {
            keys.books.insert((merchant, *currency));
        }
        Command::OpenAccount(open) => of_account(merchant, open, keys),
        Command::SetBalance { account, .. } => {
            keys.accounts.insert((merchant, *account));
        }
        Command::RecordPayment(record) => of_record(merchant, record, keys),
        Command::AnnotatePayment { payment, .. } => {
            keys.payments.insert((merchant, *payment));
        }
        Command::AdvancePayment { payment, .. }
        | Command::TickPayment { payment }
        | Command::ReversePayment { payment, .. }
        | Command::BlockPayment { payment, .. }
        | Command::UnblockPayment { payment, .. } => {
            keys.payments_with_refunds.insert((merchant, *payment));
        }
        Command::RequestRefund(request) => of_request(merchant, request, keys),
        Command::GiveDetails { refund: id, .. }
        | Command::ApproveRefund { refund: id, .. }
        | Command::RejectRefund { refund: id, .. }
        | Command::AuthoriseRefund { refund: id }
        | Command::DeclineAuthorisation { refund: id }
        | Command::CancelRefund { refund: id }
        | Command::PlaceBlock { refund: id, .. }
        | Command::LiftBlock { refund: id, .. }
        | Command::CloseCase { refund: id, .. }
        | Command::RecordExternal { refund: id, .. }
        | Command::RecordAbsent { refund: id, .. }
        | Command::DecideAbsent { refund: id, .. }
        | Command::BeginSend { refund: id, .. }
        | Command::RecordSubmission { refund: id, .. }
        | Command::RecordInquiry { refund: id, .. }
        | Command::Resend { refund: id, .. }
        | Command::RecordWithdrawalPassed { refund: id }
        | Command::Tick { refund: id }
        | Command::EndTime { refund: id }
        | Command::AnnotateRefund { refund: id, .. } => refund(id),
        Command::Postpone { order, .. } => match order {
            Order::Refund(id) => refund(id),
            Order::Payout(payout) => {
                keys.payouts.insert((merchant, *payout));
            }
        },
        Command::RecordReport { instruction_id, evidence, .. }
        | Command::RecordStray { instruction_id, evidence, .. } => {
            keys.instructions.insert((merchant, instruction_id.clone(), Some(*evidence)));
        }
        Command::CloseStray { instruction_id, end, .. } => of_stray(merchant, instruction_id, *end, keys),
        Command::ResumeAccount { account, .. } => {
            keys.accounts.insert((merchant, *account));
        }
        Command::AdoptDebit { payment, debit, .. } => of_debit(merchant, *payment, debit, keys),
        Command::CreateMandate(create) => of_mandate(merchant, create, keys),
        Command::MoveMandate { mandate, .. } | Command::TickMandate { mandate } => {
            keys.mandates.insert((merchant, *mandate));
        }
    }
}

fn of_account(merchant: MerchantId, open: &OpenAccount, keys: &mut Keys) {
    keys.accounts.insert((merchant, open.id));
    keys.books.insert((merchant, open.currency));
}

fn of_mandate(merchant: MerchantId, create: &CreateMandate, keys: &mut Keys) {
    keys.mandates.insert((merchant, create.id));
    keys.accounts.extend(create.debtor_account.map(|account| (merchant, account)));
}

fn of_stray(merchant: MerchantId, instruction_id: &str, end: StrayEnd, keys: &mut Keys) {
    keys.instructions.insert((merchant, instruction_id.to_owned(), None));
    match end {
        StrayEnd::Explained { account } => {
            keys.accounts.insert((merchant, account));
        }
        StrayEnd::WrittenOff => {}
    }
}

fn of_debit(merchant: MerchantId, payment: Option<PaymentId>, debit: &Debit, keys: &mut Keys) {
    keys.instructions.insert((merchant, debit.instruction_id.clone(), None));
    keys.books.insert((merchant, debit.amount.currency));
    keys.payments_with_refunds.extend(payment.map(|payment| (merchant, payment)));
}

fn of_record(merchant: MerchantId, record: &RecordPayment, keys: &mut Keys) {
    keys.accounts.insert((merchant, record.account));
    keys.payments.insert((merchant, record.id));
    keys.origin_keys.extend(record.origin_keys.iter().map(|key| (merchant, key.clone())));
}

fn of_request(merchant: MerchantId, request: &RequestRefund, keys: &mut Keys) {
    keys.payments.insert((merchant, request.payment));
    keys.strays.insert(merchant);
    match request.funding {
        Some(Funding::Held { account }) => {
            keys.accounts.insert((merchant, account));
        }
        Some(Funding::Mandate { mandate, .. }) => {
            keys.mandates.insert((merchant, mandate));
        }
        // A payment brings its own account.
        Some(Funding::MerchantAuthorised) | None => {}
    }
    if let ReferenceInput::Auto { hash } = &request.reference {
        keys.keyless.insert((request.payment, hash.to_string()));
    }
    if let Some(own) = &request.merchant_reference {
        keys.once.insert(merchant_reference_key(merchant, own, crate::digest::sha256));
    }
}

fn of_payout(merchant: MerchantId, request: &RequestPayout, keys: &mut Keys) {
    keys.payouts.insert((merchant, request.id));
    keys.accounts.insert((merchant, request.account));
    keys.once.insert(payout_reference_key(merchant, request, crate::digest::sha256));
}

fn of_step(merchant: MerchantId, payout: PayoutId, step: PayoutStep, keys: &mut Keys) {
    if matches!(step, PayoutStep::BeginSend { .. } | PayoutStep::RecordTaken { .. }) {
        keys.strays.insert(merchant);
    }
    keys.payouts.insert((merchant, payout));
}
