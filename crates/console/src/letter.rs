//! The words of the letter that brings a customer the link to a details page:
//! text, and the same as HTML for whoever wants it. It names merchant, amount,
//! link and its end, says what is never asked, and holds no account data.

use crate::hosted::letter_accent;
use crate::page::{Moment, Money};
use askama::Template;
use refundry_engine::hosted::Letter;
use refundry_engine::registry::Brand;

/// A letter in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// The name that it comes from.
    pub from_name: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl std::fmt::Debug for Words {
    /// Without the link, which opens a page for whoever has it.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Words(..)")
    }
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    merchant: &'a str,
    name: Option<&'a str>,
    money: Money,
    remittance: Option<&'a str>,
    url: &'a str,
    until: Moment,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    merchant: &'a str,
    name: Option<&'a str>,
    money: Money,
    remittance: Option<&'a str>,
    url: &'a str,
    until: Moment,
    accent: String,
}

/// One line, whatever somebody called themselves.
fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Puts a letter into words, under the merchant's brand where it has one.
#[must_use]
pub fn write(letter: &Letter, brand: Option<&Brand>) -> Words {
    let merchant = line(brand.and_then(|brand| brand.name.as_deref()).unwrap_or(&letter.merchant_name));
    let name = letter.to_name.as_deref().map(line);
    let remittance = letter.remittance.as_deref().map(line);
    let (money, until) = (Money(letter.amount), Moment(letter.until));
    let (name, remittance) = (name.as_deref(), remittance.as_deref());
    let url = &letter.url;
    let text = Text { merchant: &merchant, name, money, remittance, url, until }.render();
    let accent = letter_accent(brand);
    let html = Html { merchant: &merchant, name, money, remittance, url, until, accent }.render();
    if let (Err(error), _) | (_, Err(error)) = (&text, &html) {
        tracing::error!(error = %error, "a letter does not render");
    }
    Words {
        subject: format!("{merchant}: tell us where to send your refund of {}", money.figures()),
        from_name: merchant,
        text: text.unwrap_or_default(),
        html: html.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::id::{MerchantId, RefundId};
    use refundry_domain::money::{Amount, Currency};
    use refundry_domain::time::Timestamp;

    #[test]
    fn a_letter_says_what_it_must_and_hostile_names_stay_text() {
        let sly = "<img src=x onerror=alert(1)>";
        let letter = Letter {
            merchant: MerchantId(1),
            merchant_name: sly.to_owned(),
            refund: RefundId(2),
            to: "ida@example.org".to_owned(),
            to_name: Some(format!("Ida{sly}\r\nBcc: all@example.org")),
            amount: Amount::new(1_250, Currency::GBP),
            remittance: Some(sly.to_owned()),
            url: "https://pay.example/refunds/1?token=a&b".to_owned(),
            until: Timestamp(1_767_607_200_000_000_000),
            due_at: Timestamp(0),
        };
        let words = write(&letter, None);
        assert!(!words.html.contains(sly) && words.html.contains("&#60;img"), "{}", words.html);
        for text in [&words.text, &words.html] {
            assert!(text.contains("£12.50") && text.contains("5 January 2026"), "{text}");
        }
        assert!(words.text.contains(&letter.url));
        assert!(!words.subject.contains('\n') && !words.text.contains("\nBcc:"));
        let brand = Brand { name: Some("Fernhill".to_owned()), ..Brand::plain(MerchantId(1)) };
        let words = write(&letter, Some(&brand));
        assert_eq!(words.from_name, "Fernhill");
        assert!(!words.text.contains(sly) || letter.remittance.is_some());
    }
}
