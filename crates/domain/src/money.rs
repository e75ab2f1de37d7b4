//! Money: unsigned minor units of one currency, checked arithmetic only.

use std::fmt;

/// The largest amount a single payment, refund or transfer may have, in minor
/// units: 2^53 - 1, so that every JSON reader keeps it exact.
pub const AMOUNT_MINOR_MAX: u64 = 9_007_199_254_740_991;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is no currency code that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyUnknown;

/// Currencies with another number of decimals than two (ISO 4217, table A.1).
const EXPONENTS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Currencies with two decimals (ISO 4217, table A.1).
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL \
    BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP \
    GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
    LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR \
    NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG";

impl Currency {
    /// Australian dollar.
    pub const AUD: Self = Self(*b"AUD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// Pound sterling.
    pub const GBP: Self = Self(*b"GBP");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// Parses an upper-case ISO 4217 code.
    pub fn parse(text: &str) -> Result<Self, CurrencyUnknown> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyUnknown)?;
        let known = EXPONENTS.iter().any(|(known, _)| *known == text)
            || TWO_DECIMALS.split_ascii_whitespace().any(|known| known == text);
        if known { Ok(Self(code)) } else { Err(CurrencyUnknown) }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals the minor unit has (ISO 4217).
    #[must_use]
    pub fn exponent(&self) -> u8 {
        EXPONENTS.iter().find(|(code, _)| *code == self.code()).map_or(2, |(_, exponent)| *exponent)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.code())
    }
}

/// An amount of money: minor units and their currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Minor units, at most [`AMOUNT_MINOR_MAX`].
    pub minor: u64,
    /// The currency.
    pub currency: Currency,
}

impl Amount {
    /// An amount in minor units of a currency.
    #[must_use]
    pub const fn new(minor: u64, currency: Currency) -> Self {
        Self { minor, currency }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.minor, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_codes_and_exponents() {
        for (code, exponent) in [("AUD", 2), ("JPY", 0), ("KWD", 3), ("GBP", 2)] {
            assert_eq!(Currency::parse(code).map(|currency| currency.exponent()), Ok(exponent), "{code}");
        }
        for bad in ["aud", "XXX", "AU", "AUDD", ""] {
            assert_eq!(Currency::parse(bad), Err(CurrencyUnknown), "{bad}");
        }
    }
}
