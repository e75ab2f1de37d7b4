//! A refund as its approver sees it.

use super::load::Loaded;
use super::{history, href, texts, unusual};
use crate::page::{Chip, Moment, Money, Notice, PartyView, PaymentBar, Step, Tone, age, left, source_sentence};
use crate::visitor::Visitor;
use refundry_domain::approval::Approval;
use refundry_domain::money::Amount;
use refundry_domain::party::Creditor;
use refundry_domain::refund::{Funding, Gate, Refund, RefundState};
use refundry_domain::time::Timestamp;

/// Everything on the page.
pub(super) struct View {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) chip: Chip,
    pub(super) money: Money,
    pub(super) words: String,
    pub(super) creditor: PartyView,
    pub(super) source: &'static str,
    /// It waits for people now.
    pub(super) pending: bool,
    pub(super) unusual: Notice,
    pub(super) effect: String,
    /// Why this visitor cannot decide, where they cannot.
    pub(super) disabled: Option<String>,
    pub(super) may_withdraw: bool,
    pub(super) funding: String,
    pub(super) balance_after: Option<Money>,
    pub(super) fee: Option<Money>,
    pub(super) maker: String,
    pub(super) asked_at: Moment,
    pub(super) age: String,
    pub(super) approvals: String,
    pub(super) valid_until: Moment,
    pub(super) left: String,
    pub(super) remittance: Option<String>,
    pub(super) merchant_reference: Option<String>,
    pub(super) debtor: Option<PartyView>,
    pub(super) paid_at: Moment,
    pub(super) bar: PaymentBar,
    pub(super) steps: Vec<Step>,
    /// What a decision binds, as hex; a form carries it.
    pub(super) content: String,
}

impl View {
    /// The view of a refund that people decide about.
    pub(super) fn new(loaded: &Loaded, visitor: &Visitor, now: Timestamp) -> Self {
        let (refund, payment) = (&loaded.refund, &loaded.payment);
        let money = |minor| Money(Amount::new(minor, refund.amount.currency));
        let approval = refund.approval.as_ref();
        let counters = &payment.counters;
        let pending = refund.state.before_send() && approval.is_some_and(|approval| !approval.complete());
        let disabled = disabled(refund, visitor, now);
        let valid_until = approval.map_or(now, |approval| approval.valid_until);
        Self {
            id: refund.id.to_string(),
            href: href(refund.id),
            chip: texts::chip(refund.state),
            money: Money(refund.amount),
            words: Money(refund.amount).words(),
            creditor: PartyView::of(loaded.creditor()),
            source: source_sentence(refund.creditor.source()),
            pending,
            unusual: unusual_notice(loaded, now),
            effect: effect(loaded, disabled.is_none()),
            disabled,
            may_withdraw: may_withdraw(refund, visitor),
            funding: texts::funding(refund.funding, loaded.account.as_ref().map(|account| &*account.name)),
            balance_after: loaded.balance_after().filter(|_| pending).map(money),
            fee: Some(refund.fee).filter(|fee| *fee > 0).map(money),
            maker: texts::maker(refund, visitor),
            asked_at: Moment(refund.created_at),
            age: age(refund.created_at, now),
            approvals: approval.map(|approval| given(approval, visitor)).unwrap_or_default(),
            valid_until: Moment(valid_until),
            left: left(now, valid_until),
            remittance: refund.remittance.as_deref().map(str::to_owned),
            merchant_reference: refund.merchant_reference.as_deref().map(str::to_owned),
            debtor: payment.debtor.as_ref().map(|debtor| PartyView::of(Some(debtor))),
            paid_at: Moment(payment.created_at),
            bar: bar(refund, counters.claimable.saturating_sub(counters.reversed), counters.claimed),
            steps: history::steps(loaded, visitor),
            content: approval.map(|approval| hex::encode(approval.content)).unwrap_or_default(),
        }
    }
}

fn bar(refund: &Refund, received: u64, claimed: u64) -> PaymentBar {
    let this = if refund.state.is_live() { refund.amount.minor } else { 0 };
    PaymentBar::new(refund.amount.currency, received, claimed.saturating_sub(this), this)
}

fn unusual_notice(loaded: &Loaded, now: Timestamp) -> Notice {
    let points = unusual::points(loaded, now);
    match loaded.refund.creditor {
        _ if !points.is_empty() => Notice { points, ..Notice::new(Tone::Warning, "Unusual about this refund", "") },
        Creditor::Payer | Creditor::Unknown | Creditor::Given { .. } => {
            Notice::new(Tone::Good, "Nothing unusual", "It goes back to the account that the payment came from.")
        }
    }
}

/// The sentence that says what approving does, for one who may decide or not.
fn effect(loaded: &Loaded, may_decide: bool) -> String {
    let refund = &loaded.refund;
    let money = |minor| Money(Amount::new(minor, refund.amount.currency)).figures();
    let to = PartyView::of(loaded.creditor()).sentence();
    let sends = format!("{} goes to {to}", money(refund.amount.minor));
    let keeps = loaded.balance_after().map(|after| format!("; the account keeps {}", money(after))).unwrap_or_default();
    let who = if may_decide { "you approve" } else { "somebody who may decide approves" };
    let missing = refund
        .approval
        .as_ref()
        .map_or(0, |approval| usize::from(approval.policy.required).saturating_sub(approval.decisions.len()));
    if !refund.state.before_send() {
        return format!("This was about {} for {to}.", money(refund.amount.minor));
    }
    match missing {
        0 => format!("{sends}{keeps}."),
        1 => format!("When {who}, {sends} {}{keeps}.", when(loaded)),
        more => format!("When {more} people have approved, {sends} {}{keeps}.", when(loaded)),
    }
}

/// What else stands between the last approval and the send.
fn when(loaded: &Loaded) -> &'static str {
    let refund = &loaded.refund;
    if refund.is_blocked() {
        "as soon as nothing blocks it"
    } else if refund.state == RefundState::Awaiting(Gate::Settlement) {
        "as soon as the payment has settled"
    } else if refund.funding == Funding::MerchantAuthorised {
        "after the consent at your bank"
    } else if loaded.account.is_some() && loaded.balance_after().is_none() {
        "as soon as the account holds enough"
    } else {
        "at once"
    }
}

/// Who approved so far.
fn given(approval: &Approval, visitor: &Visitor) -> String {
    let count = approval.decisions.len();
    let names: Vec<String> = approval.decisions.iter().map(|decision| visitor.name_of(decision.by)).collect();
    let who = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    format!("{count} of {}{who}", approval.policy.required)
}

/// Why this visitor cannot decide; none when they can.
pub(super) fn disabled(refund: &Refund, visitor: &Visitor, now: Timestamp) -> Option<String> {
    let approval = refund.approval.as_ref()?;
    let me = &visitor.person;
    if !refund.state.before_send() || approval.complete() {
        return Some(texts::standing(refund, visitor));
    }
    let why = if !me.may_approve() {
        "Your role looks at refunds and does not decide about them."
    } else if approval.maker == Some(me.id) {
        "You asked for this refund, so another person must decide about it."
    } else if approval.has_word_of(me.id) {
        "You approved it already; another person must approve it, too."
    } else if approval.valid_until <= now {
        "The time to decide is over. Nothing was sent."
    } else if refund.creditor == Creditor::Unknown {
        "Nobody knows yet which account it goes to, so nobody can agree to it."
    } else if me.totp_secret.is_none() {
        "A decision asks for a code from an authenticator app, and you have none set up."
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Whoever asked for a refund may take it back as long as nothing was decided.
pub(super) fn may_withdraw(refund: &Refund, visitor: &Visitor) -> bool {
    let waits = refund.approval.as_ref().filter(|approval| refund.state.before_send() && !approval.complete());
    waits.is_some_and(|approval| approval.maker == Some(visitor.person.id))
}
