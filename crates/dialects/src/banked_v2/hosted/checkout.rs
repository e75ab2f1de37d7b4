//! The way to a bank and back: for customers who pay a session, and for
//! merchants who authorise a refund.

use crate::banked::App;
use crate::banked::checkout::{
    self as checkouts, ATTEMPT_COUNT_MAX, Decided, execute, merchant_name, merchants, open_visit, read_visit, state_of,
};
use crate::banked_v2::accounts;
use crate::banked_v2::extension::{LineItem, RefundExtension, SessionExtension};
use crate::banked_v2::links::onward;
use crate::banked_v2::sessions::{is_session, links};
use crate::banked_v2::{refund_session, states};
use refundry_domain::command::Command;
use refundry_domain::event::Actor;
use refundry_domain::id::{MerchantId, PaymentId, RefundId};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::Party;
use refundry_domain::payment::{Payment, PaymentState};
use refundry_domain::refund::{Gate, Refund, RefundState};
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::hosted::{Bank, Checkout, CheckoutItem, CheckoutState, Decision};
use std::sync::Arc;

/// What a checkout is about.
#[expect(clippy::large_enum_variant, reason = "one at a time, and not kept")]
enum Subject {
    Session { payment: Payment, extension: SessionExtension },
    Refund { refund: Refund, extension: RefundExtension, payer: Option<Party> },
}

impl Subject {
    fn merchant(&self) -> MerchantId {
        match self {
            Self::Session { payment, .. } => payment.merchant,
            Self::Refund { refund, .. } => refund.merchant,
        }
    }

    fn bank(&self) -> Option<&str> {
        match self {
            Self::Session { extension, .. } => extension.provider.as_deref(),
            Self::Refund { extension, .. } => extension.provider.as_deref(),
        }
    }
}

/// Looks an id up; of sessions only our own lead to a bank.
async fn find(app: &App, id: &str, merchant: Option<MerchantId>) -> Result<Option<Subject>, Unavailable> {
    let Ok(id) = PaymentId::parse(id) else { return Ok(None) };
    let refund_id = links(app).refund_of(id.0);
    let whose = merchant.map_or_else(|| merchants(app), |merchant| [merchant].into());
    let found = app.host.engine.read(move |reader| {
        for merchant in whose {
            if let Some(payment) = reader.payment(merchant, id)? {
                let extension = SessionExtension::of(&payment).filter(|_| is_session(&payment));
                return Ok(extension.map(|extension| Subject::Session { payment, extension }));
            }
            if let Some(refund) = reader.refund(merchant, refund_id)?.filter(states::has_session) {
                let payer = reader.payment(merchant, refund.payment)?.and_then(|payment| payment.debtor);
                let extension = RefundExtension::of(&refund);
                return Ok(Some(Subject::Refund { refund, extension, payer }));
            }
        }
        Ok(None)
    });
    found.await
}

fn state_of_refund(state: RefundState) -> CheckoutState {
    match state {
        RefundState::Awaiting(Gate::Authorisation) => CheckoutState::Open,
        RefundState::Awaiting(Gate::Details | Gate::Settlement | Gate::Approval | Gate::Funds) => {
            CheckoutState::Waiting
        }
        RefundState::Ready | RefundState::Submitted => CheckoutState::Pending,
        RefundState::Settled { by: _ } | RefundState::Returned { .. } => CheckoutState::Sent,
        RefundState::Failed { .. }
        | RefundState::Rejected { .. }
        | RefundState::Cancelled { .. }
        | RefundState::Expired { .. } => CheckoutState::Failed,
    }
}

fn shown_item(item: &LineItem, currency: Currency) -> CheckoutItem {
    CheckoutItem {
        name: item.name.clone(),
        description: item.description.clone(),
        quantity: item.quantity,
        price: Amount::new(item.amount, currency),
    }
}

fn checkout(app: &App, subject: &Subject) -> Checkout {
    let merchant = subject.merchant();
    let bank = subject.bank().and_then(accounts::bank);
    match subject {
        Subject::Session { payment, extension } => Checkout {
            merchant,
            merchant_name: merchant_name(app, merchant),
            id: payment.id.0,
            refund: false,
            amount: payment.amount,
            creditor_name: Some(extension.payee_name.clone()),
            creditor_account: Some(extension.payee_account.masked()),
            creditor_source: None,
            remittance: extension.statement_text.clone(),
            own_text: None,
            items: extension.line_items.iter().map(|item| shown_item(item, payment.amount.currency)).collect(),
            state: state_of(payment, extension.decision),
            bank,
            banks: accounts::banks(app, payment.amount.currency, false),
            success_url: onward(&extension.success_url, payment.id.0),
            error_url: onward(&extension.error_url, payment.id.0),
        },
        Subject::Refund { refund, extension, payer } => {
            let session = links(app).session_of(refund.id);
            let own_text = links(app).statement_text(refund.id);
            let creditor = refund_session::creditor(refund, payer.as_ref());
            Checkout {
                merchant,
                merchant_name: merchant_name(app, merchant),
                id: session,
                refund: true,
                amount: refund.amount,
                creditor_name: creditor.and_then(|party| party.name.clone()),
                creditor_account: creditor.map(|party| party.account.masked()),
                creditor_source: refund.creditor.source(),
                // What the bank is told; without a text of the merchant the
                // session's own.
                remittance: refund.remittance.as_deref().map_or_else(|| own_text.clone(), str::to_owned),
                own_text: Some(own_text),
                items: Vec::new(),
                state: state_of_refund(refund.state),
                bank,
                banks: accounts::banks(app, refund.amount.currency, true),
                success_url: onward(&extension.success_url, session),
                error_url: onward(&extension.error_url, session),
            }
        }
    }
}

pub(super) async fn show(app: &App, id: &str) -> Result<Option<Checkout>, Unavailable> {
    Ok(find(app, id, None).await?.map(|subject| checkout(app, &subject)))
}

/// Where a merchant authorises a refund, while that is awaited.
pub(super) async fn url(app: &App, merchant: MerchantId, id: RefundId) -> Result<Option<String>, Unavailable> {
    let found = app.host.engine.read(move |reader| reader.refund(merchant, id)).await?;
    let open =
        found.filter(|refund| state_of_refund(refund.state) == CheckoutState::Open && states::has_session(refund));
    Ok(open.map(|refund| links(app).checkout_url(links(app).session_of(refund.id))))
}

/// Writes down which bank was chosen, and opens a visit there.
pub(in crate::banked_v2) async fn visit(app: &App, id: &str, bank: &str) -> Result<Option<String>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some(subject) = find(app, id, None).await? else { return Ok(None) };
        let shown = checkout(app, &subject);
        let Some(bank) = shown.banks.iter().find(|known| known.id == bank) else { return Ok(None) };
        if shown.state != CheckoutState::Open {
            return Ok(None);
        }
        let token = open_visit(app, shown.merchant, shown.id);
        let command = match &subject {
            _ if subject.bank() == Some(bank.id) => return Ok(Some(token)),
            Subject::Session { payment, extension } => {
                annotate(payment, &SessionExtension { provider: Some(bank.id.to_owned()), ..extension.clone() })
            }
            // What another door keeps with its refund is not ours to write over.
            Subject::Refund { refund, .. } if RefundExtension::own(refund).is_none() => return Ok(Some(token)),
            Subject::Refund { refund, extension, .. } => Command::AnnotateRefund {
                refund: refund.id,
                before: Arc::clone(&refund.extension),
                extension: RefundExtension { provider: Some(bank.id.to_owned()), ..extension.clone() }.encode(),
            },
        };
        if execute(app, Envelope::command(shown.merchant, Actor::Customer, command)).await?.is_ok() {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

fn annotate(payment: &Payment, extension: &SessionExtension) -> Command {
    Command::AnnotatePayment {
        payment: payment.id,
        before: Arc::clone(&payment.extension),
        extension: extension.encode(),
    }
}

async fn visited(app: &App, visit: &str) -> Result<Option<Subject>, Unavailable> {
    let Some((merchant, id)) = read_visit(app, visit) else { return Ok(None) };
    find(app, &id, Some(merchant)).await
}

pub(super) async fn at_bank(app: &App, visit: &str) -> Result<Option<Checkout>, Unavailable> {
    Ok(visited(app, visit).await?.map(|subject| checkout(app, &subject)))
}

/// What a visitor decides. The first decision counts: it is written down
/// before the bank hears it, and whoever comes later hears of its end.
pub(super) async fn decide(app: &App, visit: &str, decision: Decision) -> Result<Option<Checkout>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some(subject) = visited(app, visit).await? else { return Ok(None) };
        let shown = checkout(app, &subject);
        match &subject {
            Subject::Session { payment, extension } => {
                if let Some(decided) = extension.decision {
                    play(app, payment, extension, decided).await?;
                    return Ok(Some(shown));
                }
                if shown.state != CheckoutState::Open {
                    return Ok(Some(shown));
                }
                let after = SessionExtension { decision: Some(decision), ..extension.clone() };
                // Taken or not: the next round reads what is written.
                let command = annotate(payment, &after);
                let _ = execute(app, Envelope::command(shown.merchant, Actor::Customer, command)).await?;
            }
            Subject::Refund { refund, .. } => {
                let refund = refund.id;
                let command = match decision {
                    _ if shown.state != CheckoutState::Open => return Ok(Some(shown)),
                    Decision::KeepPending => return Ok(Some(shown)),
                    Decision::Authorise => Command::AuthoriseRefund { refund },
                    Decision::Decline => Command::DeclineAuthorisation { refund },
                };
                // The merchant's bank tells us, whoever sat before it.
                let actor = Actor::Rail(Arc::from(subject.bank().unwrap_or("bank")));
                let _ = execute(app, Envelope::command(shown.merchant, actor, command)).await?;
            }
        }
    }
    Ok(None)
}

/// Writes down what a payer decided elsewhere, and at which bank; none where
/// somebody decided before.
pub(in crate::banked_v2) async fn write_decision(
    app: &App,
    merchant: MerchantId,
    id: PaymentId,
    (bank, decision): (Bank, Decision),
) -> Result<Option<()>, Unavailable> {
    for _ in 0..ATTEMPT_COUNT_MAX {
        let Some(Subject::Session { payment, extension }) = find(app, &id.to_string(), Some(merchant)).await? else {
            return Ok(None);
        };
        if payment.state != PaymentState::Open || extension.decision.is_some() {
            return Ok(None);
        }
        let provider = Some(bank.id.to_owned());
        let command = annotate(&payment, &SessionExtension { provider, decision: Some(decision), ..extension });
        if execute(app, Envelope::command(merchant, Actor::Customer, command)).await?.is_ok() {
            return Ok(Some(()));
        }
    }
    Err(Unavailable::Overloaded)
}

/// Lets the payer's bank do what was decided.
async fn play(
    app: &App,
    payment: &Payment,
    extension: &SessionExtension,
    decision: Decision,
) -> Result<(), Unavailable> {
    let payer_name = extension.payer.as_ref().and_then(|payer| payer.name.clone());
    let decided = Decided { bank: extension.provider.as_deref(), decision, payer_name };
    checkouts::play(app, payment, decided).await
}
