//! The words for states of payouts.
