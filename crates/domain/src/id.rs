//! Identifiers: 128 bits, written as a hyphenated UUID, one type per noun so
//! that a payment's id is never taken for a refund's.
//!
//! Minting is the engine's business (design section 6); this module only
//! parses and prints.

use std::fmt;

/// The text is no hyphenated UUID of 36 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdMalformed;

/// Parses a hyphenated UUID of any version and either case.
pub fn parse_uuid(text: &str) -> Result<u128, IdMalformed> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return Err(IdMalformed);
    }
    let mut value: u128 = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return Err(IdMalformed);
            }
            continue;
        }
        let digit = char::from(*byte).to_digit(16).ok_or(IdMalformed)?;
        value = value.wrapping_shl(4) | u128::from(digit);
    }
    Ok(value)
}

/// Prints 128 bits as a lower-case hyphenated UUID.
pub fn format_uuid(value: u128, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let hex = format!("{value:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    write!(to, "{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

macro_rules! id_type {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// Parses a hyphenated UUID of any version.
            pub fn parse(text: &str) -> Result<Self, IdMalformed> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                format_uuid(self.0, to)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(to, concat!(stringify!($name), "("))?;
                format_uuid(self.0, to)?;
                write!(to, ")")
            }
        }
    )+};
}

id_type! {
    /// A tenant: the merchant who gives money back.
    MerchantId,
    /// A pay-in that may be given back.
    PaymentId,
    /// A refund of exactly one payment.
    RefundId,
    /// An outgoing payment that gives back no pay-in.
    PayoutId,
    /// A ledger account.
    AccountId,
    /// A standing authority to debit the merchant's own account.
    MandateId,
    /// The secret-like name under which a merchant uses a mandate.
    MandateToken,
    /// A human being who decides.
    PersonId,
    /// A place that receives webhooks.
    EndpointId,
    /// A webhook event, derived from its place in the chain.
    EventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        let text = "82a649c5-af14-474a-997a-b25b0d3f45be";
        assert_eq!(PaymentId::parse(text).map(|id| id.to_string()), Ok(text.into()));
        for bad in ["", "82a649c5af14474a997ab25b0d3f45be", "82a649c5-af14-474a-997a-b25b0d3f45bg"] {
            assert_eq!(PaymentId::parse(bad), Err(IdMalformed), "{bad}");
        }
    }
}
