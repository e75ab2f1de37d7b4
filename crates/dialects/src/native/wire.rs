//! The bodies that this API answers with, member by member. Rendering is by
//! hand; no domain type is serialised as it is.

use super::extension::{MaskedParty, Metadata, PaymentExtension};
use super::states;
use crate::print::rfc3339_nanos;
use refundry_domain::ledger::Account;
use refundry_domain::mandate::{Mandate, MandateState};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{Moments, Payment, PaymentBlockCode, PaymentFailure, Provenance};
use refundry_domain::refund::Case;
use refundry_domain::rules::Environment;
use refundry_domain::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

mod approvals;
mod refund;
mod webhooks;

pub(super) use approvals::{PendingBody, approval, fees, pending, policy};
pub(super) use refund::{FundingBody, RefundBody, StatusBody, funding, refund, refund_as_created, status};
pub(super) use webhooks::{DeliveryBody, delivery, delivery_with_request, endpoint, endpoint_as_created};

/// An instant as RFC 3339 in UTC with microseconds.
pub(super) fn time(at: Timestamp) -> String {
    let nanos = rfc3339_nanos(at);
    format!("{}Z", nanos.as_str().get(..26).unwrap_or_default())
}

/// The merchant's metadata as a JSON object in the order given.
#[derive(Debug)]
pub(super) struct Labels(pub Metadata);

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A page of a list.
#[derive(Debug, serde::Serialize)]
pub(super) struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// More rows follow.
    pub has_more: bool,
    /// Where they begin.
    pub next_cursor: Option<String>,
}

/// A party, masked.
#[derive(Debug, serde::Serialize)]
pub(super) struct PartyBody {
    name: Option<String>,
    scheme: String,
    account: String,
}

impl From<MaskedParty> for PartyBody {
    fn from(party: MaskedParty) -> Self {
        let MaskedParty { name, scheme, account } = party;
        Self { name, scheme, account }
    }
}

/// A party as people see it: initials, scheme and last characters.
pub(super) fn masked(party: &Party) -> MaskedParty {
    let scheme = match party.account {
        AccountIdentifier::Scan { .. } => "sort_code",
        AccountIdentifier::Bsb { .. } => "bsb",
        AccountIdentifier::Iban(_) => "iban",
        AccountIdentifier::PayId(_) => "payid",
        AccountIdentifier::Other { .. } => "other",
    };
    let initials = |name: &String| -> String {
        let words = name.split_whitespace().filter_map(|word| word.chars().next());
        words.map(|first| format!("{first}••")).collect::<Vec<_>>().join(" ")
    };
    MaskedParty { name: party.name.as_ref().map(initials), scheme: scheme.to_owned(), account: party.account.masked() }
}

#[derive(Debug, serde::Serialize)]
struct CountersBody {
    claimable: u64,
    claimed: u64,
    reversed: u64,
    refundable: u64,
    exposure: u64,
}

#[derive(Debug, serde::Serialize)]
struct BlockBody {
    code: &'static str,
    placed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_at: Option<String>,
}

#[derive(Debug, serde::Serialize)]
struct CaseBody {
    code: &'static str,
    opened_at: String,
    closed_at: Option<String>,
}

impl From<&Case> for CaseBody {
    fn from(case: &Case) -> Self {
        Self { code: case.code.code(), opened_at: time(case.at), closed_at: case.closed_at.map(time) }
    }
}

/// A payment.
#[derive(Debug, serde::Serialize)]
pub(super) struct PaymentBody {
    id: String,
    amount: u64,
    currency: String,
    status: &'static str,
    account_id: String,
    counters: CountersBody,
    debtor: Option<PartyBody>,
    provenance: &'static str,
    blocks: Vec<BlockBody>,
    cases: Vec<CaseBody>,
    merchant_reference: Option<String>,
    payment_method: Option<String>,
    metadata: Labels,
    #[serde(flatten)]
    moments: MomentsBody,
    failure: Option<FailureBody>,
    expires_at: Option<String>,
    created_at: String,
    updated_at: String,
}

/// When a payment reached its states.
#[derive(Debug, serde::Serialize)]
struct MomentsBody {
    authorised_at: Option<String>,
    executed_at: Option<String>,
    settled_at: Option<String>,
    failed_at: Option<String>,
}

impl From<Moments> for MomentsBody {
    fn from(moments: Moments) -> Self {
        Self {
            authorised_at: moments.authorised_at.map(time),
            executed_at: moments.executed_at.map(time),
            settled_at: moments.settled_at.map(time),
            failed_at: moments.failed_at.map(time),
        }
    }
}

/// Where a payment stood when it failed, and why it did.
#[derive(Debug, serde::Serialize)]
struct FailureBody {
    stage: &'static str,
    reason: &'static str,
}

impl From<PaymentFailure> for FailureBody {
    fn from(failure: PaymentFailure) -> Self {
        Self { stage: failure.stage.code(), reason: failure.reason.code() }
    }
}

/// A payment as it is now.
pub(super) fn payment(payment: &Payment) -> PaymentBody {
    let counters = payment.counters;
    let block = |code: PaymentBlockCode, at: Timestamp| BlockBody {
        code: states::payment_block(code),
        placed_at: time(at),
        lifted_at: None,
    };
    PaymentBody {
        id: payment.id.to_string(),
        amount: payment.amount.minor,
        currency: payment.amount.currency.to_string(),
        status: payment.state.code(),
        account_id: payment.account.to_string(),
        counters: CountersBody {
            claimable: counters.claimable,
            claimed: counters.claimed,
            reversed: counters.reversed,
            refundable: counters.refundable(),
            exposure: counters.exposure(),
        },
        debtor: payment.debtor.as_ref().map(|party| masked(party).into()),
        provenance: states::provenance(payment.provenance),
        blocks: payment.blocks.iter().map(|placed| block(placed.code, placed.at)).collect(),
        cases: payment.cases.iter().map(CaseBody::from).collect(),
        merchant_reference: payment.merchant_reference.clone(),
        payment_method: payment.method.as_deref().map(str::to_owned),
        metadata: Labels(PaymentExtension::of(payment).map(|kept| kept.metadata).unwrap_or_default()),
        moments: payment.moments.into(),
        failure: payment.failure.map(FailureBody::from),
        expires_at: payment.expires_at.map(time),
        created_at: time(payment.created_at),
        updated_at: time(payment.updated_at),
    }
}

/// A payment as the answer to its recording showed it, whatever became of it
/// since. In live an imported payment starts `unverified` (design section 3).
pub(super) fn payment_as_recorded(recorded: &Payment, kept: PaymentExtension, environment: Environment) -> PaymentBody {
    let amount = recorded.amount.minor;
    let unverified = BlockBody {
        code: states::payment_block(PaymentBlockCode::Unverified),
        placed_at: time(recorded.created_at),
        lifted_at: None,
    };
    let mut moments = Moments::default();
    moments.enter(kept.state, recorded.created_at);
    PaymentBody {
        status: kept.state.code(),
        moments: moments.into(),
        failure: None,
        counters: CountersBody { claimable: amount, claimed: 0, reversed: 0, refundable: amount, exposure: 0 },
        debtor: kept.debtor.map(PartyBody::from),
        blocks: if environment == Environment::Live { vec![unverified] } else { Vec::new() },
        cases: Vec::new(),
        provenance: states::provenance(Provenance::Imported),
        updated_at: time(recorded.created_at),
        ..payment(recorded)
    }
}

#[derive(Debug, serde::Serialize)]
struct BalanceBody {
    posted: i128,
    pending: u64,
    available: u64,
}

/// A held account.
#[derive(Debug, serde::Serialize)]
pub(super) struct AccountBody {
    id: String,
    name: String,
    currency: String,
    eligible: bool,
    balance: BalanceBody,
    created_at: String,
}

/// A held account with its balances: posted, set aside, and what is left.
pub(super) fn account(account: &Account) -> AccountBody {
    AccountBody {
        id: account.id.to_string(),
        name: account.name.to_string(),
        currency: account.currency.to_string(),
        eligible: account.eligible,
        balance: BalanceBody {
            posted: account.balance.credit_posted(),
            pending: account.balance.debits_pending,
            available: account.balance.available(),
        },
        created_at: time(account.created_at),
    }
}

/// A mandate.
#[derive(Debug, serde::Serialize)]
pub(super) struct MandateBody {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    state: &'static str,
    application: Option<String>,
    merchant_reference: Option<String>,
    debtor_account_id: Option<String>,
    currency: String,
    amount: Option<u64>,
    amount_max: Option<u64>,
    period: &'static str,
    count_max: Option<u32>,
    authorise_before: String,
    created_at: String,
    updated_at: String,
}

/// A mandate as it is now; its token is never shown again.
pub(super) fn mandate(mandate: &Mandate) -> MandateBody {
    MandateBody {
        id: mandate.id.to_string(),
        token: None,
        state: mandate.state.code(),
        application: (!mandate.group.is_empty()).then(|| mandate.group.to_string()),
        merchant_reference: mandate.merchant_reference.clone(),
        debtor_account_id: mandate.debtor_account.map(|id| id.to_string()),
        currency: mandate.currency.to_string(),
        amount: mandate.amount,
        amount_max: mandate.amount_max,
        period: states::period(mandate.period),
        count_max: mandate.count_max,
        authorise_before: time(mandate.authorise_before),
        created_at: time(mandate.created_at),
        updated_at: time(mandate.updated_at),
    }
}

/// A mandate as the answer to its creation showed it, with its token.
pub(super) fn mandate_as_created(made: &Mandate) -> MandateBody {
    MandateBody {
        token: Some(made.token.to_string()),
        state: MandateState::Created.code(),
        updated_at: time(made.created_at),
        ..mandate(made)
    }
}
