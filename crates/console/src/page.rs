//! The components that pages are made of, as data: the templates' macros in
//! `templates/ui.html` print them, and nothing else prints HTML.
//!
//! No template says that a text is safe; everything is escaped where it is
//! printed.

mod answer;
pub mod assets;
mod bar;
mod field;
mod frame;
mod moment;
mod money;
mod party;
mod qr;

pub use answer::{Policy, html, redirect};
pub use bar::PaymentBar;
pub use field::{Field, FieldKind};
pub use frame::{Frame, NavItem, VisitorView};
pub use moment::{Moment, age, left, wait};
pub use money::Money;
pub use party::{PartyView, isolated, source_sentence};
pub use qr::QrPicture;

/// What a notice or a chip means. Never colour alone: an icon and a word go
/// with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done, or as it should be.
    Good,
    /// Look at it before you go on.
    Warning,
    /// Not done, or wrong.
    Bad,
    /// It waits for somebody or something.
    Waiting,
}

impl Tone {
    /// The class of the stylesheet.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "tone-good",
            Self::Warning => "tone-warning",
            Self::Bad => "tone-bad",
            Self::Waiting => "tone-waiting",
        }
    }
}

/// A state: icon and word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// What it means.
    pub tone: Tone,
    /// The word.
    pub word: String,
}

/// A box that says what happened, what did not happen, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it means.
    pub tone: Tone,
    /// One sentence.
    pub title: String,
    /// The rest; may be empty.
    pub text: String,
    /// A list below; may be empty.
    pub points: Vec<String>,
}

impl Notice {
    /// A notice without a list.
    #[must_use]
    pub fn new(tone: Tone, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { tone, title: title.into(), text: text.into(), points: Vec::new() }
    }

    /// How a screen reader treats it: what went wrong is said at once.
    #[must_use]
    pub fn role(&self) -> &'static str {
        match self.tone {
            Tone::Bad => "alert",
            Tone::Good | Tone::Warning | Tone::Waiting => "status",
        }
    }
}

/// What is wrong with a form, said above it and with a link to each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// One sentence.
    pub title: String,
    /// What did not happen.
    pub text: String,
    /// The faults, each with the place of its field.
    pub points: Vec<Link>,
}

impl Problems {
    /// What is wrong with these fields, where something is. The cursor goes to
    /// the list above the form and from there to the fields.
    pub fn of(title: &str, text: &str, fields: &mut [Field]) -> Option<Self> {
        let wrong = fields.iter().filter_map(|field| {
            let label = field.error.clone()?;
            Some(Link { href: format!("#{}", field.name), label })
        });
        let points: Vec<Link> = wrong.collect();
        if points.is_empty() {
            return None;
        }
        fields.iter_mut().for_each(|field| field.focused = false);
        Some(Self { title: title.to_owned(), text: text.to_owned(), points })
    }
}

/// One fact of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// What, as a sentence.
    pub fact: String,
    /// Who, where it was not the engine itself.
    pub actor: Option<String>,
    /// What they wrote about it.
    pub note: Option<String>,
}

/// A link with a word on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// The word.
    pub label: String,
}
