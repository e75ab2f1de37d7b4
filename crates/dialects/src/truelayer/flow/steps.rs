//! What comes next in an authorisation (contract 3.4): the payer chooses a
//! bank where the client did not, agrees where the client can ask for it,
//! answers the bank's questions, and goes there. Pure.

use super::super::extension::{Flow, PaymentExtension, Step};
use super::super::providers::catalogue;
use super::super::wire::flow::FlowRequest;
use super::super::wire::payments::request::stored_selection;
use refundry_domain::money::Currency;

/// A step that the client says it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::truelayer) enum Taken {
    /// The payer chose this bank.
    Provider(String),
    /// The payer agreed.
    Consent,
    /// The payer answered.
    Form,
}

impl Taken {
    /// The step that must have been announced.
    pub(in crate::truelayer) fn announced(&self) -> Step {
        match self {
            Self::Provider(_) => Step::ProviderSelection,
            Self::Consent => Step::Consent,
            Self::Form => Step::Form,
        }
    }
}

/// The extension once an authorisation began, for the first time or after a
/// failed attempt.
pub(in crate::truelayer) fn begun(mut extension: PaymentExtension, request: FlowRequest) -> PaymentExtension {
    extension.may_retry |= request.retry;
    if extension.user_selected {
        extension.provider = None;
        extension.scheme = None;
    }
    let mut flow = request.begin(Step::ProviderSelection);
    if !extension.user_selected {
        flow.step = after_provider(&extension, &flow);
    }
    extension.flow = Some(flow);
    extension
}

/// The extension after a step; the same where no authorisation began.
pub(in crate::truelayer) fn taken(mut extension: PaymentExtension, taken: &Taken) -> PaymentExtension {
    let Some(mut flow) = extension.flow.take() else { return extension };
    flow.step = match taken {
        Taken::Provider(id) => {
            let (_, instant) = stored_selection(&extension.method);
            let provider = catalogue::find(id);
            extension.scheme = provider.map(|provider| provider.scheme(instant).to_owned());
            extension.provider = Some(id.clone());
            after_provider(&extension, &flow)
        }
        Taken::Consent => after_consent(&extension, &flow),
        Taken::Form => Step::Redirect,
    };
    extension.flow = Some(flow);
    extension
}

fn after_provider(extension: &PaymentExtension, flow: &Flow) -> Step {
    if flow.consent { Step::Consent } else { after_consent(extension, flow) }
}

/// What follows the payer's consent.
pub(in crate::truelayer) fn after_consent(extension: &PaymentExtension, flow: &Flow) -> Step {
    let provider = extension.provider.as_deref().and_then(catalogue::find);
    let asks = provider.is_some_and(|provider| provider.asks(flow.form));
    if asks { Step::Form } else { Step::Redirect }
}

/// The banks that the payer of a payment may choose from.
pub(in crate::truelayer) fn choices(
    extension: &PaymentExtension,
    currency: Currency,
) -> Vec<&'static catalogue::Provider> {
    let (filter, _) = stored_selection(&extension.method);
    filter.paying(currency).collect()
}
