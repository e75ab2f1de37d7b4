//! Refunds: make one, and how the refunds of a pay-in stand (contract 3.3, 3.4).
//!
//! Round trips: make is one read of the pay-in, one envelope that uses the
//! signature up, and one that makes it; the status is one read.

use super::auth::{self, Caller};
use super::call::Call;
use super::config::{Config, Insufficient, MissingPayer, ResponseReference};
use super::errors::{self, Fault};
use super::extension::{PayinNotes, RefundNotes};
use super::keys::Scope;
use super::wire::input::RefundInput;
use super::wire::money::money;
use super::wire::out::{Object, Out};
use super::wire::payout::{self as wire, Pair};
use super::{App, DIALECT, fees, idempotency, routes};
use crate::answer;
use crate::json::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::response::Response;
use http::HeaderName;
use refundry_domain::command::{Command, ReferenceInput, RequestRefund};
use refundry_domain::deadline::Limits;
use refundry_domain::fee::FeeRules;
use refundry_domain::id::{PaymentId, PersonId, RefundId};
use refundry_domain::money::{AMOUNT_MINOR_MAX, Amount};
use refundry_domain::once::Fingerprint;
use refundry_domain::payment::{Origin, Payment, PaymentState};
use refundry_domain::reference::{AutoContent, Tag, auto_hash};
use refundry_domain::refund::{Refund, ReserveAt, Shortage};
use refundry_engine::digest::sha256;
use refundry_engine::envelope::{Answer, Envelope, Once, Outcome};
use refundry_engine::person_refund::NotOffered;
use refundry_engine::store::{Reader, StoreError};
use refundry_engine::{mint, quote};
use std::sync::Arc;

/// Tells a repeated answer from the first.
const REPLAYED: HeaderName = HeaderName::from_static("x-idempotent-replay");

/// `POST /{ref}/refund`: only a path with an id is meant for us.
pub(super) async fn create_at_root(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Fault> {
    PaymentId::parse(&id).map_err(|_| Fault::no_such_path())?;
    let call = Call::from_request(request, &app).await?;
    make(&app, &call, &id).await
}

/// `POST /payment/v1/payins/{ref}/refund`, and the same below `payouts`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    make(&app, &call, &routes::id(id)).await
}

async fn make(app: &App, call: &Call, id: &str) -> Result<Response, Fault> {
    call.needs(app, Scope::Refund)?;
    let body = call.body()?.unwrap_or_else(|| Json::Object(Vec::new()));
    let key = idempotency::key(&call.headers)?;
    if key.is_none() && call.config().refund_requires_key {
        return Err(idempotency::missing_key());
    }
    let input = RefundInput::read(&body, call.config())?;
    let Left { payment, refundable } = payin_to_refund(app, &call.caller, id).await?;
    if input.amount.currency != payment.amount.currency {
        return Err(Fault::field("amount.currency", "is not the currency of the pay-in"));
    }
    auth::use_up(app, &call.caller).await?;
    let request = idempotency::request_hash(payment.id, &body);
    let once = key.map(|key| idempotency::once(&call.caller, key));
    let asked = asked(&call.caller, &payment, key, (input, request));
    let mut command = command(app, call.config(), &payment, asked);
    let allowed = check(app, call.config(), &payment, (command.amount, refundable));
    if allowed.is_err() {
        // Whether the key is spent comes first, and only the door knows; no pay-in has so much.
        command.amount = Some(u64::MAX);
    }
    let outcome = execute(app, &call.caller, command, once).await?;
    match (outcome.result, allowed) {
        (Ok(Answer::Refund(refund)), _) if outcome.replayed => {
            idempotency::repeated(app, call.config(), &refund, request)?;
            Ok(answer::with_header(created(call.config(), &refund.at_creation()), REPLAYED, "true"))
        }
        (_, Err(fault)) => Err(fault),
        (Ok(Answer::Refund(refund)), Ok(())) => Ok(created(call.config(), &refund.at_creation())),
        (Ok(_), Ok(())) => Err(Fault::internal()),
        (Err(refusal), Ok(())) => Err(errors::of_refusal(call.config(), refusal, payment.id, payment.amount)),
    }
}

async fn execute(app: &App, caller: &Caller, command: RequestRefund, once: Option<Once>) -> Result<Outcome, Fault> {
    let command = Command::RequestRefund(Box::new(command));
    let envelope = Envelope::command(caller.merchant, caller.actor(), command).once(once);
    app.host.engine.execute(envelope).await.map_err(Fault::of_unavailable)
}

fn created(config: &Config, refund: &Refund) -> Response {
    let shown = match config.response_reference {
        ResponseReference::Payin => refund.payment.to_string(),
        ResponseReference::Payout => refund.id.to_string(),
    };
    let more = config.additive_fields;
    let word = super::states::Standing::of(refund).word(config.waiting_as);
    let body = Object::new()
        .put("transactionReference", shown)
        .put("fee", money(Amount::new(refund.fee, refund.amount.currency)))
        .extra(more, "refundTransactionReference", refund.id.to_string())
        .extra(more, "payinTransactionReference", refund.payment.to_string())
        .extra(more, "status", word.text());
    answer::json(200, Out::from(body).print())
}

/// The pay-in that a path of a refund names.
///
/// # Errors
/// 404, or 400 when it names a refund: there is no refund of a refund.
pub(super) async fn payin_to_refund(app: &App, caller: &Caller, id: &str) -> Result<Left, Fault> {
    let number = PaymentId::parse(id).map_err(|_| Fault::payin_unknown(&caller.config, id))?.0;
    let (merchant, rules) = (caller.merchant, fees::rules(app, caller));
    let found = app.host.engine.read(move |reader| {
        let payment = reader.payment(merchant, PaymentId(number))?;
        let left = payment.map(|payment| Left::of(reader, &rules, payment)).transpose()?;
        Ok((left, reader.refund(merchant, RefundId(number))?))
    });
    let (left, refund) = found.await.map_err(Fault::of_unavailable)?;
    let left = left.filter(|left| is_shared(&caller.config, &left.payment));
    left.ok_or_else(|| match refund {
        Some(_) => Fault::not_refundable(&caller.config, number),
        None => Fault::payin_unknown(&caller.config, id),
    })
}

/// A pay-in with what can still be refunded of it.
#[derive(Debug)]
pub(super) struct Left {
    /// The pay-in.
    pub(super) payment: Payment,
    /// Minor units; the door lets no more through.
    pub(super) refundable: u64,
}

impl Left {
    /// Reads what is left of a pay-in.
    ///
    /// # Errors
    /// The store is not available.
    pub(super) fn of(reader: &dyn Reader, rules: &FeeRules, payment: Payment) -> Result<Self, StoreError> {
        let refundable = quote::refundable(reader, rules, &payment)?;
        Ok(Self { payment, refundable })
    }
}

/// Whether a pay-in is one of this dialect, or those of other doors are, too.
pub(super) fn is_shared(config: &Config, payment: &Payment) -> bool {
    config.shared_payins || *payment.origin.dialect == *DIALECT
}

/// Whether a pay-in in this state may be given back here.
pub(super) fn is_refundable(config: &Config, state: PaymentState) -> bool {
    match state {
        PaymentState::Settled => true,
        PaymentState::Authorised | PaymentState::Executed => config.refunds_before_credit,
        PaymentState::Open | PaymentState::Failed | PaymentState::Reversed => false,
    }
}

/// Why nothing of a pay-in can be given back here, whatever the amount.
pub(super) fn bar(app: &App, config: &Config, payment: &Payment) -> Option<NotOffered> {
    let settled_at = payment.moments.settled_at.unwrap_or(payment.created_at);
    let now = app.host.engine.now();
    let is_free = payment.blocks.is_empty() && payment.counters.exposure() == 0;
    if !is_free || !is_refundable(config, payment.state) {
        Some(NotOffered::NotRefundable)
    } else if config.refund_window.is_some_and(|window| settled_at.plus(window) < now) {
        Some(NotOffered::TooLate)
    } else if payment.debtor.is_none() && config.missing_payer_account == MissingPayer::Refuse {
        Some(NotOffered::PayerUnknown)
    } else {
        None
    }
}

/// What the door does not know, or looks at only after the amount. No amount
/// means whatever is left; `refundable` is how much that is.
///
/// # Errors
/// The pay-in cannot be refunded, or is too old; its method sends back the
/// whole or nothing; no pay-in has so much.
pub(super) fn check(
    app: &App,
    config: &Config,
    payment: &Payment,
    (minor, refundable): (Option<u64>, u64),
) -> Result<(), Fault> {
    if bar(app, config, payment).is_some() {
        return Err(Fault::not_refundable(config, payment.id.0));
    }
    let whole = minor.is_none_or(|minor| minor == payment.counters.claimable);
    let in_parts = config.takes_parts(&PayinNotes::of(payment).method);
    let beyond = minor.is_some_and(|minor| minor > AMOUNT_MINOR_MAX);
    if beyond || (!whole && !in_parts) {
        let left = Amount::new(refundable, payment.amount.currency);
        return Err(Fault::invalid_amount(config, payment.id, left));
    }
    Ok(())
}

/// What is asked for, whoever asks.
pub(super) struct Asked {
    /// Minor units; none for all that is left.
    pub(super) minor: Option<u64>,
    /// What it is named by.
    pub(super) reference: ReferenceInput,
    /// A text that no other refund may have.
    pub(super) merchant_reference: Option<Arc<str>>,
    /// The human behind it, where there is one.
    pub(super) maker: Option<PersonId>,
    /// What is kept with it.
    pub(super) notes: RefundNotes,
}

fn asked(caller: &Caller, payment: &Payment, key: Option<&str>, (input, request): (RefundInput, Fingerprint)) -> Asked {
    let RefundInput { customer_reference, amount, metadata } = input;
    let reference = match key {
        Some(key) => ReferenceInput::Named { tag: Tag::Key, value: Arc::from(key) },
        None => ReferenceInput::Auto { hash: Arc::from(content_hash(payment, amount, &customer_reference)) },
    };
    Asked {
        minor: Some(amount.minor),
        reference,
        merchant_reference: caller.config.customer_reference_unique.then(|| Arc::from(&*customer_reference)),
        maker: caller.owner,
        notes: RefundNotes { customer_reference, metadata, request },
    }
}

/// The refund, ready for the door.
pub(super) fn command(app: &App, config: &Config, payment: &Payment, asked: Asked) -> RequestRefund {
    let Asked { minor, reference, merchant_reference, maker, notes } = asked;
    RequestRefund {
        id: RefundId(mint::new_id(app.host.engine.now())),
        payment: payment.id,
        amount: minor,
        currency: Some(payment.amount.currency),
        origin: Origin { dialect: Arc::clone(&app.dialect), group: Arc::from("") },
        reference,
        merchant_reference,
        fee: fees::charged(config, payment),
        creditor: None,
        refuse_other_creditor: false,
        may_ask_details: config.missing_payer_account == MissingPayer::Ask,
        funding: None,
        shortage: match config.insufficient_funds {
            Insufficient::Reject => Shortage::Refuse,
            Insufficient::Wait => Shortage::Wait,
        },
        reserve_at: ReserveAt::Creation,
        wait_for_settlement: config.refunds_before_credit,
        approval: config.approval,
        maker,
        limits: Limits { funds: Some(config.funds_timeout), approval: config.approval_timeout, ..Limits::default() },
        remittance: Some(Arc::from(&*notes.customer_reference)),
        extension: notes.encode(),
    }
}

/// What makes two refunds without a key equal (rails 3.4).
fn content_hash(payment: &Payment, amount: Amount, text: &str) -> String {
    let content = AutoContent {
        amount: &amount.minor.to_string(),
        currency: amount.currency.code(),
        creditor: "-",
        funding: &format!("held:{}", payment.account),
        text,
    };
    auto_hash(content, sha256)
}

/// What an id of a read leads to: a pay-in, or one refund of it.
#[derive(Debug)]
pub(super) struct Found {
    /// The pay-in.
    pub(super) payment: Payment,
    /// What can still be refunded of it, minor units.
    pub(super) refundable: u64,
    /// The refund, where the id is a refund's.
    pub(super) named: Option<Refund>,
    /// All refunds of the pay-in, the one that was made last first.
    pub(super) refunds: Vec<Refund>,
}

impl Found {
    /// The refund that is named, else the newest.
    pub(super) fn shown(&self) -> Option<Pair<'_>> {
        let refund = self.named.as_ref().or_else(|| self.refunds.first())?;
        Some(Pair { refund, payment: &self.payment })
    }
}

/// What an id leads to; none for somebody else's and for a text that is no id.
///
/// # Errors
/// The store is not available.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Option<Found>, Fault> {
    let Ok(PaymentId(number)) = PaymentId::parse(id) else { return Ok(None) };
    let (merchant, rules) = (caller.merchant, fees::rules(app, caller));
    let found = app.host.engine.read(move |reader| {
        let named = reader.refund(merchant, RefundId(number))?;
        let payment = named.as_ref().map_or(PaymentId(number), |refund| refund.payment);
        let Some(payment) = reader.payment(merchant, payment)? else { return Ok(None) };
        let Left { payment, refundable } = Left::of(reader, &rules, payment)?;
        let refunds = reader.refunds_of_payment(merchant, payment.id)?;
        Ok(Some(Found { payment, refundable, named, refunds }))
    });
    let found = found.await.map_err(Fault::of_unavailable)?;
    Ok(found.filter(|found| is_shared(&caller.config, &found.payment)))
}

/// `GET …/{ref}/refund`.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    call: Call,
) -> Result<Response, Fault> {
    call.needs(&app, Scope::Read)?;
    let id = routes::id(id);
    let found = find(&app, &call.caller, &id).await?.ok_or_else(|| Fault::payin_unknown(call.config(), &id))?;
    let shown = found.shown().ok_or_else(|| Fault::no_refund(found.payment.id))?;
    let pair = |refund| Pair { refund, payment: &found.payment };
    let refunds = found.refunds.iter().map(|refund| wire::status(&app, pair(refund)).into()).collect();
    let body = wire::status(&app, shown).put("refunds", Out::List(refunds));
    Ok(answer::json(200, Out::from(body).print()))
}
