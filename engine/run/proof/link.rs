//! What must be seen of a link by what goes through it from one end to the other.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::error::Result;
use crate::figures::number;
use crate::key::link::properties::Link;
use crate::place::here::Here;
use crate::place::link::judgement;
use crate::place::link::laid::probe;
use crate::place::link::probe::{Probe, Shown as Seen};
use crate::place::pinning::Pinning;
use crate::place::site::Site;
use crate::results::machine::Interference;
use crate::run::proof::evidence::SEED;
use crate::run::proof::figure::Figure;
use crate::scenario::Pin;

const MS: u64 = 1_000_000;
/// By how much the median round trip may be longer than twice the delay, in nanoseconds.
const SLACK_NS: u64 = 300_000;
/// The largest packet, and what of it is a stream's where both ends send timestamps.
pub(crate) const PACKET: usize = 1_500;
const STREAM: f64 = 1_448.0 / 1_500.0;

/// A link, what is tried of it, and what must be seen.
pub(crate) struct Tried {
    pub(crate) link: Link,
    pub(crate) probe: Probe,
    pub(crate) check: fn(&Link, &Seen) -> Vec<Figure>,
}

impl Tried {
    /// Lays the link and tries it: what is seen, and who used the cores meanwhile, where it was so much that it matters.
    pub(crate) fn show(&self, beside_others: bool) -> Result<(Vec<Figure>, Option<String>)> {
        let site = Site::reach(&Here)?;
        let pinning = Pinning::among(&Pin::Auto, &site.hello().cores, true, 1)?;
        if !beside_others {
            site.look_at_neighbours([pinning.server.clone(), pinning.client.clone()], Vec::new())?;
        }
        let begun = site.moment(true)?;
        let seen = probe(&site, &self.link, SEED, self.probe, Vec::new())?;
        let interference = site.since(begun)?;
        let others = interference.as_ref().filter(|others| others.disturbs()).map(Interference::sentence);
        let mut figures = (self.check)(&self.link, &seen);
        let overflowed: u64 = seen.carried.ways().iter().map(|way| way.overflowed).sum();
        figures.push(Figure::timed("lost unasked", 0, overflowed, overflowed == 0));
        // A relay that the machine held up says so itself, as it does in a run: such a link proves nothing of time.
        let late = judgement::judge(&self.link, &seen.carried).filter(|_| overflowed == 0);
        let disturbed = others.or(late.map(|(_, what)| what));
        Ok((figures, disturbed))
    }
}

fn in_order(seen: &Seen) -> Figure {
    Figure::that("order", "kept", if seen.in_order { "kept" } else { "changed" }, seen.in_order)
}

fn ms(ns: u64) -> String {
    format!("{:.3} ms", ns as f64 / 1e6)
}

/// What there is at this place of the sorted values.
fn at(sorted: &[u64], quantile: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * quantile).round() as usize).copied().unwrap_or(0)
}

fn sorted(seen: &Seen) -> Vec<u64> {
    let mut times = seen.round_trips_ns.clone();
    times.sort_unstable();
    times
}

/// No packet is early, and the median is hardly late.
pub(crate) fn round_trip(link: &Link, seen: &Seen) -> Vec<Figure> {
    let (times, least) = (sorted(seen), 2 * link.delay.as_nanos() as u64);
    let (first, median) = (at(&times, 0.0), at(&times, 0.5));
    let expected = format!("{} and 0.3 ms more at most", ms(least));
    vec![
        Figure::that("echoes", seen.sent, seen.received, seen.sent == seen.received),
        in_order(seen),
        Figure::that("shortest round trip", format!("{} or more", ms(least)), ms(first), first >= least),
        Figure::timed("median round trip", expected, ms(median), (least..=least + SLACK_NS).contains(&median)),
    ]
}

/// Of two times that are uniform from −2 to 2 ms the sum reaches from −4 to 4; half of the sums lie within 1.17 of its
/// middle, and of a hundred few are beyond 3.
pub(crate) fn spread(link: &Link, seen: &Seen) -> Vec<Figure> {
    let (times, middle) = (sorted(seen), 2 * link.delay.as_nanos() as u64);
    let reach = 2 * link.jitter.as_nanos() as u64;
    let (low, median, high) = (at(&times, 0.05), at(&times, 0.5), at(&times, 0.95));
    let least = at(&times, 0.0);
    vec![
        in_order(seen),
        Figure::that(
            "shortest round trip",
            format!("{} or more", ms(middle - reach)),
            ms(least),
            least >= middle - reach,
        ),
        Figure::timed("median", "20 ± 1 ms", ms(median), (middle - MS..=middle + MS).contains(&median)),
        Figure::timed(
            "from p5 to p95",
            "3.5 to 6.5 ms",
            ms(high - low),
            (7 * MS / 2..=13 * MS / 2).contains(&(high - low)),
        ),
    ]
}

/// Inside the band in which chance keeps 99.9 % of all counts, and what the link says is what arrived.
pub(crate) fn lost(link: &Link, seen: &Seen) -> Vec<Figure> {
    // What the kernel threw away before it came to the link is told beside.
    let (sent, share) = (seen.carried.up.packets, link.loss.fraction());
    let missing = sent.saturating_sub(seen.received);
    let band = Binomial::new(share, sent).map(|chance| (chance.inverse_cdf(0.0005), chance.inverse_cdf(0.9995)));
    let (low, high) = band.unwrap_or((1, 0));
    let told = seen.carried.up.lost;
    vec![
        Figure::that("lost", format!("{low} to {high} of {sent}"), told, (low..=high).contains(&told)),
        Figure::timed("missing", format!("the {told} that it says"), missing, missing == told),
        in_order(seen),
    ]
}

fn near(what: &str, expected: f64, got: f64) -> Figure {
    let said = |bits: f64| format!("{} Mbit/s", number(bits / 1e6));
    Figure::timed(what, format!("{} ±2 %", said(expected)), said(got), (got / expected - 1.0).abs() < 0.02)
}

fn bits(seen: &Seen) -> f64 {
    seen.timed_bytes as f64 * 8e9 / seen.timed_ns.max(1) as f64
}

/// Datagrams arrive as fast as the wire carries them, and the rest is dropped.
pub(crate) fn rate_of_datagrams(link: &Link, seen: &Seen) -> Vec<Figure> {
    let rate = link.rate.map_or(0.0, |rate| rate.bits() as f64);
    let (arrived, said) = (seen.received, seen.sent.saturating_sub(seen.carried.up.dropped));
    vec![
        near("rate of packets", rate, bits(seen)),
        Figure::timed("arrived", format!("the {said} that were not dropped"), arrived, arrived == said),
        in_order(seen),
    ]
}

/// A stream gets what headers leave.
pub(crate) fn rate_of_stream(link: &Link, seen: &Seen) -> Vec<Figure> {
    let rate = link.rate.map_or(0.0, |rate| rate.bits() as f64);
    vec![
        near("rate of the stream", rate * STREAM, bits(seen)),
        Figure::that("bytes", seen.sent, seen.received, seen.sent == seen.received),
    ]
}

/// A burst fills the queue, and what is more than that is dropped, but for what the wire carried meanwhile.
pub(crate) fn dropped(link: &Link, seen: &Seen) -> Vec<Figure> {
    let room = link.queue() / PACKET as u64;
    let (told, missing) = (seen.carried.up.dropped, seen.sent.saturating_sub(seen.received));
    vec![
        Figure::timed(
            "arrived",
            format!("{room} or {}", room + 1),
            seen.received,
            (room..=room + 1).contains(&seen.received),
        ),
        Figure::that("dropped", format!("the {missing} that are missing"), told, told == missing),
        in_order(seen),
    ]
}

#[cfg(test)]
mod tests {
    use super::{at, lost};
    use crate::key::link::properties::Link;
    use crate::place::link::probe::Shown;
    use crate::results::link::{Carried, Way};
    use crate::units::Share;

    #[test]
    fn loss_holds_inside_the_band_of_chance_alone() {
        let holds = |count| {
            let up = Way { packets: 20_000, lost: count, ..Way::default() };
            let seen = Shown {
                sent: 20_000,
                received: 20_000 - count,
                in_order: true,
                carried: Carried { up, ..Carried::default() },
                ..Shown::default()
            };
            let link = Link { loss: Share(Share::WHOLE / 100), ..Link::named("l") };
            lost(&link, &seen).iter().all(|figure| figure.holds)
        };
        assert_eq!([100, 160, 200, 240, 300].map(holds), [false, true, true, true, false]);
    }

    #[test]
    fn a_place_among_sorted_values_is_the_nearest_one() {
        assert_eq!((at(&[1, 2, 3], 0.5), at(&[1, 2, 3], 1.0), at(&[], 0.5)), (2, 3, 0));
    }
}
