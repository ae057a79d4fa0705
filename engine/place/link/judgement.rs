//! Whether a link kept to what was asked of it, by how late its packets arrived and by nothing else that it did.

use crate::figures::{counted, time};
use crate::key::link::properties::Link;
use crate::results::State;
use crate::results::link::Carried;

/// From this share of the delay on lateness is suspect, and from that one on it spoils what was measured.
const SUSPECT: f64 = 0.05;
const INVALID: f64 = 0.25;
/// What is no more than this is what any machine does, however short the delay.
const SUSPECT_NS: f64 = 200_000.0;
const INVALID_NS: f64 = 1_000_000.0;

/// What speaks against a trial over `link` that carried this, with how much; nothing where it was as it was asked to be.
pub fn judge(link: &Link, carried: &Carried) -> Option<(State, String)> {
    let overflowed: u64 = carried.ways().iter().map(|way| way.overflowed).sum();
    if overflowed > 0 {
        let packets = counted(overflowed as usize, "packet", "packets");
        let what = format!("the link lost {packets} that nobody asked it to: its relay did not come to take them");
        return Some((State::Invalid, what));
    }
    let (late, delay) = (carried.late_p99_ns() as f64, link.delay.as_nanos() as f64);
    let state = match late {
        late if late > (delay * INVALID).max(INVALID_NS) => State::Invalid,
        late if late > (delay * SUSPECT).max(SUSPECT_NS) => State::Suspect,
        _ => return None,
    };
    let over = match link.delay.is_zero() {
        true => String::new(),
        false => format!(", on a delay of {}", time(delay)),
    };
    Some((state, format!("the link was late: its packets arrived {} late at p99{over}", time(late))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::judge;
    use crate::key::link::properties::Link;
    use crate::results::State;
    use crate::results::link::{Carried, Late, Way};

    fn state(delay_ms: u64, late_us: u64, overflowed: u64) -> Option<State> {
        let link = Link { delay: Duration::from_millis(delay_ms), ..Link::named("wan") };
        let late = Late { p99_ns: late_us * 1_000, ..Late::default() };
        let carried = Carried { down: Way { overflowed, late, ..Way::default() }, ..Carried::default() };
        judge(&link, &carried).map(|(state, _)| state)
    }

    #[test]
    fn a_link_is_judged_by_how_late_it_was_beside_its_delay() {
        assert_eq!(
            [state(0, 200, 0), state(0, 201, 0), state(0, 1_001, 0)],
            [None, Some(State::Suspect), Some(State::Invalid)]
        );
        assert_eq!(
            [state(10, 500, 0), state(10, 501, 0), state(10, 2_501, 0)],
            [None, Some(State::Suspect), Some(State::Invalid)]
        );
        assert_eq!([state(50, 2_500, 0), state(50, 12_500, 0)], [None, Some(State::Suspect)]);
    }

    #[test]
    fn what_it_lost_unasked_spoils_everything() {
        assert_eq!(state(10, 0, 1), Some(State::Invalid));
    }
}
