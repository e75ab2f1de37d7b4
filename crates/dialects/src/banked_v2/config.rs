//! The settings: one subtree for the family.

pub(super) use crate::banked::config::{Config, ExternalSpelling};
