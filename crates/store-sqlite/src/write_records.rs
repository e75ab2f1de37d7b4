//! The writer's `commit`, second half: what is written beside the objects.

use crate::codec::{event, once, stored};
use crate::fault::Fault;
use crate::load::creditor_index;
use crate::seal::{Place, row_name};
use crate::sql;
use crate::write::Writing;
use refundry_domain::id::{EndpointId, RefundId};
use refundry_domain::instruction::Order;
use refundry_domain::stray::Stray;
use refundry_engine::registry::RegistryKey;
use refundry_engine::store::{Delivery, DeliveryState};
use rusqlite::{OptionalExtension, params};

/// A transfer's number is its event's place times this, plus its leg.
pub(crate) const LEGS: i64 = 8;

/// The name of a registry row, for sealing.
pub(crate) fn registry_row(key: &RegistryKey) -> Vec<u8> {
    row_name(&[&[key.kind], key.id.as_bytes()])
}

/// The stored number of a delivery's state.
pub(crate) fn delivery_state(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Waiting { .. } => 0,
        DeliveryState::Delivered => 1,
        DeliveryState::Exhausted => 2,
        DeliveryState::Stopped => 3,
    }
}

impl Writing<'_> {
    pub(crate) fn records(&mut self) -> Result<(), Fault> {
        let (facts, changes) = (self.batch.facts, self.batch.changes());
        for key in &changes.once {
            let record = facts.once.get(key).ok_or(Fault::Refused("a changed once-record is not in the facts"))?;
            let value = once::value(key, record, self.rows.sealer)?;
            let written = self.run(sql::ONCE_PUT, params![key.0, once::kind(record), value])?;
            if written != 1 {
                return Err(Fault::Refused("this key made money leave already"));
            }
        }
        for (merchant, key, payment) in &changes.origin_keys {
            let place = self.payment_place(*merchant, *payment)?;
            let merchant = self.merchant(*merchant)?;
            self.run(sql::ORIGIN_KEY_INSERT, params![merchant, key.kind, key.value, place.n])?;
        }
        for key in &changes.keyless {
            let seen = facts.keyless.get(key).ok_or(Fault::Refused("a changed counter is not in the facts"))?;
            self.run(sql::KEYLESS_PUT, params![stored::id(key.0.0), key.1, seen.count, seen.latest_at.0])?;
        }
        for key in &changes.approval_sums {
            let sum = facts.approval_sums.get(key).ok_or(Fault::Refused("a changed sum is not in the facts"))?;
            let merchant = self.merchant(key.merchant)?;
            let creditor = creditor_index(self.rows.sealer, key);
            let values = params![merchant, key.currency.code(), key.day, creditor, stored::number(*sum)?];
            self.run(sql::APPROVAL_SUM_PUT, values)?;
        }
        for (id, order, attempt) in &changes.instructions {
            let (statement, place) = match order {
                Order::Refund(refund) => (sql::INSTRUCTION_INSERT, self.known_refund(*refund)?),
                Order::Payout(payout) => (sql::PAYOUT_INSTRUCTION_INSERT, self.known_payout(*payout)?),
            };
            self.run(statement, params![id, place, attempt])?;
        }
        for item in &changes.evidence {
            let (statement, place) = match item.order {
                Order::Refund(refund) => (sql::EVIDENCE_INSERT, self.known_refund(refund)?),
                Order::Payout(payout) => (sql::PAYOUT_EVIDENCE_INSERT, self.known_payout(payout)?),
            };
            self.run(statement, params![place, item.id.0, item.at.0, event::report(&item.report)])?;
        }
        for key in &changes.strays {
            self.stray(facts.strays.get(key).ok_or(Fault::Refused("a changed stray is not in the facts"))?)?;
        }
        Ok(())
    }

    fn known_refund(&mut self, id: RefundId) -> Result<i64, Fault> {
        let refund = self.batch.facts.refunds.get(&id);
        match refund.map(|refund| refund.merchant) {
            Some(merchant) => self.refund_place(merchant, id),
            None => Err(Fault::Refused("a record's refund is not in the facts")),
        }
    }

    fn stray(&mut self, stray: &Stray) -> Result<(), Fault> {
        let merchant = self.merchant(stray.merchant)?;
        let creditor = stray.creditor.as_deref().map(str::as_bytes);
        let index = creditor.map(|creditor| self.rows.sealer.blind_index(Place::Stray, creditor));
        let sealed = match (creditor, index) {
            (Some(creditor), Some(index)) => Some(self.rows.sealer.seal(Place::Stray, &index, creditor)?),
            (Some(_) | None, _) => None,
        };
        let amount = stray.amount.map(|amount| stored::number(amount.minor)).transpose()?;
        let currency = stray.amount.as_ref().map(|amount| amount.currency.code());
        let evidence: Vec<u8> = stray.evidence.iter().flat_map(|evidence| evidence.0).collect();
        let values = params![
            merchant,
            stray.instruction_id,
            amount,
            currency,
            index,
            sealed,
            stray.at.0,
            stray.in_suspense,
            evidence,
            stray.closed.map(|closed| closed.at.0),
            stray.closed.map(|closed| closed.explained),
        ];
        self.run(sql::STRAY_PUT, values)?;
        Ok(())
    }

    pub(crate) fn events(&mut self) -> Result<(), Fault> {
        let mut place = self.newest.event;
        for written in &self.batch.changes().events {
            place += 1;
            let payment = match written.payment {
                Some(id) => Some(self.payment_place(written.merchant, id)?.n),
                None => None,
            };
            let refund = match written.refund {
                Some(id) => Some(self.refund_place(written.merchant, id)?),
                None => None,
            };
            let payout = match written.payout {
                Some(id) => Some(self.payout_place(written.merchant, id)?),
                None => None,
            };
            let values = params![place, payment, refund, written.number, event::body(written), written.hash, payout];
            self.run(sql::EVENT_INSERT, values)?;
        }
        Ok(())
    }

    pub(crate) fn transfers(&mut self) -> Result<(), Fault> {
        let changes = self.batch.changes();
        for transfer in &changes.transfers {
            let cause =
                changes.events.get(transfer.cause).ok_or(Fault::Refused("a transfer's cause is not in the batch"))?;
            let leg = i64::from(transfer.leg);
            if leg >= LEGS {
                return Err(Fault::Refused("an event has too many transfers"));
            }
            let place = self.newest.event + 1 + stored::limit(transfer.cause);
            let debit = self.known_account(transfer.debit_account)?;
            let credit = self.known_account(transfer.credit_account)?;
            let subject = event::subject(&transfer.subject, cause);
            let amount = stored::number(transfer.amount)?;
            let values = params![place * LEGS + leg, debit, credit, amount, transfer.kind.number(), subject];
            self.run(sql::TRANSFER_INSERT, values)?;
        }
        self.newest.event += stored::limit(changes.events.len());
        Ok(())
    }

    pub(crate) fn registry(&mut self) -> Result<(), Fault> {
        for entry in self.batch.registry_put {
            let key = entry.key();
            let private = self.rows.sealer.seal(Place::Registry, &registry_row(&key), &entry.encode())?;
            self.run(sql::REGISTRY_PUT, params![key.kind, key.id, private])?;
        }
        for key in self.batch.registry_remove {
            self.run(sql::REGISTRY_REMOVE, params![key.kind, key.id])?;
        }
        for record in self.batch.audit {
            let merchant = self.merchant(record.merchant)?;
            self.run(sql::AUDIT_INSERT, params![merchant, stored::number(record.number)?, record.encode()])?;
        }
        Ok(())
    }

    pub(crate) fn deliveries(&mut self) -> Result<(), Fault> {
        for update in self.batch.deliveries {
            for row in &update.rows {
                self.delivery(row)?;
            }
            for (endpoint, place) in &update.cursors {
                let n = self.endpoint(*endpoint)?;
                self.run(sql::ENDPOINT_MOVE, params![n, stored::number(*place)?])?;
            }
        }
        Ok(())
    }

    fn endpoint(&self, id: EndpointId) -> Result<i64, Fault> {
        let mut statement = self.rows.connection.prepare_cached(sql::ENDPOINT_BY_ID)?;
        if let Some(n) = statement.query_row([stored::id(id.0)], |row| row.get(0)).optional()? {
            return Ok(n);
        }
        Ok(self.rows.connection.prepare_cached(sql::ENDPOINT_INSERT)?.insert([stored::id(id.0)])?)
    }

    fn delivery(&mut self, row: &Delivery) -> Result<(), Fault> {
        let endpoint = self.endpoint(row.endpoint)?;
        let merchant = self.merchant(row.merchant)?;
        let next_at = match row.state {
            DeliveryState::Waiting { next_at } => Some(next_at.0),
            DeliveryState::Delivered | DeliveryState::Exhausted | DeliveryState::Stopped => None,
        };
        self.run(
            sql::DELIVERY_PUT,
            params![
                endpoint,
                stored::number(row.event)?,
                merchant,
                row.attempts,
                delivery_state(row.state),
                next_at,
                row.last_at.0,
                row.last_status,
                row.last_millis,
                row.last_error,
            ],
        )?;
        Ok(())
    }
}
