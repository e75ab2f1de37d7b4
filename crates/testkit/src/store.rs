//! The contract suite of the port Store. A store that passes it may stand
//! under the engine: every reading method, what each key leads to, every
//! constraint, and that a refused batch changes nothing.
//!
//! The suite writes through `Writer` with hand-made facts; it never decides.

mod constraints;
mod deliveries;
mod keys;
mod lists;
mod payins;
mod payouts;
mod queues;
mod reads;
mod records;
mod shop;
mod updates;
mod writing;

use refundry_engine::store::{Reader, Writer};
use std::sync::Arc;

/// The two sides of an opened store.
pub type Opened = (Box<dyn Writer>, Arc<dyn Reader>);

/// A store under test.
pub(crate) struct Subject {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) reader: Arc<dyn Reader>,
}

/// Every check, in the order in which a new store learns to pass them.
const CHECKS: &[fn(&mut Subject)] = &[
    reads::an_empty_store_answers,
    reads::what_was_written_reads_back,
    reads::events_and_scans_keep_their_order,
    reads::a_scan_stops_at_an_error,
    keys::unknown_keys_bring_nothing,
    keys::keys_bring_what_they_lead_to,
    keys::keys_of_another_merchant_bring_nothing,
    records::records_read_back,
    records::counters_are_replaced,
    records::strays_are_closed_and_opened,
    records::a_forgotten_key_is_written_over,
    lists::pages_are_newest_first,
    lists::pending_approvals_are_found,
    lists::refunds_of_a_payment_are_found,
    lists::filters_narrow_the_list,
    payins::payments_of_an_account_go_by_their_settlement,
    payins::payments_of_a_payer_are_found,
    payins::payments_fall_due,
    queues::due_refunds_come_in_their_order,
    queues::mandates_fall_due,
    queues::sending_refunds_are_found,
    payouts::payouts_read_back,
    payouts::payouts_are_paged,
    payouts::workers_find_payouts,
    payouts::a_payout_is_written_over,
    payouts::what_was_said_of_a_payout_is_unique,
    updates::changes_replace_rows_and_move_indexes,
    updates::batches_follow_each_other,
    deliveries::deliveries_wait_and_end,
    deliveries::the_registry_is_put_and_removed,
    deliveries::changes_are_kept_in_order,
    constraints::a_refused_batch_changes_nothing,
];

/// Runs every check, each on a store of its own: `open` gives a new and empty
/// one at every call.
///
/// # Panics
/// When the store breaks the contract.
pub fn suite(open: impl Fn() -> Opened) {
    for check in CHECKS {
        let (writer, reader) = open();
        check(&mut Subject { writer, reader });
    }
}

/// Checks what outlives the process: `open` opens the same store at every
/// call, which is empty at the first. Both sides are dropped in between.
///
/// # Panics
/// When the store breaks the contract.
pub fn restart(open: impl Fn() -> Opened) {
    let opened = || {
        let (writer, reader) = open();
        Subject { writer, reader }
    };
    let mut subject = opened();
    let shop = shop::stock(&mut subject);
    let before = shop::everything(&mut subject, &shop);
    drop(subject);

    let mut subject = opened();
    assert_eq!(shop::everything(&mut subject, &shop), before, "after a restart");
    updates::batches_follow_each_other_after(&mut subject, shop);
}
