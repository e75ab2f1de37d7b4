//! The stable reference of a refund and the ids derived from it (rails 3.4).
//!
//! They are pure functions of what the client will say again, so that a
//! refund re-created after a loss goes out under the same ids and is not paid
//! twice.

use crate::command::{ReferenceInput, RequestPayout, RequestRefund};
use crate::id::MerchantId;
use crate::once::OnceKey;
use crate::payment::Origin;
use crate::payout::Payout;
use crate::refund::{ClientReference, Refund};
use crate::rules::Environment;
use std::sync::Arc;

/// SHA-256, given by the caller: the core has no library of its own.
pub type Sha256 = fn(&[u8]) -> [u8; 32];

/// Crockford's base 32, upper case.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The most attempts a refund may have (two digits in the end-to-end id).
pub const ATTEMPT_COUNT_MAX: u8 = 99;

/// What kind of name the client gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// The merchant's own reference, unique for ever.
    Ref,
    /// An idempotency key.
    Key,
    /// A form's single-use intent id.
    Ui,
    /// A row of an uploaded file.
    File,
    /// Nothing: hash of the content and a running number.
    Auto,
}

impl Tag {
    /// The word that enters the bytes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ref => "ref",
            Self::Key => "key",
            Self::Ui => "ui",
            Self::File => "file",
            Self::Auto => "auto",
        }
    }
}

/// `x` behind its length in two bytes, big-endian (rails 3.4).
pub fn length_prefixed(to: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}

/// The parts of the stable reference.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// What kind of name it is.
    pub tag: Tag,
    /// Name of the dialect's folder.
    pub dialect: &'a str,
    /// The credential group: application or client, never a secret.
    pub group: &'a str,
    /// The payment's id as text.
    pub payment: &'a str,
    /// The client's value.
    pub value: &'a str,
}

/// The bytes of the stable reference, `R`.
#[must_use]
pub fn stable_reference(parts: Parts<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    for part in [parts.tag.code(), parts.dialect, parts.group, parts.payment, parts.value] {
        length_prefixed(&mut bytes, part);
    }
    bytes
}

/// What makes two keyless refunds equal (rails 3.4, `auto`).
#[derive(Debug, Clone, Copy)]
pub struct AutoContent<'a> {
    /// Minor units in decimal, or `rest`.
    pub amount: &'a str,
    /// Currency in upper case.
    pub currency: &'a str,
    /// Canonical creditor account of the request, or `-`.
    pub creditor: &'a str,
    /// `merchant`, `mandate:<id>` or `held:<account id>`.
    pub funding: &'a str,
    /// The text meant for the customer.
    pub text: &'a str,
}

/// The hash part of an `auto` value, in lower-case hex.
#[must_use]
pub fn auto_hash(content: AutoContent<'_>, sha256: Sha256) -> String {
    let mut bytes = Vec::with_capacity(128);
    let parts = [content.amount, content.currency, content.creditor, content.funding, content.text];
    for part in std::iter::once("refundry-auto-v2").chain(parts) {
        length_prefixed(&mut bytes, part);
    }
    sha256(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ids under which an attempt is known to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstructionIds {
    /// 18 characters: the stem and the attempt number.
    pub end_to_end_id: String,
    /// 26 characters, unique in the store.
    pub instruction_id: String,
    /// Unique end-to-end transaction reference, a UUID of version 4.
    pub uetr: u128,
}

/// Whose refund and which attempt.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The payment's id as text.
    pub payment: &'a str,
    /// The merchant's id as text.
    pub merchant: &'a str,
    /// `live` or `sandbox`.
    pub environment: &'a str,
    /// 1 for the first attempt.
    pub attempt: u8,
}

/// Derives the ids of one attempt from the stable reference.
#[must_use]
pub fn instruction_ids(reference: &[u8], scope: Scope<'_>, sha256: Sha256) -> InstructionIds {
    let refund = base32(&labelled("refundry-refund-v2", reference, scope, sha256), 8);
    let stem = payment_stem(scope.payment, sha256);
    let mut uetr = [0_u8; 16];
    for (to, from) in uetr.iter_mut().zip(labelled("refundry-uetr-v2", reference, scope, sha256)) {
        *to = from;
    }
    InstructionIds {
        end_to_end_id: format!("{stem}{refund}{:02}", scope.attempt),
        instruction_id: instruction_id(reference, scope, sha256),
        uetr: as_uuid_v4(u128::from_be_bytes(uetr)),
    }
}

fn instruction_id(reference: &[u8], scope: Scope<'_>, sha256: Sha256) -> String {
    base32(&labelled("refundry-attempt-v2", reference, scope, sha256), 26)
}

fn labelled(label: &str, reference: &[u8], scope: Scope<'_>, sha256: Sha256) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(reference.len().saturating_add(128));
    length_prefixed(&mut bytes, label);
    bytes.extend_from_slice(reference);
    for part in [scope.merchant, scope.environment, &scope.attempt.to_string()] {
        length_prefixed(&mut bytes, part);
    }
    sha256(&bytes)
}

/// The first half of the stem: it names the payment.
#[must_use]
pub fn payment_stem(payment: &str, sha256: Sha256) -> String {
    let mut bytes = Vec::with_capacity(64);
    length_prefixed(&mut bytes, "refundry-payment-v2");
    length_prefixed(&mut bytes, payment);
    base32(&sha256(&bytes), 8)
}

/// Sets the version nibble 4 and the variant bits of RFC 9562.
#[must_use]
pub fn as_uuid_v4(value: u128) -> u128 {
    let version = 0xf_u128 << 76;
    let variant = 0x3_u128 << 62;
    (value & !version & !variant) | (0x4_u128 << 76) | (0x2_u128 << 62)
}

fn base32(bytes: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut window: u32 = 0;
    let mut bits: u32 = 0;
    let mut rest = bytes.iter();
    while text.len() < length {
        if bits < 5 {
            window = (window << 8) | u32::from(rest.next().copied().unwrap_or(0));
            bits = bits.saturating_add(8);
        }
        bits = bits.saturating_sub(5);
        let index = usize::try_from((window >> bits) & 31).unwrap_or(0);
        text.push(char::from(CROCKFORD.get(index).copied().unwrap_or(b'0')));
        window &= (1_u32 << bits).saturating_sub(1);
    }
    text
}

/// Derives the ids of one attempt of a refund.
#[must_use]
pub fn ids_of_attempt(refund: &Refund, attempt: u8, environment: Environment, sha256: Sha256) -> InstructionIds {
    let named = Named {
        merchant: refund.merchant,
        origin: &refund.origin,
        reference: &refund.reference,
        place: &refund.payment.to_string(),
    };
    named.ids(attempt, environment, sha256)
}

/// Derives the ids of one attempt of a payout. The paying account stands where
/// a refund has its payment: the payout's own id is minted anew when a payout
/// is made again after a loss.
#[must_use]
pub fn ids_of_payout(payout: &Payout, attempt: u8, environment: Environment, sha256: Sha256) -> InstructionIds {
    let named = Named {
        merchant: payout.merchant,
        origin: &payout.origin,
        reference: &payout.reference,
        place: &payout.account.to_string(),
    };
    named.ids(attempt, environment, sha256)
}

/// What the ids of an attempt are made of.
struct Named<'a> {
    merchant: MerchantId,
    origin: &'a Origin,
    reference: &'a ClientReference,
    place: &'a str,
}

impl Named<'_> {
    fn ids(&self, attempt: u8, environment: Environment, sha256: Sha256) -> InstructionIds {
        self.with(attempt, environment, |reference, scope| instruction_ids(reference, scope, sha256))
    }

    fn with<T>(&self, attempt: u8, environment: Environment, derive: impl FnOnce(&[u8], Scope<'_>) -> T) -> T {
        let reference = stable_reference(Parts {
            tag: self.reference.tag,
            dialect: &self.origin.dialect,
            group: &self.origin.group,
            payment: self.place,
            value: &self.reference.value,
        });
        let merchant = self.merchant.to_string();
        let scope = Scope { payment: self.place, merchant: &merchant, environment: environment.code(), attempt };
        derive(&reference, scope)
    }
}

/// The instruction id of the first attempt at what a request asks for; none
/// where the name depends on how often it was asked.
#[must_use]
pub fn instruction_id_of_request(
    merchant: MerchantId,
    request: &RequestRefund,
    environment: Environment,
    sha256: Sha256,
) -> Option<String> {
    let reference = match &request.reference {
        ReferenceInput::Named { tag, value } => ClientReference { tag: *tag, value: Arc::clone(value) },
        ReferenceInput::Auto { .. } => return None,
    };
    let place = request.payment.to_string();
    let named = Named { merchant, origin: &request.origin, reference: &reference, place: &place };
    Some(named.with(1, environment, |reference, scope| instruction_id(reference, scope, sha256)))
}

/// The once-key of a merchant's own refund reference, which is unique for ever.
#[must_use]
pub fn merchant_reference_key(merchant: MerchantId, value: &str, sha256: Sha256) -> OnceKey {
    once_key(&["merchant_reference", &merchant.to_string(), value], sha256)
}

/// The once-key of a payout's reference: what the ids of its attempts are made
/// of names one payout for ever.
#[must_use]
pub fn payout_reference_key(merchant: MerchantId, request: &RequestPayout, sha256: Sha256) -> OnceKey {
    let (origin, named) = (&request.origin, &request.reference);
    let (merchant, account) = (merchant.to_string(), request.account.to_string());
    let parts = ["payout", &merchant, &origin.dialect, &origin.group, &account, named.tag.code(), &named.value];
    once_key(&parts, sha256)
}

fn once_key(parts: &[&str], sha256: Sha256) -> OnceKey {
    let mut bytes = Vec::with_capacity(96);
    for part in parts {
        length_prefixed(&mut bytes, part);
    }
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(sha256(&bytes)) {
        *to = from;
    }
    OnceKey(key)
}
