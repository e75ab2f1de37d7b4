//! What a client has from its start in a sandbox (contract 8.1).

use super::App;
use crate::host::{Provisioned, SandboxPlan};

/// Makes a further client.
pub(super) fn provision(_app: &App, _plan: &SandboxPlan<'_>) -> Provisioned {
    Provisioned::default()
}
