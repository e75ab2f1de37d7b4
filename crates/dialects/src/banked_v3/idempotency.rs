//! What happens once: keys are the family's, and name the path that they came with.

pub(super) use crate::banked::idempotency::{Content, keep, kept, key, missing_key, once};
