//! Amounts in figures and in words.

use refundry_domain::money::{Amount, Currency};

/// An amount to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money(pub Amount);

/// Code, sign, and the words for one and more of the major and the minor unit.
const NAMES: [(&str, &str, [&str; 4]); 4] = [
    ("AUD", "A$", ["Australian dollar", "Australian dollars", "cent", "cents"]),
    ("EUR", "€", ["euro", "euros", "cent", "cents"]),
    ("GBP", "£", ["pound", "pounds", "penny", "pence"]),
    ("USD", "US$", ["US dollar", "US dollars", "cent", "cents"]),
];

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// Powers of a thousand; an amount has at most sixteen digits.
const GROUPS: [(u64, &str); 5] = [
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];

impl Money {
    fn parts(self) -> (u64, u64, u32) {
        let digits = u32::from(self.0.currency.exponent());
        let unit = 10_u64.saturating_pow(digits).max(1);
        (self.0.minor / unit, self.0.minor % unit, digits)
    }

    /// Sign or code, thousands apart, as many decimals as the currency has:
    /// `£1,234.50`, `CHF 12.00`, `JPY 500`.
    #[must_use]
    pub fn figures(self) -> String {
        let (major, minor, digits) = self.parts();
        let sign = match name(self.0.currency) {
            Some((sign, _)) => sign.to_owned(),
            None => format!("{}\u{a0}", self.0.currency.code()),
        };
        let major = thousands(major);
        if digits == 0 {
            return format!("{sign}{major}");
        }
        format!("{sign}{major}.{minor:0width$}", width = usize::try_from(digits).unwrap_or(2))
    }

    /// As one types it into a form: `1234.50`.
    #[must_use]
    pub fn plain(self) -> String {
        let (major, minor, digits) = self.parts();
        if digits == 0 {
            return major.to_string();
        }
        format!("{major}.{minor:0width$}", width = usize::try_from(digits).unwrap_or(2))
    }

    /// Minor units of an amount that somebody typed: `12`, `12.5`, `1,234.50`,
    /// with or without the currency's sign. None where it is no amount.
    #[must_use]
    pub fn read(text: &str, currency: Currency) -> Option<u64> {
        let digits = usize::from(currency.exponent());
        let sign = name(currency).map_or("", |(sign, _)| sign);
        let text = text.trim();
        let text = text.strip_prefix(sign).or_else(|| text.strip_prefix(currency.code())).unwrap_or(text);
        let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        // A comma that sets no thousands apart may be meant as a decimal point:
        // `1,00` is no amount rather than a hundred.
        let mut groups = major.split(',');
        let first = groups.next().unwrap_or_default();
        if major.contains(',') && (first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3)) {
            return None;
        }
        let major: String = major.chars().filter(|letter| *letter != ',').collect();
        let major = major.as_str();
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if major.is_empty() || !plain(major) || !plain(minor) || minor.len() > digits || text.ends_with('.') {
            return None;
        }
        format!("{major}{minor:0<digits$}").parse().ok()
    }

    /// As one writes it on a cheque: `Forty-two pounds and fifty pence`.
    #[must_use]
    pub fn words(self) -> String {
        let (major, minor, digits) = self.parts();
        let text = match name(self.0.currency) {
            Some((_, [one, many, cent, cents])) => {
                let mut text = format!("{} {}", number(major), if major == 1 { one } else { many });
                if minor > 0 {
                    text.push_str(&format!(" and {} {}", number(minor), if minor == 1 { cent } else { cents }));
                }
                text
            }
            None if digits == 0 => format!("{} {}", number(major), self.0.currency.code()),
            None => {
                let of = 10_u64.saturating_pow(digits);
                format!("{} and {minor}/{of} {}", number(major), self.0.currency.code())
            }
        };
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

fn name(currency: Currency) -> Option<(&'static str, [&'static str; 4])> {
    NAMES.iter().find(|(code, _, _)| *code == currency.code()).map(|(_, sign, words)| (*sign, *words))
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn word(list: &'static [&'static str], place: u64) -> &'static str {
    usize::try_from(place).ok().and_then(|place| list.get(place)).copied().unwrap_or_default()
}

/// A number in English words.
fn number(number: u64) -> String {
    let mut rest = number;
    let mut words: Vec<String> = Vec::new();
    for (size, unit) in GROUPS {
        let count = rest / size;
        if count > 0 {
            words.push(format!("{} {unit}", below_thousand(count)));
            rest %= size;
        }
    }
    if rest > 0 || words.is_empty() {
        // British use: "one thousand and five".
        let joined = if !words.is_empty() && rest < 100 { "and " } else { "" };
        words.push(format!("{joined}{}", below_thousand(rest)));
    }
    words.join(" ")
}

fn below_thousand(number: u64) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    let below = if rest < 20 {
        word(&SMALL, rest).to_owned()
    } else if rest % 10 == 0 {
        word(&TENS, rest / 10).to_owned()
    } else {
        format!("{}-{}", word(&TENS, rest / 10), word(&SMALL, rest % 10))
    };
    match (hundreds, rest) {
        (0, _) => below,
        (_, 0) => format!("{} hundred", word(&SMALL, hundreds)),
        (_, _) => format!("{} hundred and {below}", word(&SMALL, hundreds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::money::AMOUNT_MINOR_MAX;

    #[test]
    fn amounts_are_said_in_figures_and_in_words() {
        for (minor, code, figures, words) in [
            (4_250, "GBP", "£42.50", "Forty-two pounds and fifty pence"),
            (101, "GBP", "£1.01", "One pound and one penny"),
            (100, "EUR", "€1.00", "One euro"),
            (1, "USD", "US$0.01", "Zero US dollars and one cent"),
            (100_000, "AUD", "A$1,000.00", "One thousand Australian dollars"),
            (100_500, "AUD", "A$1,005.00", "One thousand and five Australian dollars"),
            (
                123_456_789,
                "EUR",
                "€1,234,567.89",
                "One million two hundred and thirty-four thousand five hundred and sixty-seven euros and eighty-nine cents",
            ),
            (1_500, "JPY", "JPY\u{a0}1,500", "One thousand five hundred JPY"),
            (12_345, "KWD", "KWD\u{a0}12.345", "Twelve and 345/1000 KWD"),
            (1_900, "CHF", "CHF\u{a0}19.00", "Nineteen and 0/100 CHF"),
        ] {
            let money = Money(Amount::new(minor, Currency::parse(code).unwrap()));
            assert_eq!(money.figures(), figures);
            assert_eq!(money.words(), words);
        }
        for (text, code, minor) in [
            ("42.50", "GBP", Some(4_250)),
            ("£1,042.5", "GBP", Some(104_250)),
            (" 42 ", "GBP", Some(4_200)),
            ("GBP 42", "GBP", Some(4_200)),
            ("1500", "JPY", Some(1_500)),
            ("1,000", "GBP", Some(100_000)),
            ("1,00", "GBP", None),
            ("1,0000", "GBP", None),
            ("1234,567", "GBP", None),
            (",500", "GBP", None),
            ("1,", "GBP", None),
            ("0", "GBP", Some(0)),
            ("12.345", "GBP", None),
            ("1.5", "JPY", None),
            ("12.", "GBP", None),
            (".5", "GBP", None),
            ("-1", "GBP", None),
            ("1e3", "GBP", None),
            ("", "GBP", None),
            ("99999999999999999999", "GBP", None),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(Money::read(text, currency), minor, "{text}");
            if let Some(minor) = minor {
                assert_eq!(Money::read(&Money(Amount::new(minor, currency)).plain(), currency), Some(minor));
            }
        }
        let most = Money(Amount::new(AMOUNT_MINOR_MAX, Currency::parse("JPY").unwrap()));
        assert!(most.words().starts_with("Nine quadrillion seven trillion"), "{}", most.words());
    }
}
