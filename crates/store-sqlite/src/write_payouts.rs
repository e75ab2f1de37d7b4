//! The writer's `commit`: payouts.

use crate::codec::{payout, stored};
use crate::fault::Fault;
use crate::seal::Place;
use crate::sql;
use crate::write::{MISSING, UNKNOWN, Writing};
use refundry_domain::decide::wake_payout_at;
use refundry_domain::id::{MerchantId, PayoutId};
use refundry_domain::payout::Payout;
use rusqlite::params;

impl Writing<'_> {
    /// Accounts are written before, because payouts point at them.
    pub(crate) fn payouts(&mut self) -> Result<(), Fault> {
        let changes = self.batch.changes();
        for id in &changes.payouts {
            let payout = self.batch.facts.payouts.get(id).ok_or(MISSING)?;
            if changes.new_payouts.contains(id) { self.insert_payout(payout)? } else { self.update_payout(payout)? }
        }
        Ok(())
    }

    /// Where a payout's row is.
    pub(crate) fn payout_place(&mut self, merchant: MerchantId, id: PayoutId) -> Result<i64, Fault> {
        if let Some(n) = self.loaded.payouts.get(&id) {
            return Ok(*n);
        }
        let merchant = self.merchant(merchant)?;
        self.place(sql::PAYOUT_PLACE, merchant, id.0)?.ok_or(UNKNOWN)
    }

    /// Where the row of a payout is that stands in the facts.
    pub(crate) fn known_payout(&mut self, id: PayoutId) -> Result<i64, Fault> {
        let merchant = self.batch.facts.payouts.get(&id).ok_or(MISSING)?.merchant;
        self.payout_place(merchant, id)
    }

    fn insert_payout(&mut self, payout: &Payout) -> Result<(), Fault> {
        let merchant = self.merchant(payout.merchant)?;
        let account = self.place(sql::ACCOUNT_PLACE, merchant, payout.account.0)?.ok_or(UNKNOWN)?;
        let origin = self.rows.catalog.origin_in_batch(self.rows.connection, &mut self.names, &payout.origin)?;
        let private = self.sealed_payout(payout)?;
        let n = self.rows.connection.prepare_cached(sql::PAYOUT_INSERT)?.insert(params![
            merchant,
            stored::id(payout.id.0),
            account,
            origin,
            payout::state_number(payout.state),
            payout::is_sending(payout),
            wake_payout_at(payout).map(|at| at.0),
            payout.created_at.0,
            payout::body(payout),
            private,
        ])?;
        self.loaded.payouts.insert(payout.id, n);
        Ok(())
    }

    fn update_payout(&mut self, payout: &Payout) -> Result<(), Fault> {
        let n = self.payout_place(payout.merchant, payout.id)?;
        let private = self.sealed_payout(payout)?;
        let (state, sending) = (payout::state_number(payout.state), payout::is_sending(payout));
        let wake_at = wake_payout_at(payout).map(|at| at.0);
        let values = params![n, state, sending, wake_at, payout::body(payout), private];
        let changed = self.run(sql::PAYOUT_UPDATE, values)?;
        if changed == 1 { Ok(()) } else { Err(UNKNOWN) }
    }

    fn sealed_payout(&mut self, payout: &Payout) -> Result<Vec<u8>, Fault> {
        let owner = (payout.merchant, payout.id.0);
        self.sealed(Place::Payout, owner, Some(payout::private(payout)))?.ok_or(MISSING)
    }
}
