//! The rails that ship: one folder each, behind the engine's port
//! [`refundry_engine::rail::Rail`].
//!
//! A rail knows nothing of dialects, stores and other rails; it is told the
//! time and never repeats a call by itself.

pub mod mock_bank;
