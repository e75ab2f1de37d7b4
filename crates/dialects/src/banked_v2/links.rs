//! Addresses of pages, the tokens in them, and ids that are derived: the id of
//! a refund's own payment session, and the text on the merchant's statement.
//! All of them are functions of the refund and the server's key, so that they
//! are the same whenever they are shown, need no room, and cannot be guessed
//! from what customers see.

use super::config::Config;
use crate::host::Host;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use refundry_domain::id::RefundId;
use subtle::ConstantTimeEq;

/// What is replaced by the session's id when a browser is sent on.
const PLACEHOLDER: &str = "__PAYMENT_ID__";
/// Bytes of a token: 128 bits.
const TOKEN_BYTES: usize = 16;
/// What the made text on a statement begins with.
const STATEMENT_PREFIX: &str = "bnkd";
/// Characters after it.
const STATEMENT_LENGTH: usize = 8;
const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bits of a UUID of version 4 that carry something, and half of them.
const HALF_BITS: u32 = 61;
const HALF: u128 = (1 << HALF_BITS) - 1;
/// Rounds of the permutation (Luby and Rackoff: four make it a strong one).
const ROUNDS: [u8; 4] = [0, 1, 2, 3];

/// Where a server's links lead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links<'a> {
    pub(super) host: &'a Host,
    pub(super) config: &'a Config,
}

impl Links<'_> {
    /// A refund's page, with the token of its link where that is good.
    pub(super) fn details_url(&self, refund: RefundId, renewals: Option<u64>) -> String {
        let base = match &self.config.refunds_page_base {
            Some(base) => base.clone(),
            None => format!("{}/refunds", self.host.public_origin()),
        };
        match renewals {
            Some(renewals) => format!("{base}/{refund}?token={}", self.token(refund, renewals)),
            None => format!("{base}/{refund}"),
        }
    }

    /// A session's checkout page.
    pub(super) fn checkout_url(&self, session: u128) -> String {
        let base = match &self.config.checkout_base {
            Some(base) => base.clone(),
            None => format!("{}/checkout", self.host.public_origin()),
        };
        format!("{base}/{}?v3", RefundId(session))
    }

    fn token(&self, refund: RefundId, renewals: u64) -> String {
        let mut message = refund.0.to_be_bytes().to_vec();
        message.extend_from_slice(&renewals.to_be_bytes());
        let derived = self.host.tokens.derive("banked details link", &message);
        URL_SAFE_NO_PAD.encode(derived.get(..TOKEN_BYTES).unwrap_or_default())
    }

    /// Whether this is the token of a refund's link after so many renewals;
    /// compared in constant time.
    pub(super) fn opens(&self, refund: RefundId, renewals: u64, token: &str) -> bool {
        self.token(refund, renewals).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The id of a refund's own payment session.
    pub(super) fn session_of(&self, refund: RefundId) -> u128 {
        let (mut left, mut right) = halves(refund.0);
        for round in ROUNDS {
            (left, right) = (right, left ^ self.mix(round, right));
        }
        whole(left, right)
    }

    /// The refund whose session has this id, if there is one.
    pub(super) fn refund_of(&self, session: u128) -> RefundId {
        let (mut left, mut right) = halves(session);
        for round in ROUNDS.iter().rev() {
            (left, right) = (right ^ self.mix(*round, left), left);
        }
        RefundId(whole(left, right))
    }

    fn mix(&self, round: u8, half: u128) -> u128 {
        let mut message = vec![round];
        message.extend_from_slice(&half.to_be_bytes());
        let derived = self.host.tokens.derive("banked refund session", &message);
        derived.iter().take(16).fold(0, |value, byte| (value << 8) | u128::from(*byte)) & HALF
    }

    /// The text on the merchant's statement.
    pub(super) fn statement_text(&self, refund: RefundId) -> String {
        let derived = self.host.tokens.derive("banked statement text", &refund.0.to_be_bytes());
        let character = |byte: &u8| ALPHANUMERIC.get(usize::from(*byte) % ALPHANUMERIC.len()).copied();
        let made = derived.iter().take(STATEMENT_LENGTH).filter_map(character).map(char::from);
        std::iter::once(STATEMENT_PREFIX.to_owned()).chain(made.map(String::from)).collect()
    }
}

/// A merchant's address with the session's id in its place; none for no address.
pub(super) fn onward(url: &str, session: u128) -> Option<String> {
    (!url.is_empty()).then(|| url.replace(PLACEHOLDER, &RefundId(session).to_string()))
}

/// The free bits of a UUID of version 4, without version and variant.
fn halves(id: u128) -> (u128, u128) {
    let low = id & ((1 << 62) - 1);
    let middle = (id >> 64) & 0xfff;
    let high = id >> 80;
    let free = (high << 74) | (middle << 62) | low;
    (free >> HALF_BITS, free & HALF)
}

fn whole(left: u128, right: u128) -> u128 {
    let free = (left << HALF_BITS) | right;
    let low = free & ((1 << 62) - 1);
    let middle = (free >> 62) & 0xfff;
    let high = free >> 74;
    (high << 80) | (0x4 << 76) | (middle << 64) | (0x2 << 62) | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use refundry_domain::time::Timestamp;
    use refundry_engine::mint;

    #[test]
    fn the_free_bits_of_an_id_come_back() {
        for at in 0..100 {
            let id = mint::new_id(Timestamp(at * 1_000_000_000_000_000));
            let (left, right) = halves(id);
            assert!(left <= HALF && right <= HALF);
            assert_eq!(whole(left, right), id);
        }
    }

    #[test]
    fn placeholders_are_filled_in() {
        let id = 0x9c73_f805_61e9_44d3_934e_bd28_25ef_5504;
        assert_eq!(
            onward("https://shop.example.org/ok?id=__PAYMENT_ID__&again=__PAYMENT_ID__", id).unwrap(),
            "https://shop.example.org/ok?id=9c73f805-61e9-44d3-934e-bd2825ef5504&again=9c73f805-61e9-44d3-934e-bd2825ef5504"
        );
        assert_eq!(onward("", id), None);
    }
}
