//! What a merchant has set otherwise in one dialect than the installation.

use refundry_domain::bytes::{Decoder, Encoder, Malformed};
use refundry_domain::id::MerchantId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings of one merchant in one dialect. The dialect checked them, and is
/// the only one who understands them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantSettings {
    /// Whose.
    pub merchant: MerchantId,
    /// The dialect's name.
    pub dialect: String,
    /// Each setting's name and its value as JSON text; none for as the
    /// installation has it.
    pub values: Arc<BTreeMap<String, String>>,
}

impl MerchantSettings {
    /// The settings as a record of a change tells them.
    pub(crate) fn words(&self) -> String {
        let values: Vec<String> = self.values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if values.is_empty() { "as the installation has them".to_owned() } else { values.join(", ") }
    }

    pub(super) fn put(&self, to: &mut Encoder) {
        let values: Vec<_> = self.values.iter().collect();
        to.id(self.merchant.0).text(&self.dialect).list(&values, |to, (name, value)| {
            to.text(name).text(value);
        });
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            merchant: MerchantId(from.id()?),
            dialect: from.text()?.to_owned(),
            values: Arc::new(
                from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?.into_iter().collect(),
            ),
        })
    }
}
