//! Chance that can be repeated: the seed is printed and can be given.

use std::time::{SystemTime, UNIX_EPOCH};

/// A xorshift generator.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

/// A seed that differs from run to run.
pub(crate) fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| u64::from(since.subsec_nanos()) | 1)
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// One of `from..to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        from + (self.state >> 11) % (to - from)
    }

    /// Another generator, independent of this one.
    pub(crate) fn split(&mut self) -> Self {
        Self::new(self.between(1, u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let roll = |seed| (0..50).scan(Dice::new(seed), |dice, _| Some(dice.between(3, 9))).collect::<Vec<_>>();
        assert_eq!(roll(7), roll(7));
        assert_ne!(roll(7), roll(8));
        assert!(roll(7).iter().all(|number| (3..9).contains(number)));
    }
}
