//! Bodies of banks (contract 3.7).

use super::flow::picture;
use crate::truelayer::errors::to_json;
use crate::truelayer::providers::catalogue::Provider;
use serde::Serialize;

#[derive(Serialize)]
struct ProviderBody {
    id: &'static str,
    display_name: &'static str,
    country_code: &'static str,
    icon_uri: String,
    logo_uri: String,
    bg_color: &'static str,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct Capabilities {
    payments: Payments,
}

#[derive(Serialize)]
struct Payments {
    bank_transfer: BankTransfer,
}

#[derive(Serialize)]
struct BankTransfer {
    release_channel: &'static str,
    schemes: Vec<Scheme>,
}

#[derive(Serialize)]
struct Scheme {
    id: &'static str,
}

#[derive(Serialize)]
struct Items {
    items: Vec<ProviderBody>,
}

fn body(provider: &Provider, origin: &str) -> ProviderBody {
    let picture = picture(provider, origin);
    let schemes = provider.schemes.iter().map(|id| Scheme { id }).collect();
    let bank_transfer = BankTransfer { release_channel: "general_availability", schemes };
    ProviderBody {
        id: provider.id,
        display_name: provider.display_name,
        country_code: provider.country,
        icon_uri: picture.clone(),
        logo_uri: picture,
        bg_color: "#FFFFFF",
        capabilities: Capabilities { payments: Payments { bank_transfer } },
    }
}

/// One bank; its picture is served at this origin.
pub(in crate::truelayer) fn one(provider: &Provider, origin: &str) -> Vec<u8> {
    to_json(&body(provider, origin))
}

/// Several banks.
pub(in crate::truelayer) fn many<'a>(providers: impl Iterator<Item = &'a Provider>, origin: &str) -> Vec<u8> {
    to_json(&Items { items: providers.map(|provider| body(provider, origin)).collect() })
}
