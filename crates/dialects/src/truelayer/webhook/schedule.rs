//! When a delivery is tried again (contract 7.3).

use refundry_domain::time::Span;

/// The first gaps, in seconds.
const GAPS: [u64; 10] = [5, 15, 45, 120, 300, 900, 1_800, 3_600, 7_200, 14_400];
/// Every later gap, in seconds.
const LAST_GAP: u64 = 21_600;
/// Millionths in one.
const MILLION: u64 = 1_000_000;
/// By how much a gap is longer or shorter, in millionths.
const SPREAD: u64 = 200_000;

/// How long to wait after this many failed tries; `jitter` is in millionths.
/// None when a further try could come later than `window` after the first.
///
/// We are told how many tries failed, not when the first one was. So the gaps
/// at their longest must fit into the window; and the last gaps, which are
/// most of it, are made shorter by chance and never longer, or the window
/// would lose many tries to a chance that never comes true.
pub(super) fn retry_after(failed_tries: u32, jitter: u32, window: Span) -> Option<Span> {
    let tries = u64::from(failed_tries);
    if tries == 0 || longest(tries)? > window {
        return None;
    }
    let gap = Span::seconds(gap(tries - 1)).0;
    let least = gap / MILLION * (MILLION - SPREAD);
    let range = gap / MILLION * if is_last(tries - 1) { SPREAD } else { 2 * SPREAD };
    let share = u64::from(jitter).min(MILLION);
    Some(Span(least + range / MILLION * share))
}

/// From the first try to the end of this many gaps, at the longest.
fn longest(gaps: u64) -> Option<Span> {
    let mut sum: u64 = 0;
    for place in 0..gaps {
        let most = if is_last(place) { gap(place) } else { gap(place) / 5 * 6 };
        sum = sum.checked_add(most)?;
        if sum > u64::from(u32::MAX) {
            return None;
        }
    }
    Some(Span::seconds(sum))
}

/// The gap after the try at this place, from 0.
fn gap(place: u64) -> u64 {
    usize::try_from(place).ok().and_then(|place| GAPS.get(place)).copied().unwrap_or(LAST_GAP)
}

fn is_last(place: u64) -> bool {
    usize::try_from(place).is_ok_and(|place| place >= GAPS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Span = Span::seconds(72 * 3_600);

    /// All gaps with one jitter.
    fn gaps(jitter: u32) -> Vec<Span> {
        (1..).map_while(|tries| retry_after(tries, jitter, WINDOW)).collect()
    }

    // conformance: truelayer 81
    #[test]
    fn tries_end_before_three_days_whatever_chance_does() {
        for jitter in [0, 1, 500_000, 999_999] {
            let gaps = gaps(jitter);
            let sum: u64 = gaps.iter().map(|gap| gap.0).sum();
            assert!(sum <= WINDOW.0, "{jitter}");
            // A further one at its nominal length would be too late.
            assert_eq!(gaps.len(), 20, "{jitter}");
            assert!(Span(sum) > Span::seconds(54 * 3_600), "{jitter}");
        }
    }

    #[test]
    fn gaps_are_those_of_the_contract_within_a_fifth() {
        let (least, most) = (gaps(0), gaps(999_999));
        for (place, (least, most)) in least.iter().zip(&most).enumerate() {
            let nominal = Span::seconds(gap(place as u64)).0;
            assert!(least.0 >= nominal / 100 * 80 && most.0 <= nominal / 100 * 120, "{place}");
            assert!(least < most, "{place}");
        }
        assert_eq!(retry_after(0, 0, WINDOW), None);
        assert_eq!(retry_after(u32::MAX, 0, WINDOW), None);
    }

    #[test]
    fn a_shorter_window_has_fewer_tries() {
        let day = Span::seconds(24 * 3_600);
        let count = (1..).take_while(|tries| retry_after(*tries, 0, day).is_some()).count();
        assert_eq!(count, 12);
    }
}
