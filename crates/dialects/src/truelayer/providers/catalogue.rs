//! The mock banks that payers can choose (contract 8.2).

use refundry_domain::money::Currency;

/// When a bank wants to know more before the payer is sent there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) enum Form {
    /// Never.
    Never,
    /// Where the client said that it can show a form.
    WhenDeclared,
    /// Always.
    Always,
}

/// A question of a bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) struct Question {
    /// Its id; the answer comes under it.
    pub(in crate::truelayer) id: &'static str,
    /// What people read.
    pub(in crate::truelayer) text: &'static str,
    /// The answers to choose from; empty for free text.
    pub(in crate::truelayer) choices: &'static [(&'static str, &'static str)],
}

/// A bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::truelayer) struct Provider {
    /// Its id.
    pub(in crate::truelayer) id: &'static str,
    /// Its name for people; clients compare it literally.
    pub(in crate::truelayer) display_name: &'static str,
    /// Its country, ISO 3166.
    pub(in crate::truelayer) country: &'static str,
    /// The currency that it pays.
    pub(in crate::truelayer) currency: &'static str,
    /// The schemes that it offers; the first is the usual one.
    pub(in crate::truelayer) schemes: &'static [&'static str],
    /// When it asks.
    pub(in crate::truelayer) form: Form,
    /// What it asks.
    pub(in crate::truelayer) questions: &'static [Question],
}

/// The scheme of instant payments in euro.
const SEPA_INSTANT: &str = "sepa_credit_transfer_instant";
const SEPA: &[&str] = &["sepa_credit_transfer", SEPA_INSTANT];

const GERMAN_QUESTIONS: &[Question] = &[
    Question { id: "psu-branch-code", text: "Branch code", choices: &[] },
    Question { id: "psu-account-number", text: "Account number", choices: &[] },
    Question { id: "psu-sub-account", text: "Sub-account", choices: &[] },
];
const EMBEDDED_QUESTIONS: &[Question] = &[
    Question { id: "psu-id", text: "User name", choices: &[] },
    Question {
        id: "sca-method",
        text: "How to confirm",
        choices: &[("app", "In the app"), ("sms", "By text message")],
    },
];
const POLISH_QUESTIONS: &[Question] = &[Question {
    id: "psu-bank",
    text: "Your bank",
    choices: &[("mock-bank-1", "Mock Bank 1"), ("mock-bank-2", "Mock Bank 2")],
}];
const NORWEGIAN_QUESTIONS: &[Question] =
    &[Question { id: "psu-account-number", text: "Your account number", choices: &[] }];

/// All of them.
const PROVIDERS: &[Provider] = &[
    Provider {
        id: "mock-payments-gb-redirect",
        display_name: "Mock UK Payments - Redirect Flow",
        country: "GB",
        currency: "GBP",
        schemes: &["faster_payments_service"],
        form: Form::Never,
        questions: &[],
    },
    Provider {
        id: "mock-payments-de-redirect",
        display_name: "Mock German Payments – Redirect Flow",
        country: "DE",
        currency: "EUR",
        schemes: SEPA,
        form: Form::Never,
        questions: &[],
    },
    Provider {
        id: "mock-payments-de-redirect-additional-input-text",
        display_name: "Mock German Payments – Redirect Flow with additional inputs",
        country: "DE",
        currency: "EUR",
        schemes: SEPA,
        form: Form::Always,
        questions: GERMAN_QUESTIONS,
    },
    Provider {
        id: "mock-payments-de-embedded",
        display_name: "Mock European Payments – Embedded Flow",
        country: "DE",
        currency: "EUR",
        schemes: SEPA,
        form: Form::Always,
        questions: EMBEDDED_QUESTIONS,
    },
    Provider {
        id: "mock-payments-es-redirect",
        display_name: "Mock Spanish Payments – Redirect Flow",
        country: "ES",
        currency: "EUR",
        schemes: SEPA,
        form: Form::Never,
        questions: &[],
    },
    Provider {
        id: "mock-payments-fr-redirect",
        display_name: "Mock French Payments – Redirect Flow",
        country: "FR",
        currency: "EUR",
        schemes: SEPA,
        form: Form::Never,
        questions: &[],
    },
    Provider {
        id: "mock-payments-pl-redirect",
        display_name: "Mock Polish Payments – Redirect Flow",
        country: "PL",
        currency: "PLN",
        schemes: &["polish_domestic_standard"],
        form: Form::WhenDeclared,
        questions: POLISH_QUESTIONS,
    },
    Provider {
        id: "mock-payments-no-redirect",
        display_name: "Mock Norwegian Payments – Redirect Flow",
        country: "NO",
        currency: "NOK",
        schemes: &["norwegian_domestic_credit_transfer"],
        form: Form::WhenDeclared,
        questions: NORWEGIAN_QUESTIONS,
    },
];

impl Provider {
    /// True when the payer is asked before the redirect.
    pub(in crate::truelayer) fn asks(&self, form_declared: bool) -> bool {
        match self.form {
            Form::Never => false,
            Form::WhenDeclared => form_declared,
            Form::Always => true,
        }
    }

    /// The scheme for a payment: the instant one where that is wanted and
    /// offered, else the usual one.
    pub(in crate::truelayer) fn scheme(&self, instant: bool) -> &'static str {
        let wanted = self.schemes.iter().find(|scheme| instant && **scheme == SEPA_INSTANT);
        wanted.or_else(|| self.schemes.first()).copied().unwrap_or("unknown")
    }
}

/// Which banks a payer may choose from; an absent list allows all.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::truelayer) struct Filter {
    /// Countries.
    pub(in crate::truelayer) countries: Option<Vec<String>>,
    /// Currencies.
    pub(in crate::truelayer) currencies: Option<Vec<String>>,
    /// Only these banks.
    pub(in crate::truelayer) only: Option<Vec<String>>,
    /// Not these banks.
    pub(in crate::truelayer) except: Vec<String>,
}

impl Filter {
    fn admits(&self, provider: &Provider) -> bool {
        let in_list = |list: &Option<Vec<String>>, text: &str| match list {
            None => true,
            Some(list) => list.is_empty() || list.iter().any(|known| known == text),
        };
        in_list(&self.countries, provider.country)
            && in_list(&self.currencies, provider.currency)
            && in_list(&self.only, provider.id)
            && !self.except.iter().any(|id| id == provider.id)
    }

    /// The banks that are left.
    pub(in crate::truelayer) fn providers(&self) -> impl Iterator<Item = &'static Provider> + '_ {
        PROVIDERS.iter().filter(|provider| self.admits(provider))
    }

    /// The banks that are left and pay this currency.
    pub(in crate::truelayer) fn paying(&self, currency: Currency) -> impl Iterator<Item = &'static Provider> + '_ {
        self.providers().filter(move |provider| provider.currency == currency.code())
    }
}

/// A bank by its id.
pub(in crate::truelayer) fn find(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// The countries of all banks.
pub(in crate::truelayer) fn countries() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.country)
}
