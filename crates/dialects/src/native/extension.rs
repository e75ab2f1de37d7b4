//! What this dialect keeps with the core's objects: metadata, and what the
//! answer to the creation said that may change later. A repeated creation is
//! answered from here, so that its body is the same byte for byte.

use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::once::OnceKey;
use refundry_domain::payment::{Origin, Payment, PaymentState};
use refundry_domain::refund::Refund;

use super::states;

/// Name of this folder in origins, credentials and endpoints.
pub(super) const DIALECT: &str = "native";

/// Version byte of the records below.
const VERSION: u8 = 1;

/// The merchant's own words about an object, in the order given.
pub(super) type Metadata = Vec<(String, String)>;

/// A party as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MaskedParty {
    /// First letters of the name.
    pub name: Option<String>,
    /// Scheme word of the account.
    pub scheme: String,
    /// Last characters of the account.
    pub account: String,
}

/// What is kept with a refund.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RefundExtension {
    /// The merchant's metadata.
    pub metadata: Metadata,
    /// The creditor that the call gave, as people see it.
    pub given: Option<MaskedParty>,
}

/// What is kept with a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PaymentExtension {
    /// The merchant's metadata.
    pub metadata: Metadata,
    /// The state it was recorded in.
    pub state: PaymentState,
    /// The debtor as recorded.
    pub debtor: Option<MaskedParty>,
    /// The key of the call that recorded it: tells a creation from a find.
    pub once: OnceKey,
}

/// The origin of everything made through this dialect: keys belong to the
/// merchant, so the group is empty.
pub(super) fn origin() -> Origin {
    Origin::new(DIALECT, "")
}

impl RefundExtension {
    /// The bytes that the core keeps.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.byte(VERSION);
        write_metadata(&mut to, &self.metadata);
        to.option(self.given.as_ref(), write_party);
        to.finish()
    }

    /// The extension of a refund; empty for one made through another dialect.
    pub(super) fn of(refund: &Refund) -> Self {
        if &*refund.origin.dialect != DIALECT {
            return Self::default();
        }
        Self::decode(&refund.extension).unwrap_or_default()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        expect_version(&mut from)?;
        Ok(Self { metadata: read_metadata(&mut from)?, given: from.option(read_party)? })
    }
}

impl PaymentExtension {
    /// The bytes that the core keeps.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.byte(VERSION);
        write_metadata(&mut to, &self.metadata);
        to.text(self.state.code());
        to.option(self.debtor.as_ref(), write_party);
        to.blob(&self.once.0);
        to.finish()
    }

    /// The extension of a payment; none for one made through another door.
    pub(super) fn of(payment: &Payment) -> Option<Self> {
        if &*payment.origin.dialect != DIALECT {
            return None;
        }
        Self::decode(&payment.extension).ok()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        expect_version(&mut from)?;
        Ok(Self {
            metadata: read_metadata(&mut from)?,
            state: states::recordable_of(from.text()?).ok_or(Malformed)?,
            debtor: from.option(read_party)?,
            once: OnceKey(from.blob()?.try_into().map_err(|_| Malformed)?),
        })
    }
}

fn expect_version(from: &mut Decoder<'_>) -> Result<(), Malformed> {
    if from.byte()? == VERSION { Ok(()) } else { Err(Malformed) }
}

fn write_metadata(to: &mut Encoder, metadata: &[(String, String)]) {
    to.list(metadata, |to, (key, value)| {
        to.text(key).text(value);
    });
}

fn read_metadata(from: &mut Decoder<'_>) -> Result<Metadata, Malformed> {
    from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))
}

fn write_party(to: &mut Encoder, party: &MaskedParty) {
    to.option(party.name.as_deref(), |to, name| {
        to.text(name);
    });
    to.text(&party.scheme).text(&party.account);
}

fn read_party(from: &mut Decoder<'_>) -> Result<MaskedParty, Malformed> {
    Ok(MaskedParty {
        name: from.option(|from| from.text().map(str::to_owned))?,
        scheme: from.text()?.to_owned(),
        account: from.text()?.to_owned(),
    })
}
