//! Who asks: keys and tokens are the family's.

pub(super) use crate::banked::auth::{Caller, caller, client, client_key};
