//! What an operator may do about a client: its keys, of which it may have
//! several at once, so that it can change them without a pause (contract 2.4),
//! and whether it hears of returns (contract 4.4).

use super::clients::{self, Client, ClientKey};
use super::signing::{keys, ring};
use super::{App, TrueLayer};
use crate::host::{KeyFuture, KeyRefused, SigningKeys};
use refundry_domain::event::Actor;
use refundry_domain::id::{EndpointId, MerchantId};
use refundry_engine::envelope::{Envelope, Work};
use refundry_engine::mint;
use refundry_engine::registry::RegistryChange;
use serde::Deserialize;

/// Most keys of a client, revoked ones included.
const KEY_COUNT_MAX: usize = 100;
/// Longest key id, in bytes.
const KEY_ID_LENGTH_MAX: usize = 255;

impl SigningKeys for TrueLayer {
    fn add<'a>(
        &'a self,
        merchant: MerchantId,
        client: &'a str,
        key_id: Option<&'a str>,
        public_key: &'a str,
    ) -> KeyFuture<'a, String> {
        Box::pin(async move {
            let point = keys::read_public(public_key).map_err(|_| KeyRefused::Malformed)?;
            let key_id = key_id.map_or_else(|| EndpointId(mint::random_id()).to_string(), str::to_owned);
            if key_id.is_empty() || key_id.len() > KEY_ID_LENGTH_MAX {
                return Err(KeyRefused::Malformed);
            }
            let key =
                ClientKey { key_id: key_id.clone(), point, created_at: self.app.host.engine.now(), revoked_at: None };
            change(&self.app, merchant, client, |client| {
                if client.keys.len() >= KEY_COUNT_MAX {
                    return Err(KeyRefused::Malformed);
                }
                // A revoked id stays taken: its owner lost it for a reason.
                if client.keys.iter().any(|known| known.key_id == key.key_id) {
                    return Err(KeyRefused::KeyIdTaken);
                }
                client.keys.push(key);
                Ok(())
            })
            .await?;
            Ok(key_id)
        })
    }

    fn revoke<'a>(&'a self, merchant: MerchantId, client: &'a str, key_id: &'a str) -> KeyFuture<'a, ()> {
        Box::pin(async move {
            let now = self.app.host.engine.now();
            change(&self.app, merchant, client, |client| {
                let key = client.keys.iter_mut().find(|key| key.key_id == key_id).ok_or(KeyRefused::KeyUnknown)?;
                key.revoked_at = key.revoked_at.or(Some(now));
                Ok(())
            })
            .await
        })
    }

    fn rotate(&self, merchant: MerchantId) -> KeyFuture<'_, ()> {
        Box::pin(async move { ring::rotate(&self.app, merchant).await.map_err(KeyRefused::Unavailable) })
    }
}

/// The settings that an operator may change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether the client sees returns; null means the server's setting.
    report_returns: Option<bool>,
}

/// Changes settings of a client: what is asked for counts from now on.
pub(super) async fn change_settings(
    app: &App,
    merchant: MerchantId,
    client: &str,
    settings: &serde_json::Value,
) -> Result<(), KeyRefused> {
    let settings = Settings::deserialize(settings).map_err(|_| KeyRefused::Malformed)?;
    change(app, merchant, client, |client| {
        client.report_returns = settings.report_returns;
        Ok(())
    })
    .await
}

/// Changes a client of a merchant; one change after the other.
async fn change(
    app: &App,
    merchant: MerchantId,
    id: &str,
    change: impl FnOnce(&mut Client) -> Result<(), KeyRefused>,
) -> Result<(), KeyRefused> {
    let _changing = app.changing.lock().await;
    let known = clients::find(app, id).filter(|(owner, _)| *owner == merchant);
    let (_, mut client) = known.ok_or(KeyRefused::ClientUnknown)?;
    change(&mut client)?;
    let work = Work::Registry { change: RegistryChange::Put(client.entry(merchant, id)), answer: None };
    let envelope = Envelope { merchant, actor: Actor::Engine, once: None, work };
    app.host.engine.execute(envelope).await.map_err(KeyRefused::Unavailable)?;
    Ok(())
}
