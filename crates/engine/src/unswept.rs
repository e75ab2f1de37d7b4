//! The durable note of a sweep that has not ended. A process that ends between
//! a restore and the end of its sweep has events of its own, newer than what
//! the store forgot; the next one must still begin where the first one did.

use crate::registry::{RegistryEntry, RegistryKey};
use refundry_domain::time::Timestamp;

/// See the module's comment.
#[derive(Debug)]
pub(crate) struct Unswept {
    since: Timestamp,
    /// What the store says.
    noted: Option<Timestamp>,
    ended: bool,
}

impl Unswept {
    /// From the note of an earlier process, if it left one, and the newest event.
    pub(crate) fn at_start(noted: Option<Timestamp>, newest_at: Timestamp) -> Self {
        Self { since: noted.map_or(newest_at, |noted| noted.min(newest_at)), noted, ended: false }
    }

    /// From where the sweep must begin.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    fn entry(&self) -> RegistryEntry {
        RegistryEntry::Unswept(self.since)
    }

    /// What the store must be told along with the first event of this process.
    pub(crate) fn to_note(&self) -> Option<RegistryEntry> {
        (!self.ended && self.noted != Some(self.since)).then(|| self.entry())
    }

    /// What the store must be told when the sweep has ended.
    pub(crate) fn to_forget(&self) -> Option<RegistryKey> {
        self.noted.map(|_| self.entry().key())
    }

    /// What was told is durable: the note, or that the sweep has ended.
    pub(crate) fn committed(&mut self, noted: bool, swept: bool) {
        if noted {
            self.noted = Some(self.since);
        }
        if swept {
            self.noted = None;
            self.ended = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_begin_stays_until_a_sweep_has_ended() {
        let mut first = Unswept::at_start(None, Timestamp(50));
        assert_eq!((first.since(), first.to_forget()), (Timestamp(50), None));
        assert_eq!(first.to_note(), Some(RegistryEntry::Unswept(Timestamp(50))));
        first.committed(true, false);
        assert_eq!(first.to_note(), None);

        let mut second = Unswept::at_start(Some(Timestamp(50)), Timestamp(80));
        assert_eq!((second.since(), second.to_note()), (Timestamp(50), None));
        assert_eq!(second.to_forget(), Some(RegistryEntry::Unswept(Timestamp(0)).key()), "one key for every time");
        second.committed(false, true);
        assert_eq!((second.to_note(), second.to_forget()), (None, None));

        let older = Unswept::at_start(Some(Timestamp(50)), Timestamp(20));
        assert_eq!(older.to_note(), Some(RegistryEntry::Unswept(Timestamp(20))), "a backup of a backup");
    }
}
