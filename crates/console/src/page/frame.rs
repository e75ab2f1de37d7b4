//! The frame around every page.

use super::Notice;

/// What stands around a page's content.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The page's name, for the tab.
    pub title: String,
    /// What was sent has errors; the tab says so.
    pub wrong: bool,
    /// Whose page it is: the product, or a merchant on a hosted page.
    pub brand: String,
    /// The merchant's logo, on a hosted page.
    pub logo: Option<String>,
    /// A stylesheet after ours, with the merchant's colour.
    pub style: Option<String>,
    /// Play money; said by colour and word.
    pub sandbox: bool,
    /// A narrow column, for forms.
    pub narrow: bool,
    /// Who is signed in.
    pub visitor: Option<VisitorView>,
    /// The pages of the console.
    pub nav: Vec<NavItem>,
    /// What the last step did.
    pub notice: Option<Notice>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct VisitorView {
    /// Their name.
    pub name: String,
    /// What they may do, in words.
    pub roles: String,
    /// The token that every form of theirs carries.
    pub form_token: String,
    /// They have no second factor yet.
    pub may_set_up: bool,
}

/// An entry of the main navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    /// Where to.
    pub href: &'static str,
    /// Its word.
    pub label: String,
    /// It is the page that is shown.
    pub current: bool,
}
