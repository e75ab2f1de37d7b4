//! A client's own settings: its public keys, its scopes, and what it stored
//! for its merchant accounts. They lie in the registry, so that they are in
//! memory and their changes go through the door.

use super::call::Call;
use super::errors::Fault;
use super::{App, DIALECT};
use axum::response::Response;
use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::{AccountId, MerchantId};
use refundry_domain::time::Timestamp;
use refundry_engine::envelope::Work;
use refundry_engine::registry::{Group, RegistryChange, RegistryEntry};

/// First byte of the record.
const VERSION: u8 = 1;
/// Every scope that a client may have.
pub(super) const SCOPES: [&str; 7] = [
    "payments",
    "paydirect",
    "payouts",
    "recurring_payments:sweeping",
    "recurring_payments:commercial",
    "signupplus",
    "tracking",
];

/// A public key under which a client signs its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientKey {
    /// The id that the client names it by.
    pub(super) key_id: String,
    /// The point on the curve, uncompressed.
    pub(super) point: Vec<u8>,
    /// Since when.
    pub(super) created_at: Timestamp,
    /// Since when it signs nothing.
    pub(super) revoked_at: Option<Timestamp>,
}

/// What a client asked to be swept; no money is moved by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sweeping {
    /// The merchant account.
    pub(super) account: AccountId,
    /// Most minor units per time.
    pub(super) amount_max: u64,
    /// The currency's code.
    pub(super) currency: String,
    /// How often, in the client's word.
    pub(super) frequency: String,
}

/// Where an account may be swept to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SweepingTarget {
    /// The merchant account.
    pub(super) account: AccountId,
    /// The approved account number.
    pub(super) iban: String,
}

impl std::fmt::Debug for SweepingTarget {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "SweepingTarget({})", self.account)
    }
}

/// A client's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Client {
    /// Its keys, revoked ones included.
    pub(super) keys: Vec<ClientKey>,
    /// The scopes that it may ask for.
    pub(super) scopes: Vec<String>,
    /// Whether returns show to it; none means the server's setting.
    pub(super) report_returns: Option<bool>,
    /// Where its accounts may be swept to.
    pub(super) sweeping_targets: Vec<SweepingTarget>,
    /// What it asked to be swept.
    pub(super) sweepings: Vec<Sweeping>,
}

impl Client {
    /// The record's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.byte(VERSION);
        to.list(&self.keys, |to, key| {
            to.text(&key.key_id).blob(&key.point).signed(key.created_at.0);
            to.option(key.revoked_at, |to, at| {
                to.signed(at.0);
            });
        });
        to.list(&self.scopes, |to, scope| {
            to.text(scope);
        });
        to.option(self.report_returns, |to, shown| {
            to.byte(u8::from(shown));
        });
        to.list(&self.sweeping_targets, |to, target| {
            to.id(target.account.0).text(&target.iban);
        });
        to.list(&self.sweepings, |to, sweeping| {
            to.id(sweeping.account.0).number(sweeping.amount_max);
            to.text(&sweeping.currency).text(&sweeping.frequency);
        });
        to.finish()
    }

    /// Reads a record.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.byte()? != VERSION {
            return Err(Malformed);
        }
        Ok(Self {
            keys: from.list(|from| {
                Ok(ClientKey {
                    key_id: from.text()?.to_owned(),
                    point: from.blob()?.to_vec(),
                    created_at: Timestamp(from.signed()?),
                    revoked_at: from.option(Decoder::signed)?.map(Timestamp),
                })
            })?,
            scopes: from.list(|from| from.text().map(str::to_owned))?,
            report_returns: from.option(Decoder::flag)?,
            sweeping_targets: from
                .list(|from| Ok(SweepingTarget { account: AccountId(from.id()?), iban: from.text()?.to_owned() }))?,
            sweepings: from.list(|from| {
                Ok(Sweeping {
                    account: AccountId(from.id()?),
                    amount_max: from.number()?,
                    currency: from.text()?.to_owned(),
                    frequency: from.text()?.to_owned(),
                })
            })?,
        })
    }

    /// The registry entry of a client.
    pub(super) fn entry(&self, merchant: MerchantId, id: &str) -> RegistryEntry {
        RegistryEntry::Group(Group {
            dialect: DIALECT.to_owned(),
            id: id.to_owned(),
            merchant,
            settings: self.encode(),
        })
    }
}

/// The settings of a client as they are now; none for an unknown client.
pub(super) fn find(app: &App, id: &str) -> Option<(MerchantId, Client)> {
    let directory = app.host.engine.directory();
    let group = directory.groups.get(&(DIALECT.to_owned(), id.to_owned()))?;
    let client = Client::decode(&group.settings).inspect_err(|_| tracing::error!("a client's record is malformed"));
    Some((group.merchant, client.ok()?))
}

/// Whether a client sees that money came back after a refund was executed.
pub(super) fn reports_returns(app: &App, id: &str) -> bool {
    find(app, id).and_then(|(_, client)| client.report_returns).unwrap_or(app.config.report_returns)
}

/// Changes the settings of the caller's client and answers, both once under
/// the call's key. `change` gives status and body of the answer, and is not
/// asked again for a repeated key.
///
/// # Errors
/// The fault of `change`, kept under the key like every other.
pub(super) async fn change(
    app: &App,
    call: &Call,
    change: impl FnOnce(&mut Client) -> Result<(u16, Vec<u8>), Fault>,
) -> Result<Response, Fault> {
    let _changing = app.changing.lock().await;
    let prepared = match find(app, &call.caller.client) {
        None => Err(Fault::internal()),
        Some((merchant, mut client)) => change(&mut client).map(|answer| {
            let entry = client.entry(merchant, &call.caller.client);
            (answer.clone(), Work::Registry { change: RegistryChange::Put(entry), answer: Some(answer) })
        }),
    };
    let (fresh, prepared) = match prepared {
        Ok((answer, work)) => (Some(answer), Ok(work)),
        Err(fault) => (None, Err(fault)),
    };
    let answer = call.run_work(app, prepared, |_| Fault::internal()).await?;
    match (answer, fresh) {
        (refundry_engine::envelope::Answer::Done, Some((status, body))) => Ok(call.answered_with(status, body)),
        (answer, _) => call.answered(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let key = ClientKey {
            key_id: "k1".into(),
            point: vec![4; 133],
            created_at: Timestamp(7),
            revoked_at: Some(Timestamp(9)),
        };
        let client = Client {
            keys: vec![key],
            scopes: SCOPES.map(str::to_owned).to_vec(),
            report_returns: Some(false),
            sweeping_targets: vec![SweepingTarget { account: AccountId(5), iban: "GB53MOCK".into() }],
            sweepings: vec![Sweeping {
                account: AccountId(5),
                amount_max: 1_042_000_017,
                currency: "GBP".into(),
                frequency: "fortnightly".into(),
            }],
        };
        assert_eq!(Client::decode(&client.encode()), Ok(client));
        assert_eq!(Client::decode(&Client::default().encode()), Ok(Client::default()));
    }
}
