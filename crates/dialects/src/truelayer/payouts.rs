//! Payouts: from a merchant account to anybody (contract 3.15).
//!
//! Round trips: create is one read of the account (and one of the payments of
//! the user, where a payment source is paid) and one envelope; get is one read.

use super::auth::{self, Scope};
use super::call::{Call, Incoming, Signed};
use super::errors::{Fault, to_json};
use super::mock_bank::payer::{User, account_of};
use super::states::payouts::shown;
use super::wire::payouts::{self as wire, PayoutRequest, PayoutRules, Receiver, Stored};
use super::wire::refunds::{ReferenceRules, created};
use super::{App, accounts, clients, refunds, routes};
use crate::answer;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use refundry_domain::command::{Command, RequestPayout};
use refundry_domain::id::{AccountId, PayoutId};
use refundry_domain::money::Currency;
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::reference::Tag;
use refundry_domain::refund::ClientReference;
use refundry_domain::refusal::Refusal;
use refundry_domain::rules::Environment;
use refundry_engine::envelope::Answer;
use refundry_engine::mint;
use std::sync::Arc;

/// The most minor units that may leave a sandbox at once: 50 000 pounds.
const SANDBOX_AMOUNT_MAX: u64 = 5_000_000;
/// The field that names the paying account.
const ACCOUNT: &str = "merchant_account_id";

/// Adds the routes of payouts.
pub(super) fn routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let router = routes::both(router, "/payouts", post(create));
    routes::both(router, "/payouts/{id}", get(get_one))
}

async fn create(State(app): State<Arc<App>>, incoming: Incoming) -> Result<Response, Fault> {
    let call = Call::open(&app, &incoming, Signed::Required, Scope::Payouts)?;
    let prepared = prepare(&app, &call, &incoming).await;
    let command = prepared.map(|request| Command::RequestPayout(Box::new(request)));
    let answer = call.run(&app, command, of_refusal).await?;
    if let Answer::Payout(payout) = answer {
        return Ok(answer::json(202, to_json(&created(payout.id.0))));
    }
    call.answered(answer)
}

async fn prepare(app: &App, call: &Call, incoming: &Incoming) -> Result<RequestPayout, Fault> {
    let body = refunds::as_sent(call, incoming)?;
    let sandbox = match app.host.environment {
        Environment::Sandbox => true,
        Environment::Live => false,
    };
    let request = PayoutRequest::read(
        &body,
        PayoutRules {
            statement: ReferenceRules {
                length_max: app.config.reference_length_max,
                overflow: app.config.reference_overflow,
            },
            verify_check_digits: !sandbox || app.config.verify_check_digits,
            amount_max: sandbox.then_some(SANDBOX_AMOUNT_MAX),
        },
    )?;
    let account = accounts::find(app, &call.caller, &request.account.to_string()).await;
    let account = account.map_err(|fault| if fault.status() == 404 { unknown_account() } else { fault })?;
    if account.currency != request.amount.currency {
        return Err(foreign_currency());
    }
    let creditor = creditor(app, call, (account.id, account.currency), request.receiver).await?;
    let key = call.key.clone().ok_or_else(Fault::internal)?;
    Ok(RequestPayout {
        id: PayoutId(mint::new_id(app.host.engine.now())),
        account: account.id,
        amount: request.amount,
        creditor,
        origin: call.caller.origin(app),
        reference: ClientReference { tag: Tag::Key, value: key },
        pace: app.pace(),
        remittance: Some(Arc::from(&*request.statement_text)),
        extension: request.extension,
    })
}

fn unknown_account() -> Fault {
    Fault::invalid_field(ACCOUNT, "Must be the id of a merchant account.")
}

fn foreign_currency() -> Fault {
    Fault::invalid_field("currency", "Must be the currency of the merchant account.")
}

/// The account behind a beneficiary.
async fn creditor(
    app: &App,
    call: &Call,
    (account, currency): (AccountId, Currency),
    receiver: Receiver<'_>,
) -> Result<Party, Fault> {
    match receiver {
        Receiver::External(party) => Ok(party),
        Receiver::Source { id, user_id } => {
            let sources = accounts::sources_of(app, &call.caller, account, user_id).await?;
            let found = sources.into_iter().find(|(source, _)| source.id.as_str().eq_ignore_ascii_case(id));
            let unknown = || Fault::invalid_field("beneficiary.payment_source_id", "Is no source of this user.");
            found.map(|(_, party)| party).ok_or_else(unknown)
        }
        Receiver::Business => {
            let (_, client) = clients::find(app, &call.caller.client).ok_or_else(Fault::internal)?;
            let target = client.sweeping_targets.into_iter().find(|target| target.account == account);
            let target = target.ok_or_else(|| Fault::invalid_state("No business account is approved."))?;
            let name = accounts::holder(app, &call.caller);
            Ok(Party { name: Some(name), account: AccountIdentifier::Iban(target.iban) })
        }
        Receiver::User { id, name } => of_user(app, call, (account, currency), (id, name)).await,
    }
}

/// The account that a user chooses. The sandbox's users choose at once: the
/// account that they paid from, else the one that they have at the mock bank.
async fn of_user(
    app: &App,
    call: &Call,
    (account, currency): (AccountId, Currency),
    (id, name): (Option<&str>, Option<&str>),
) -> Result<Party, Fault> {
    if app.host.payer_bank.is_none() {
        return Err(Fault::invalid_state("Nobody here asks users for their accounts."));
    }
    if let Some(id) = id {
        let sources = accounts::sources_of(app, &call.caller, account, id).await?;
        if let Some((_, party)) = sources.into_iter().next() {
            return Ok(party);
        }
    }
    let id = id.or(name).unwrap_or_default();
    let user = User { merchant: call.caller.merchant, client: &call.caller.client, id, name };
    Ok(account_of(&user, currency))
}

/// What the core's refusal of a payout means here.
fn of_refusal(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::AccountUnknown => unknown_account(),
        Refusal::AccountNotEligible => Fault::invalid_state("The merchant account cannot pay out."),
        Refusal::FundingCurrency | Refusal::CurrencyMismatch => foreign_currency(),
        Refusal::AmountNotPositive => Fault::invalid_field("amount_in_minor", "The amount must be at least 1."),
        Refusal::AmountTooLarge => Fault::invalid_field("amount_in_minor", "The amount is too large."),
        // The key made a payout before, whatever became of its record.
        Refusal::DuplicateReference => Fault::key_reuse(),
        Refusal::PaymentUnknown
        | Refusal::RefundUnknown
        | Refusal::MandateUnknown
        | Refusal::PayoutUnknown
        | Refusal::AmountExceedsRefundable { remaining: _ }
        | Refusal::AlreadyRefunded
        | Refusal::PaymentNotSettled
        | Refusal::PaymentFailed
        | Refusal::PaymentBlocked
        | Refusal::InsufficientFunds { available: _ }
        | Refusal::MandateNotActive
        | Refusal::AlreadySubmitted
        | Refusal::AlreadyEnded
        | Refusal::NotAwaited
        | Refusal::SelfApproval
        | Refusal::AlreadyDecided
        | Refusal::NotEligible
        | Refusal::ApprovalExpired
        | Refusal::PayeeMismatch
        | Refusal::MorePeopleNeeded
        | Refusal::ProofMissing
        | Refusal::TooManyAttempts
        | Refusal::DuplicateSuspect
        | Refusal::KeyReused
        | Refusal::TransitionImpossible
        | Refusal::AlreadyExists
        | Refusal::RefundBlocked
        | Refusal::EndpointUnknown
        | Refusal::TooManyEndpoints
        | Refusal::FeeTooLarge
        | Refusal::CaseUnknown
        | Refusal::CreditorMissing
        | Refusal::Changed => Fault::internal(),
    }
}

async fn get_one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&app, &headers, Scope::Payouts)?;
    let unknown = || Fault::not_found("Payout");
    let id = PayoutId::parse(&routes::id(id)).map_err(|_| unknown())?;
    let merchant = caller.merchant;
    let found = app.host.engine.read(move |reader| reader.payout(merchant, id)).await;
    let found = found.map_err(Fault::of_unavailable)?;
    let payout = found.filter(|payout| caller.sees(&payout.origin)).ok_or_else(unknown)?;
    let shown = shown(&payout, clients::reports_returns(&app, &caller.client));
    let stored = Stored::of(&payout);
    Ok(answer::json(200, to_json(&wire::body(&payout, stored, &shown))))
}
