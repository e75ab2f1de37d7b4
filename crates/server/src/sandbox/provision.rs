//! What a sandbox has from its first start on: a demo merchant with funded
//! accounts, two mandates, a sample pay-in, and credentials for every dialect. A later start
//! keeps all of it and only writes `base_url` anew.
//!
//! The file is written before the store: a crash in between leaves values
//! that the next start takes up. The merchant is recorded last, so that a
//! store that knows it knows everything else. Two reads and two rounds
//! through the door.

use super::document::{Document, DocumentError};
use super::people;
use super::state::{DIALECT, credential_id, put};
use refundry_dialects::host::{Dialect, SandboxPlan};
use refundry_domain::command::{Command, CreateMandate, OpenAccount, RecordPayment};
use refundry_domain::event::Actor;
use refundry_domain::id::{AccountId, MandateId, MandateToken, MerchantId, PaymentId};
use refundry_domain::ledger::{Account, AccountKind, Balance, Book};
use refundry_domain::mandate::{Mandate, MandateState, Period};
use refundry_domain::money::{Amount, Currency};
use refundry_domain::party::{AccountIdentifier, Party};
use refundry_domain::payment::{Origin, OriginKey, PaymentState, Provenance};
use refundry_domain::refusal::Refusal;
use refundry_domain::time::Timestamp;
use refundry_engine::digest::sha256;
use refundry_engine::engine::Engine;
use refundry_engine::envelope::{Envelope, Unavailable};
use refundry_engine::mint::{new_id, random_id};
use refundry_engine::registry::{Credential, Merchant, RegistryEntry, Scope};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The currencies that the demo merchant has an account in.
const CURRENCIES: [Currency; 4] = [Currency::AUD, Currency::EUR, Currency::GBP, Currency::USD];
/// What an account starts with, minor units: more than anybody spends.
const FUNDED: u64 = 100_000_000_000;
/// The same of the AUD account, the sample pay-in included (Banked 8.3;
/// `docs/decisions/0009-the-float-is-small.md`).
const FLOAT: u64 = 1_000_000;
/// The sample pay-in, and under which name it is made once and found.
const SAMPLE: Amount = Amount { minor: 4_400, currency: Currency::AUD };
const SAMPLE_NAME: &str = "sandbox-sample";
/// The demo merchant's name.
const MERCHANT_NAME: &str = "Demo Merchant";
/// The active mandate's name.
pub(super) const ACTIVE_MANDATE: &str = "sandbox-active";
/// The suspended mandate's name.
const SUSPENDED_MANDATE: &str = "sandbox-suspended";
/// The most that a mandate pays per refund, minor units (Banked 8.3).
const MANDATE_AMOUNT_MAX: u64 = 100_000;

/// What to provision, and where.
#[derive(Debug)]
pub struct Options<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// Where the world reaches this server now.
    pub base_url: &'a str,
    /// Values to take in place of made ones on the first start.
    pub seed: Option<&'a Path>,
}

/// Why a sandbox was not provisioned.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// `sandbox.json` or the seed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The engine did not take a step.
    #[error("the sandbox could not be set up")]
    Engine(#[from] Unavailable),
    /// A step was refused: a given value is in use.
    #[error("the sandbox could not be set up: {}", .0.code())]
    Refused(Refusal),
}

/// A sandbox that is set up.
#[derive(Debug)]
pub struct Provisioned {
    /// The file that tells its credentials.
    pub path: PathBuf,
    /// The same as in the file.
    pub document: Document,
    /// This start made it.
    pub first_start: bool,
}

/// Sets up what is missing and writes `sandbox.json`.
pub async fn provision(
    engine: &Engine,
    dialects: &[Arc<dyn Dialect>],
    options: &Options<'_>,
) -> Result<Provisioned, ProvisionError> {
    let mut document = match (Document::load(options.data)?, options.seed) {
        (Some(earlier), _) => earlier,
        (None, Some(seed)) => {
            let members: Vec<&str> = dialects.iter().map(|dialect| dialect.sandbox_member()).collect();
            Document::read_seed(seed, &members)?
        }
        (None, None) => Document::default(),
    };
    let present = Present::read(engine, &document).await?;
    let plan = Plan::new(present, &document, engine.now());
    let (mut entries, mut commands) = (Vec::new(), Vec::new());
    for dialect in dialects {
        let member = dialect.sandbox_member();
        if plan.first_start || document.member(member).is_null() {
            let made = dialect.provision(&plan.for_dialect(document.member(member)));
            entries.extend(made.entries);
            commands.extend(made.commands);
            // Generations of one dialect share a member: a later one finds what
            // was given and what the one before it made.
            let mut members = document.member(member).as_object().cloned().unwrap_or_default();
            members.extend(made.members);
            document.set_member(member, members);
        } else if let Some(mut members) = document.member(member).as_object().cloned() {
            dialect.refresh(&mut members);
            document.set_member(member, members);
        }
    }
    let name = document.text("/merchant/name").unwrap_or(MERCHANT_NAME).to_owned();
    let api_key = document.text("/sandbox/api_key").map_or_else(new_key, str::to_owned);
    document.set_own(options.base_url, plan.merchant, &name, &api_key);
    entries.extend(people::provision(engine, dialects, (plan.merchant, options.base_url), &mut document).await);
    document.save(options.data)?;
    let mut envelopes = plan.envelopes();
    envelopes.extend(commands.into_iter().map(|command| sandbox_command(plan.merchant, command)));
    entries.push(sandbox_credential(plan.merchant, &api_key, plan.at));
    entries.push(RegistryEntry::Merchant(Merchant { id: plan.merchant, name }));
    // A later start records only what is new, so that nothing is put back
    // that was changed since.
    let known = |entry: &RegistryEntry| match entry {
        RegistryEntry::Merchant(_) => !plan.first_start,
        RegistryEntry::Credential(entry) => {
            engine.directory().credentials.contains_key(&(entry.dialect.clone(), entry.id.clone()))
        }
        RegistryEntry::Person(entry) => engine.directory().people.contains_key(&entry.id),
        RegistryEntry::Group(_)
        | RegistryEntry::Endpoint(_)
        | RegistryEntry::Policy(_)
        | RegistryEntry::Fees(_)
        | RegistryEntry::Brand(_)
        | RegistryEntry::Settings(_)
        | RegistryEntry::AuditHead(_)
        | RegistryEntry::Unswept(_) => false,
    };
    entries.retain(|entry| !known(entry));
    envelopes.extend(entries.into_iter().map(|entry| put(plan.merchant, entry)));
    for outcome in engine.execute_all(envelopes).await {
        match outcome?.result {
            Ok(_) | Err(Refusal::AlreadyExists) => {}
            Err(refusal) => return Err(ProvisionError::Refused(refusal)),
        }
    }
    let path = Document::path(options.data);
    Ok(Provisioned { path, document, first_start: plan.first_start })
}

/// What the store has of a sandbox already.
struct Present {
    merchant: Option<MerchantId>,
    accounts: Vec<Account>,
    mandates: Vec<Mandate>,
}

impl Present {
    async fn read(engine: &Engine, document: &Document) -> Result<Self, Unavailable> {
        let directory = engine.directory();
        let merchant = match document.merchant() {
            Some(named) => directory.merchants.contains_key(&named).then_some(named),
            // The file was lost: its merchant is still the only one here.
            None => directory.merchants.keys().next().copied(),
        };
        // Without a merchant entry an earlier start may have ended early; the
        // ids in the file then lead to what it left.
        let Some(whose) = merchant.or(document.merchant()) else {
            return Ok(Self { merchant, accounts: Vec::new(), mandates: Vec::new() });
        };
        let (accounts, mandates) =
            engine.read(move |reader| Ok((reader.accounts(whose)?, reader.mandates(whose)?))).await?;
        Ok(Self { merchant, accounts, mandates })
    }
}

/// The merchant's first held account of each currency.
pub(super) fn held_accounts(accounts: &[Account]) -> BTreeMap<Currency, AccountId> {
    let mut held: Vec<&Account> = accounts.iter().filter(|account| account.kind == AccountKind::Held).collect();
    held.sort_by_key(|account| std::cmp::Reverse((account.created_at, account.id)));
    held.into_iter().map(|account| (account.currency, account.id)).collect()
}

/// A mandate that is to be there.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    id: MandateId,
    token: MandateToken,
    /// Where it stands in the store, when it is there.
    state: Option<MandateState>,
}

impl Wanted {
    fn new(mandates: &[Mandate], name: &str, token: Option<MandateToken>, at: Timestamp) -> Self {
        let named = mandates.iter().find(|mandate| mandate.merchant_reference.as_deref() == Some(name));
        match named {
            Some(known) => Self { id: known.id, token: known.token, state: Some(known.state) },
            None => Self {
                id: MandateId(new_id(at)),
                token: token.unwrap_or_else(|| MandateToken(random_id())),
                state: None,
            },
        }
    }

    /// The commands that bring it from where it is to its first state; one
    /// that a test has moved since is left alone.
    fn commands(&self, name: &str, account: AccountId, to: &[MandateState]) -> Vec<Command> {
        let create = CreateMandate {
            id: self.id,
            token: self.token,
            group: Arc::from(""),
            debtor_account: Some(account),
            currency: Currency::AUD,
            amount_max: Some(MANDATE_AMOUNT_MAX),
            amount: None,
            period: Period::None,
            count_max: None,
            merchant_reference: Some(name.to_owned()),
        };
        let moves = to.iter().map(|to| Command::MoveMandate { mandate: self.id, to: *to });
        match self.state {
            None => std::iter::once(Command::CreateMandate(Box::new(create))).chain(moves).collect(),
            Some(MandateState::Created) => moves.collect(),
            Some(
                MandateState::Active
                | MandateState::Pending
                | MandateState::Suspended { .. }
                | MandateState::Cancelled
                | MandateState::Declined
                | MandateState::Expired
                | MandateState::Failed,
            ) => Vec::new(),
        }
    }
}

/// What the sandbox will have.
struct Plan {
    merchant: MerchantId,
    first_start: bool,
    at: Timestamp,
    accounts: BTreeMap<Currency, AccountId>,
    /// Accounts that the store has, and whether money ever moved on them.
    moved: BTreeMap<AccountId, bool>,
    active: Wanted,
    suspended: Wanted,
}

impl Plan {
    fn new(present: Present, document: &Document, at: Timestamp) -> Self {
        let merchant = present.merchant.or(document.merchant()).unwrap_or_else(|| MerchantId(new_id(at)));
        let held = held_accounts(&present.accounts);
        let account_of = |currency| {
            let known = held.get(&currency).copied().or_else(|| document.account(currency));
            (currency, known.unwrap_or_else(|| AccountId(new_id(at))))
        };
        let moved = present.accounts.iter().map(|account| (account.id, account.balance != Balance::default()));
        Self {
            merchant,
            first_start: present.merchant.is_none(),
            at,
            accounts: CURRENCIES.into_iter().map(account_of).collect(),
            moved: moved.collect(),
            active: Wanted::new(&present.mandates, ACTIVE_MANDATE, document.mandate_token(), at),
            suspended: Wanted::new(&present.mandates, SUSPENDED_MANDATE, None, at),
        }
    }

    fn for_dialect<'a>(&'a self, seed: &'a serde_json::Value) -> SandboxPlan<'a> {
        SandboxPlan {
            merchant: self.merchant,
            at: self.at,
            accounts: &self.accounts,
            mandate: self.active.id,
            mandate_token: self.active.token,
            seed,
        }
    }

    fn envelopes(&self) -> Vec<Envelope> {
        let mut commands = Vec::new();
        for (currency, account) in &self.accounts {
            if !self.moved.contains_key(account) {
                let ids = Book::KINDS.map(|_| AccountId(new_id(self.at)));
                commands.push(Command::OpenBook { currency: *currency, book: Book::from_ids(ids) });
                commands.push(Command::OpenAccount(OpenAccount {
                    id: *account,
                    kind: AccountKind::Held,
                    currency: *currency,
                    name: Arc::from(format!("{currency} account")),
                    group: Arc::from(""),
                    eligible: true,
                }));
            }
            if !self.moved.get(account).copied().unwrap_or(false) {
                commands.push(Command::SetBalance { account: *account, available: first_balance(*currency) });
            }
        }
        if let Some(account) = self.accounts.get(&SAMPLE.currency).filter(|_| self.first_start) {
            commands.push(Command::RecordPayment(sample(*account, self.at)));
        }
        if let Some(account) = self.accounts.get(&Currency::AUD) {
            let suspended = [MandateState::Active, MandateState::Suspended { by_merchant: false }];
            commands.extend(self.active.commands(ACTIVE_MANDATE, *account, &[MandateState::Active]));
            commands.extend(self.suspended.commands(SUSPENDED_MANDATE, *account, &suspended));
        }
        commands.into_iter().map(|command| sandbox_command(self.merchant, command)).collect()
    }
}

fn sandbox_command(merchant: MerchantId, command: Command) -> Envelope {
    Envelope::command(merchant, Actor::Sandbox, command)
}

/// What an account is given, so that it holds what it should with the sample.
fn first_balance(currency: Currency) -> u64 {
    if currency == SAMPLE.currency { FLOAT - SAMPLE.minor } else { FUNDED }
}

/// A settled pay-in to try a refund with. A start that is repeated finds it
/// under its origin key.
fn sample(account: AccountId, at: Timestamp) -> RecordPayment {
    let debtor = Party {
        name: Some("Robin Citizen".to_owned()),
        account: AccountIdentifier::Bsb { bsb: "111114".to_owned(), number: "12345678".to_owned() },
    };
    RecordPayment {
        id: PaymentId(new_id(at)),
        origin: Origin::new(DIALECT, ""),
        account,
        amount: SAMPLE,
        debtor: Some(debtor),
        state: PaymentState::Settled,
        provenance: Provenance::OwnCheckout,
        origin_keys: vec![OriginKey { kind: DIALECT.to_owned(), value: SAMPLE_NAME.to_owned() }],
        merchant_reference: Some(SAMPLE_NAME.to_owned()),
        method: None,
        payer_key: None,
        occurred_at: None,
        expires_at: None,
        extension: Arc::from([]),
    }
}

/// A key of the sandbox API: 244 random bits.
fn new_key() -> String {
    format!("sbx_{:032x}{:032x}", random_id(), random_id())
}

fn sandbox_credential(merchant: MerchantId, api_key: &str, at: Timestamp) -> RegistryEntry {
    let secret_hash = sha256(api_key.as_bytes());
    RegistryEntry::Credential(Credential {
        id: credential_id(&secret_hash),
        merchant,
        dialect: DIALECT.to_owned(),
        group: String::new(),
        secret_hash,
        scope: Scope::Calls,
        owner: None,
        created_at: at,
        revoked_at: None,
        expires_at: None,
    })
}
