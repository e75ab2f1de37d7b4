//! A payment as people of the merchant see it.

use super::load::{Loaded, Ways};
use super::plan;
use crate::app::Console;
use crate::approvals::refund_chip;
use crate::page::{Chip, Moment, Money, Notice, PartyView, PaymentBar, Tone, age};
use crate::visitor::Visitor;
use refundry_domain::party::{Creditor, Party};
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refund::Refund;
use refundry_domain::time::Timestamp;
use refundry_engine::registry::{Person, Role};

/// Everything on the page but its form.
pub(super) struct View {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) chip: Chip,
    pub(super) money: Money,
    pub(super) payer: PayerView,
    pub(super) paid_at: Moment,
    pub(super) merchant_reference: Option<String>,
    pub(super) bar: PaymentBar,
    pub(super) refunds: Vec<RefundView>,
    /// Where the money of a refund comes from.
    pub(super) source: Option<String>,
    /// Why nothing can be refunded here, where it cannot.
    pub(super) disabled: Option<String>,
}

/// A refund of the payment.
pub(super) struct RefundView {
    pub(super) money: Money,
    pub(super) chip: Chip,
    pub(super) to: PartyView,
    pub(super) at: Moment,
    pub(super) age: String,
    pub(super) remittance: Option<String>,
    /// Its page among the approvals, where people decide about it.
    pub(super) approval: Option<String>,
    /// The customer's link.
    pub(super) details: Option<String>,
    /// What is wrong with its letters.
    pub(super) trouble: Option<Notice>,
    /// What became of its letters where nothing is wrong.
    pub(super) letters: Option<Chip>,
    /// Where a letter is sent again.
    pub(super) again: Option<String>,
    /// Where the merchant consents.
    pub(super) authorise: Option<String>,
}

/// Where a payment stands.
pub(super) fn chip(state: PaymentState) -> Chip {
    let (tone, word) = match state {
        PaymentState::Open => (Tone::Waiting, "Waiting for the payer"),
        PaymentState::Authorised => (Tone::Waiting, "Agreed to by the payer"),
        PaymentState::Executed => (Tone::Waiting, "On its way"),
        PaymentState::Settled => (Tone::Good, "Received"),
        PaymentState::Failed => (Tone::Bad, "Not paid"),
        PaymentState::Reversed => (Tone::Bad, "Taken back by the payer's bank"),
    };
    Chip { tone, word: word.to_owned() }
}

/// Who paid.
pub(super) struct PayerView {
    /// Account holder, or whom the merchant named.
    pub(super) name: Option<String>,
    /// The name is the merchant's word, not the bank's.
    pub(super) told: bool,
    /// The account, masked, or a sentence.
    pub(super) account: String,
}

impl PayerView {
    /// What the bank says of the payer; what the merchant said where the bank
    /// says nothing.
    pub(super) fn of(console: &Console, payment: &Payment) -> Self {
        let debtor = payment.debtor.as_ref();
        let known = debtor.and_then(|party| party.name.clone());
        let told = || console.pages.iter().find_map(|pages| pages.payer_told(payment));
        let account = debtor.map(|party| party.account.masked());
        Self {
            told: known.is_none(),
            name: known.or_else(told),
            account: account.unwrap_or_else(|| "The bank told no account".to_owned()),
        }
        .settled()
    }

    /// Nobody is marked who is not named.
    fn settled(self) -> Self {
        Self { told: self.told && self.name.is_some(), ..self }
    }
}

/// May make refunds.
pub(super) fn may_refund(person: &Person) -> bool {
    person.is(Role::Maker)
}

/// May see links that open a page for whoever has them, and send them again.
pub(super) fn may_pass_on(person: &Person) -> bool {
    person.is(Role::Maker) || person.is(Role::Support)
}

impl View {
    pub(super) fn new(console: &Console, loaded: &Loaded, visitor: &Visitor) -> Self {
        let payment = &loaded.payment;
        let counters = &payment.counters;
        let now = console.engine.now();
        let received = counters.claimable.saturating_sub(counters.reversed);
        let refunds = loaded.refunds.iter();
        Self {
            id: payment.id.to_string(),
            href: super::href(payment.id),
            chip: chip(payment.state),
            money: Money(payment.amount),
            payer: PayerView::of(console, payment),
            paid_at: Moment(payment.moments.settled_at.unwrap_or(payment.created_at)),
            merchant_reference: payment.merchant_reference.clone(),
            bar: PaymentBar::of_payment(payment.amount.currency, received, counters.claimed),
            refunds: refunds.map(|(refund, ways)| row(console, (payment, visitor), refund, ways, now)).collect(),
            source: loaded.prospect.as_ref().ok().map(plan::source),
            disabled: plan::disabled(loaded, visitor),
        }
    }
}

fn creditor<'a>(refund: &'a Refund, payment: &'a Payment) -> Option<&'a Party> {
    match &refund.creditor {
        Creditor::Unknown => None,
        Creditor::Payer => payment.debtor.as_ref(),
        Creditor::Given { party, .. } => Some(party),
    }
}

fn row(
    console: &Console,
    (payment, visitor): (&Payment, &Visitor),
    refund: &Refund,
    ways: &Ways,
    now: Timestamp,
) -> RefundView {
    let passes_on = may_pass_on(&visitor.person);
    let again = format!("{}/links/{}", super::href(payment.id), refund.id);
    let (trouble, letters) = letters(console, refund, ways, now);
    RefundView {
        money: Money(refund.amount),
        chip: refund_chip(refund.state),
        to: PartyView::of(creditor(refund, payment)),
        at: Moment(refund.created_at),
        age: age(refund.created_at, now),
        remittance: refund.remittance.as_deref().map(str::to_owned),
        approval: refund.approval.as_ref().map(|_| format!("/console/approvals/{}", refund.id)),
        details: ways.details.clone().filter(|_| passes_on),
        trouble,
        letters,
        again: ways.details.as_ref().filter(|_| passes_on).map(|_| again),
        authorise: ways.authorise.clone().filter(|_| may_refund(&visitor.person)),
    }
}

/// What became of the letters with a refund's link: trouble, or a word.
fn letters(console: &Console, refund: &Refund, ways: &Ways, now: Timestamp) -> (Option<Notice>, Option<Chip>) {
    let Some(letters) = ways.letters.as_ref() else { return (None, None) };
    if !letters.has_address {
        let text = "The payment names no e-mail address. Pass the link on yourself.";
        return (Some(Notice::new(Tone::Warning, "The customer gets no letter", text)), None);
    }
    if let Some(why) = (console.letters.trouble)(refund.merchant, refund.id) {
        return (Some(Notice::new(Tone::Bad, "The letter has not gone", format!("{why}."))), None);
    }
    let chip = match letters.sent.last() {
        Some(at) => Chip { tone: Tone::Good, word: format!("The letter went {} ago", age(*at, now)) },
        None => Chip { tone: Tone::Waiting, word: "The letter is about to go".to_owned() },
    };
    (None, Some(chip))
}
