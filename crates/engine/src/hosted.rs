//! What pages for customers and merchants ask of the dialect that made their
//! links: the details that a refund waits for, the way to a bank and back, and
//! the letters that bring the links. The pages are built elsewhere; they know
//! no dialect, and a dialect knows no page.
//!
//! Ids and tokens come as the texts of addresses. What does not exist, what
//! belongs to somebody else and what was guessed are answered alike.

use crate::envelope::Unavailable;
use refundry_domain::id::{MerchantId, RefundId};
use refundry_domain::money::Amount;
use refundry_domain::party::CreditorSource;
use refundry_domain::payment::Payment;
use refundry_domain::time::Timestamp;
use std::future::Future;
use std::pin::Pin;

/// An answer for a page, later.
pub type HostedFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// How an account is named in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFields {
    /// Sort code and account number (United Kingdom).
    SortCode,
    /// International number.
    Iban,
    /// Bank state branch and account number (Australia).
    Bsb,
    /// An alias: telephone number, e-mail address, business number.
    PayId,
}

/// What a details page shows while its link is good. It holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsAsked {
    /// Whose refund it is.
    pub merchant: MerchantId,
    /// The merchant's name, as customers know it.
    pub merchant_name: String,
    /// How much comes back.
    pub amount: Amount,
    /// The merchant's words for the customer.
    pub remittance: Option<String>,
    /// The forms to choose from, the usual one first.
    pub forms: Vec<AccountFields>,
    /// When the link ends.
    pub until: Timestamp,
}

/// Where a details link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailsLink {
    /// Nobody knows it, or its token is missing or wrong.
    Unknown,
    /// A newer link was sent since.
    Replaced,
    /// Details were given already.
    Used,
    /// Its time is over, or the refund ended otherwise.
    Over,
    /// It waits for details.
    Open(DetailsAsked),
}

/// What a customer entered.
#[derive(Clone, PartialEq, Eq)]
pub struct DetailsForm {
    /// Which form it was.
    pub form: AccountFields,
    /// The account holder's name.
    pub holder_name: String,
    /// Sort code or bank state branch; empty in the other forms.
    pub bank_code: String,
    /// Account number, IBAN or alias.
    pub number: String,
}

impl std::fmt::Debug for DetailsForm {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "DetailsForm({:?})", self.form)
    }
}

/// A field of a [`DetailsForm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailsField {
    /// The form itself does not fit the currency.
    Form,
    /// The account holder's name.
    HolderName,
    /// Sort code or bank state branch.
    BankCode,
    /// Account number, IBAN or alias.
    Number,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Which.
    pub field: DetailsField,
    /// A sentence for the customer.
    pub says: &'static str,
}

/// What became of details that were entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailsAnswer {
    /// Taken; the account as people may see it.
    Taken {
        /// The masked account.
        masked: String,
    },
    /// Nothing was changed: these fields are wrong.
    Faults(Vec<FieldFault>),
    /// Nothing was changed: the link is not open (any more).
    Link(DetailsLink),
}

/// A bank to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
}

/// Where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutState {
    /// A bank may be chosen.
    Open,
    /// It waits for something else first.
    Waiting,
    /// The bank has the word.
    Pending,
    /// The money left.
    Sent,
    /// It will not be paid.
    Failed,
}

/// A row of what a checkout is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutItem {
    /// What it is.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// How many.
    pub quantity: u64,
    /// What one of them costs.
    pub price: Amount,
}

/// What a checkout page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Whose.
    pub merchant: MerchantId,
    /// The merchant's name.
    pub merchant_name: String,
    /// The id in the page's address.
    pub id: u128,
    /// The merchant pays a refund; otherwise a customer pays the merchant.
    pub refund: bool,
    /// How much.
    pub amount: Amount,
    /// Who receives it, where a name is known.
    pub creditor_name: Option<String>,
    /// The account that receives it, masked.
    pub creditor_account: Option<String>,
    /// Who named that account; none where a customer pays.
    pub creditor_source: Option<CreditorSource>,
    /// The text that goes with it.
    pub remittance: String,
    /// The checkout's own name among the client's objects, where that is
    /// another text.
    pub own_text: Option<String>,
    /// What a customer pays for, where the merchant said it; empty for a refund.
    pub items: Vec<CheckoutItem>,
    /// Where it stands.
    pub state: CheckoutState,
    /// The bank that was chosen.
    pub bank: Option<Bank>,
    /// The banks to choose from.
    pub banks: Vec<Bank>,
    /// Where to go once it is paid or on its way; placeholders are filled in.
    pub success_url: Option<String>,
    /// Where to go once it failed.
    pub error_url: Option<String>,
}

impl Checkout {
    /// Where to go from here, once it is decided; none for a page of our own.
    #[must_use]
    pub fn onward(&self) -> Option<&str> {
        match self.state {
            CheckoutState::Open | CheckoutState::Waiting => None,
            CheckoutState::Pending | CheckoutState::Sent => self.success_url.as_deref(),
            CheckoutState::Failed => self.error_url.as_deref(),
        }
    }
}

/// What somebody decides at a mock bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Pay.
    Authorise,
    /// Do not pay.
    Decline,
    /// Let it wait.
    KeepPending,
}

/// A letter with a details link.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Whose refund.
    pub merchant: MerchantId,
    /// The merchant's name.
    pub merchant_name: String,
    /// Which refund.
    pub refund: RefundId,
    /// The customer's address.
    pub to: String,
    /// The customer's name, where it is known.
    pub to_name: Option<String>,
    /// How much comes back.
    pub amount: Amount,
    /// The merchant's words for the customer.
    pub remittance: Option<String>,
    /// The link; whoever has it can use it.
    pub url: String,
    /// When the link ends.
    pub until: Timestamp,
    /// When the letter should go: now or before for the first one, later for
    /// a reminder.
    pub due_at: Timestamp,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Letter({}, due {:?})", self.refund, self.due_at)
    }
}

/// What is known of the letters about a refund.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LettersSent {
    /// The customer has an address that letters go to.
    pub has_address: bool,
    /// When letters went, oldest first.
    pub sent: Vec<Timestamp>,
    /// The customer's address is refused for good; no letter goes there until
    /// the link is made anew.
    pub refused: Option<LetterRefused>,
}

/// A mail server will never take the letter with the link that is good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterRefused {
    /// The server's code (RFC 5321).
    pub code: u16,
    /// When it said so.
    pub at: Timestamp,
}

/// Why a link was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRenewed {
    /// The refund is unknown or waits for no details.
    NotWaiting,
    /// As many letters went out today as may.
    TooManyLetters,
}

/// A dialect whose links lead to a checkout.
pub trait CheckoutPages: Send + Sync {
    /// A checkout; none where there is no such.
    fn checkout<'a>(&'a self, id: &'a str) -> HostedFuture<'a, Option<Checkout>>;

    /// Goes to a bank: the token of the visit there, good for an hour; none
    /// where this cannot be (any more).
    fn visit<'a>(&'a self, id: &'a str, bank: &'a str) -> HostedFuture<'a, Option<String>>;

    /// What the mock bank shows to its visitor; none without a good token.
    fn at_bank<'a>(&'a self, visit: &'a str) -> HostedFuture<'a, Option<Checkout>>;

    /// What the visitor decides; the checkout as it will be. A second decision
    /// changes nothing and tells the first one's end.
    fn decide<'a>(&'a self, visit: &'a str, decision: Decision) -> HostedFuture<'a, Option<Checkout>>;
}

/// A dialect whose links lead to pages that ask for details.
pub trait HostedPages: Send + Sync {
    /// Where a details link leads.
    fn details<'a>(&'a self, refund: &'a str, token: &'a str) -> HostedFuture<'a, DetailsLink>;

    /// Reads what a customer entered and changes nothing: what would be taken,
    /// or what is wrong.
    fn check_details<'a>(
        &'a self,
        refund: &'a str,
        token: &'a str,
        form: DetailsForm,
    ) -> HostedFuture<'a, DetailsAnswer>;

    /// Takes what a customer entered; a good form uses the link up.
    fn give_details<'a>(
        &'a self,
        refund: &'a str,
        token: &'a str,
        form: DetailsForm,
    ) -> HostedFuture<'a, DetailsAnswer>;

    /// All refunds that wait for details, for whoever sends letters to begin with.
    fn waiting(&self) -> HostedFuture<'_, Vec<(MerchantId, RefundId)>>;

    /// The next letter about a refund; none when none is to be sent: no
    /// address, no details awaited, or all of them went out.
    fn letter(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<Letter>>;

    /// A letter went out now.
    fn letter_sent(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, ()>;

    /// The letter that is due will never be taken, the server said with this
    /// code: no other goes to this address until the link is made anew.
    fn letter_refused(&self, merchant: MerchantId, refund: RefundId, code: u16) -> HostedFuture<'_, ()>;

    /// Makes a new link and voids the one before; its letter is due at once.
    fn renew(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Result<(), NotRenewed>>;

    /// The link that is good now, for whoever may see it.
    fn details_url(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<String>>;

    /// What is known of the letters about a refund that waits for details.
    fn letters(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<LettersSent>>;

    /// Where the merchant authorises a refund, while that is awaited.
    fn authorise_url(&self, merchant: MerchantId, refund: RefundId) -> HostedFuture<'_, Option<String>>;

    /// Who pays, as the merchant said when it asked for the payment. What the
    /// bank says is [`Payment::debtor`], and counts for more.
    fn payer_told(&self, payment: &Payment) -> Option<String>;
}
