//! Names that stand in the file once and are numbers everywhere else:
//! merchants and origins. A number never changes its meaning, so what was
//! read once is kept in memory and shared by all connections.

use crate::codec::stored;
use crate::fault::Fault;
use crate::sql;
use refundry_domain::id::MerchantId;
use refundry_domain::payment::Origin;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

#[derive(Debug, Default)]
struct Names {
    merchants: HashMap<MerchantId, i64>,
    merchant_ids: HashMap<i64, MerchantId>,
    origins: HashMap<Origin, i64>,
    origins_by_n: HashMap<i64, Origin>,
}

impl Names {
    fn put_merchant(&mut self, n: i64, id: MerchantId) {
        self.merchants.insert(id, n);
        self.merchant_ids.insert(n, id);
    }

    fn put_origin(&mut self, n: i64, origin: Origin) {
        self.origins.insert(origin.clone(), n);
        self.origins_by_n.insert(n, origin);
    }
}

/// Names that a batch made; they enter the catalog when it is committed.
#[derive(Debug, Default)]
pub(crate) struct NewNames {
    merchants: Vec<(i64, MerchantId)>,
    origins: Vec<(i64, Origin)>,
}

/// The names that were seen so far.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    names: RwLock<Names>,
}

impl Catalog {
    fn look<T>(&self, look: impl FnOnce(&Names) -> Option<T>) -> Option<T> {
        look(&self.names.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Names)) {
        change(&mut self.names.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The number of a merchant, where it has one.
    pub(crate) fn merchant(&self, connection: &Connection, id: MerchantId) -> Result<Option<i64>, Fault> {
        if let Some(n) = self.look(|names| names.merchants.get(&id).copied()) {
            return Ok(Some(n));
        }
        let mut statement = connection.prepare_cached(sql::MERCHANT_BY_ID)?;
        let found = statement.query_row(params![stored::id(id.0)], |row| row.get(0)).optional()?;
        Ok(found)
    }

    /// The merchant with a number.
    pub(crate) fn merchant_id(&self, connection: &Connection, n: i64) -> Result<MerchantId, Fault> {
        if let Some(id) = self.look(|names| names.merchant_ids.get(&n).copied()) {
            return Ok(id);
        }
        let mut statement = connection.prepare_cached(sql::MERCHANT_BY_N)?;
        let bytes: Vec<u8> = statement.query_row([n], |row| row.get(0))?;
        Ok(MerchantId(stored::read_id(&bytes)?))
    }

    /// The origin with a number.
    pub(crate) fn origin(&self, connection: &Connection, n: i64) -> Result<Origin, Fault> {
        if let Some(origin) = self.look(|names| names.origins_by_n.get(&n).cloned()) {
            return Ok(origin);
        }
        let mut statement = connection.prepare_cached(sql::ORIGIN_BY_N)?;
        let (dialect, group): (String, String) = statement.query_row([n], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Origin::new(&dialect, &group))
    }

    /// The number of a merchant inside a batch; a new one is written.
    pub(crate) fn merchant_in_batch(
        &self,
        connection: &Connection,
        new: &mut NewNames,
        id: MerchantId,
    ) -> Result<i64, Fault> {
        if let Some(n) = self.look(|names| names.merchants.get(&id).copied()) {
            return Ok(n);
        }
        if let Some((n, _)) = new.merchants.iter().find(|(_, known)| *known == id) {
            return Ok(*n);
        }
        let n = match self.merchant(connection, id)? {
            Some(n) => n,
            None => connection.prepare_cached(sql::MERCHANT_INSERT)?.insert(params![stored::id(id.0)])?,
        };
        new.merchants.push((n, id));
        Ok(n)
    }

    /// The number of an origin inside a batch; a new one is written.
    pub(crate) fn origin_in_batch(
        &self,
        connection: &Connection,
        new: &mut NewNames,
        origin: &Origin,
    ) -> Result<i64, Fault> {
        if let Some(n) = self.look(|names| names.origins.get(origin).copied()) {
            return Ok(n);
        }
        if let Some((n, _)) = new.origins.iter().find(|(_, known)| known == origin) {
            return Ok(*n);
        }
        let names = params![&*origin.dialect, &*origin.group];
        let mut statement = connection.prepare_cached(sql::ORIGIN_BY_NAME)?;
        let n = match statement.query_row(names, |row| row.get(0)).optional()? {
            Some(n) => n,
            None => connection.prepare_cached(sql::ORIGIN_INSERT)?.insert(names)?,
        };
        new.origins.push((n, origin.clone()));
        Ok(n)
    }

    /// Takes over what a committed batch made or looked up.
    pub(crate) fn absorb(&self, new: NewNames) {
        if new.merchants.is_empty() && new.origins.is_empty() {
            return;
        }
        self.change(|names| {
            for (n, id) in new.merchants {
                names.put_merchant(n, id);
            }
            for (n, origin) in new.origins {
                names.put_origin(n, origin);
            }
        });
    }

    /// Reads all names, when a store is opened. Those that another process
    /// makes later are read one by one.
    pub(crate) fn fill(&self, connection: &Connection) -> Result<(), Fault> {
        let mut all = Names::default();
        let mut statement = connection.prepare("SELECT n, id FROM merchant")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: Vec<u8> = row.get(1)?;
            all.put_merchant(row.get(0)?, MerchantId(stored::read_id(&id)?));
        }
        let mut statement = connection.prepare("SELECT n, dialect, grp FROM origin")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (dialect, group): (String, String) = (row.get(1)?, row.get(2)?);
            all.put_origin(row.get(0)?, Origin::new(&dialect, &group));
        }
        self.change(|names| *names = all);
        Ok(())
    }
}
