//! One way of a link: when each packet arrives, or that it does not. It is told the time and has no clock.

use crate::call::SplitMix;
use crate::key::link::properties::Link;
use crate::units::Share;

/// How many nanoseconds a second has.
const SECOND: u64 = 1_000_000_000;

/// Where no rate is asked for, packets follow one another no closer than this: 200,000 a second each way, 2.4 Gbit/s of
/// full ones. A relay takes a burst faster than it can give it on, and what a link says of itself it has to keep to.
const APART_NS: u64 = 5_000;

/// One way of a link.
#[derive(Debug, Clone)]
pub struct Wire {
    delay_ns: u64,
    jitter_ns: u64,
    /// A packet is lost where a random number lies below this.
    lost_below: u64,
    /// Bits for each second, and how many bytes may wait.
    rate: Option<(u64, u64)>,
    /// When the wire has carried all that it was given, and the part of a nanosecond beyond that, in parts of the rate.
    free_ns: u64,
    rest: u64,
    last_ns: u64,
    random: SplitMix,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives then, in nanoseconds of the clock by which it was sent.
    Arrives(u64),
    /// Chance had it lost on the way.
    Lost,
    /// Too much was waiting for the wire.
    Dropped,
}

impl Wire {
    /// One way of `link`. The same seed loses the same packets and delays them alike.
    pub fn of(link: &Link, seed: u64) -> Self {
        Wire {
            delay_ns: link.delay.as_nanos() as u64,
            jitter_ns: link.jitter.as_nanos() as u64,
            lost_below: ((u128::from(link.loss.0) << 64) / u128::from(Share::WHOLE)) as u64,
            rate: link.rate.map(|rate| (rate.bits().max(1), link.queue())),
            free_ns: 0,
            rest: 0,
            last_ns: 0,
            random: SplitMix::new(seed),
        }
    }

    /// What becomes of a packet of so many bytes, headers among them, that is sent now; `now_ns` never goes back.
    pub fn send(&mut self, now_ns: u64, bytes: usize) -> Fate {
        let Some(departure) = self.depart(now_ns, bytes as u64) else { return Fate::Dropped };
        // Chance strikes on the way: the wire was taken all the same.
        if self.lost_below > 0 && self.random.next() < self.lost_below {
            return Fate::Lost;
        }
        let swing = if self.jitter_ns > 0 { self.random.below(2 * self.jitter_ns + 1) } else { 0 };
        let arrival = (departure + self.delay_ns + swing).saturating_sub(self.jitter_ns);
        self.last_ns = arrival.max(departure).max(self.last_ns);
        Fate::Arrives(self.last_ns)
    }

    /// When the last bit of a packet is on the wire; none where it finds no room to wait.
    fn depart(&mut self, now_ns: u64, bytes: u64) -> Option<u64> {
        let Some((rate, queue)) = self.rate else {
            let departure = now_ns.max(self.free_ns);
            self.free_ns = departure + APART_NS;
            return Some(departure);
        };
        if self.free_ns <= now_ns {
            (self.free_ns, self.rest) = (now_ns, 0);
        }
        let waiting = (u128::from(self.free_ns - now_ns) * u128::from(rate)).div_ceil(u128::from(8 * SECOND)) as u64;
        // A wire that is free takes whatever comes.
        if waiting > 0 && waiting + bytes > queue {
            return None;
        }
        let work = bytes * 8 * SECOND + self.rest;
        (self.free_ns, self.rest) = (self.free_ns + work / rate, work % rate);
        Some(self.free_ns)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{APART_NS, Fate, Wire};
    use crate::key::link::properties::Link;
    use crate::statistics::fit::uniform;
    use crate::units::{BitRate, Share, Size};

    const MS: u64 = 1_000_000;

    fn link() -> Link {
        Link::named("wan")
    }

    fn arrival(fate: Fate) -> u64 {
        match fate {
            Fate::Arrives(at) => at,
            other => panic!("{other:?} where it had to arrive"),
        }
    }

    #[test]
    fn a_bare_delay_is_exact() {
        let mut wire = Wire::of(&Link { delay: Duration::from_millis(10), ..link() }, 1);
        for now in [0, APART_NS, 2 * APART_NS + 1, 1_000_000_007] {
            assert_eq!(wire.send(now, 1500), Fate::Arrives(now + 10 * MS));
        }
        assert_eq!(Wire::of(&link(), 1).send(42, 1), Fate::Arrives(42), "a link without properties does nothing");
    }

    #[test]
    fn without_a_rate_a_burst_is_spread_no_wider_than_a_relay_can_give_it_on() {
        let mut wire = Wire::of(&link(), 1);
        for packet in 0..1000 {
            assert_eq!(wire.send(7, 60 + packet as usize), Fate::Arrives(7 + packet * APART_NS));
        }
        let over = 7 + 1000 * APART_NS;
        assert_eq!(wire.send(over + 1, 1500), Fate::Arrives(over + 1), "the burst is over");
    }

    #[test]
    fn packets_leave_one_after_the_other_at_the_rate_of_the_wire() {
        let mut wire =
            Wire::of(&Link { rate: Some(BitRate(100_000_000)), delay: Duration::from_millis(1), ..link() }, 1);
        // 1,500 bytes take 120 µs at 100 Mbit/s.
        for packet in 1..=10 {
            assert_eq!(wire.send(0, 1500), Fate::Arrives(packet * 120_000 + MS));
        }
        assert_eq!(wire.send(10 * MS, 125), Fate::Arrives(10 * MS + 10_000 + MS), "the wire had become free");
        assert_eq!(wire.send(10 * MS + 4_000, 125), Fate::Arrives(10 * MS + 20_000 + MS));
    }

    #[test]
    fn no_part_of_a_nanosecond_is_lost() {
        // A byte takes 8/3 of a nanosecond, of which no whole number is right.
        let mut wire = Wire::of(&Link { rate: Some(BitRate(3_000_000_000)), ..link() }, 1);
        let last = (0..3_000).map(|_| arrival(wire.send(0, 1))).last();
        assert_eq!(last, Some(8_000));
    }

    #[test]
    fn what_finds_no_room_to_wait_is_dropped_at_the_tail() {
        let limited = Link { rate: Some(BitRate(8_000_000)), queue: Some(Size(3_000)), ..link() };
        let mut wire = Wire::of(&limited, 1);
        // A byte takes a microsecond; of 1,500 bytes each two find room.
        let fates: Vec<Fate> = (0..4).map(|_| wire.send(0, 1_500)).collect();
        assert_eq!(fates, [Fate::Arrives(1_500_000), Fate::Arrives(3_000_000), Fate::Dropped, Fate::Dropped]);
        assert_eq!(wire.send(1_499_999, 1_500), Fate::Dropped, "one byte too many is waiting");
        assert_eq!(wire.send(1_500_000, 1_500), Fate::Arrives(4_500_000));
        let tiny = Link { queue: Some(Size(1)), ..limited };
        let mut wire = Wire::of(&tiny, 1);
        assert_eq!([wire.send(0, 1_500), wire.send(0, 1)], [Fate::Arrives(1_500_000), Fate::Dropped]);
        assert_eq!(wire.send(1_500_000, 1_500), Fate::Arrives(3_000_000), "a free wire takes whatever comes");
    }

    #[test]
    fn chance_loses_the_share_that_was_asked_for_and_the_same_packets_by_the_same_seed() {
        for (billionths, sent) in [(1_000_000u64, 1_000_000u64), (10_000_000, 1_000_000), (500_000_000, 100_000)] {
            let lossy = Link { loss: Share(billionths), ..link() };
            let lost = |seed| {
                let mut wire = Wire::of(&lossy, seed);
                (0..sent).filter(|at| wire.send(*at, 100) == Fate::Lost).collect::<Vec<_>>()
            };
            let (first, share) = (lost(7), billionths as f64 / 1e9);
            let (expected, deviation) = (sent as f64 * share, (sent as f64 * share * (1.0 - share)).sqrt());
            assert!((first.len() as f64 - expected).abs() < 3.3 * deviation, "{} of {sent}", first.len());
            assert_eq!(first, lost(7));
            assert_ne!(first, lost(8));
        }
        let mut wire = Wire::of(&link(), 1);
        assert!((0..1_000).all(|now| wire.send(now, 1) != Fate::Lost), "nothing was to be lost");
    }

    #[test]
    fn what_is_lost_has_taken_its_time_on_the_wire() {
        let lossy = Link { rate: Some(BitRate(8_000_000)), loss: Share(Share::WHOLE / 2), ..link() };
        let mut wire = Wire::of(&lossy, 3);
        let fates: Vec<Fate> = (0..40).map(|_| wire.send(0, 1_000)).collect();
        assert!(fates.contains(&Fate::Lost));
        for (at, fate) in (1u64..).zip(fates) {
            assert!(fate == Fate::Lost || fate == Fate::Arrives(at * MS), "{at}: {fate:?}");
        }
    }

    #[test]
    fn jitter_is_uniform_and_never_changes_the_order() {
        let (delay, jitter) = (Duration::from_millis(10), Duration::from_millis(2));
        let mut wire = Wire::of(&Link { delay, jitter, ..link() }, 5);
        // So far apart that none has to wait for its predecessor.
        let delays: Vec<f64> =
            (0..5_000).map(|at| (arrival(wire.send(at * 5 * MS, 100)) - at * 5 * MS) as f64).collect();
        let found = uniform(&delays, 8e6, 12e6);
        assert!(found.chance > 0.001, "{found:?}");
        let mut wire = Wire::of(&Link { delay, jitter, ..link() }, 5);
        let close: Vec<u64> = (0..5_000).map(|at| arrival(wire.send(at * 1_000, 100))).collect();
        assert!(close.is_sorted());
        let wild = Link { jitter: Duration::from_millis(9), delay: Duration::from_millis(1), ..link() };
        let mut wire = Wire::of(&wild, 5);
        assert!((0..1_000).all(|at| arrival(wire.send(at * 100 * MS, 1)) >= at * 100 * MS), "before it was sent");
    }
}
