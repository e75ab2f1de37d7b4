//! Form fields: label above, hint below, error in words beside what it is about.

/// What is typed into a field, and so which keyboard a phone shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// Several lines.
    Area,
    /// An e-mail address.
    Email,
    /// A password; its value is never sent back.
    Password,
    /// A code from an authenticator; its value is never sent back.
    Code,
    /// Digits that are no number: sort codes, account numbers.
    Digits,
    /// Letters and digits read as they are: an IBAN.
    Literal,
    /// An amount of money.
    Decimal,
}

impl FieldKind {
    /// The type of the input element.
    #[must_use]
    pub fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::Area | Self::Code | Self::Digits | Self::Literal | Self::Decimal => "text",
            Self::Email => "email",
            Self::Password => "password",
        }
    }

    /// The keyboard.
    #[must_use]
    pub fn input_mode(self) -> Option<&'static str> {
        match self {
            Self::Code | Self::Digits => Some("numeric"),
            Self::Email => Some("email"),
            Self::Decimal => Some("decimal"),
            Self::Text | Self::Area | Self::Password | Self::Literal => None,
        }
    }

    /// The class of the stylesheet.
    #[must_use]
    pub fn class(self) -> Option<&'static str> {
        match self {
            Self::Code => Some("code"),
            Self::Digits | Self::Literal => Some("figures"),
            Self::Decimal => Some("figures money"),
            Self::Text | Self::Area | Self::Email | Self::Password => None,
        }
    }

    /// True where a phone must not correct what is typed.
    #[must_use]
    pub fn is_literal(self) -> bool {
        match self {
            Self::Email | Self::Password | Self::Code | Self::Digits | Self::Literal | Self::Decimal => true,
            Self::Text | Self::Area => false,
        }
    }
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in the form and its id on the page.
    pub name: &'static str,
    /// What stands above it.
    pub label: String,
    /// What is typed.
    pub kind: FieldKind,
    /// What was typed; kept when there is an error.
    pub value: String,
    /// How to fill it in.
    pub hint: Option<String>,
    /// What is wrong with it, in words.
    pub error: Option<String>,
    /// The browser's word for what it is.
    pub autocomplete: Option<&'static str>,
    /// It cannot be left empty.
    pub required: bool,
    /// It has the cursor when the page opens.
    pub focused: bool,
    /// Most characters.
    pub length_max: usize,
    /// What a script may look for once the field was left: a pattern, and what
    /// to say where it does not fit. Whoever takes the form judges it again.
    pub check: Option<(&'static str, &'static str)>,
}

impl Field {
    /// A field that must be filled in.
    #[must_use]
    pub fn new(name: &'static str, label: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            name,
            label: label.into(),
            kind,
            value: String::new(),
            hint: None,
            error: None,
            autocomplete: None,
            required: true,
            focused: false,
            length_max: 200,
            check: None,
        }
    }

    /// Says how to fill it in.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names what it is to the browser.
    #[must_use]
    pub fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = Some(word);
        self
    }

    /// Shows what was typed before.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// Says what is wrong, and puts the cursor there.
    #[must_use]
    pub fn error(mut self, error: Option<String>) -> Self {
        self.focused |= error.is_some();
        self.error = error;
        self
    }

    /// Lets a script look at it once the field was left.
    #[must_use]
    pub fn check(mut self, check: Option<(&'static str, &'static str)>) -> Self {
        self.check = check;
        self
    }

    /// May be left empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Has the cursor when the page opens.
    #[must_use]
    pub fn focused(mut self) -> Self {
        self.focused = true;
        self
    }

    /// Takes at most this many characters.
    #[must_use]
    pub fn length_max(mut self, most: usize) -> Self {
        self.length_max = most;
        self
    }

    /// True for several lines.
    #[must_use]
    pub fn is_area(&self) -> bool {
        self.kind == FieldKind::Area
    }

    /// What is sent back: never a secret.
    #[must_use]
    pub fn shown_value(&self) -> &str {
        match self.kind {
            FieldKind::Password | FieldKind::Code => "",
            FieldKind::Text
            | FieldKind::Area
            | FieldKind::Email
            | FieldKind::Digits
            | FieldKind::Literal
            | FieldKind::Decimal => &self.value,
        }
    }

    /// The ids of its hint and its error, for screen readers.
    #[must_use]
    pub fn described_by(&self) -> Option<String> {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        match (error, hint) {
            (Some(error), Some(hint)) => Some(format!("{error} {hint}")),
            (one, other) => one.or(other),
        }
    }
}
