//! Bodies of payouts.
