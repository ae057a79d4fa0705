//! Which rate to try next: the highest that holds lies between one that held and one that did not.

/// By what factor rates grow until one does not hold, or shrink until one does.
pub const STEP: f64 = 4.0;

/// How often a rate is tried that does not hold: one hold-up of the machine shall not decide a search.
const TRIES: u32 = 2;
/// The same where it was the client process that was held up, which says nothing about the server.
const SPOILED: u32 = 4;

/// What became of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that is expected held.
    Held,
    /// Something did not.
    Broke,
    /// The measurement is not to be believed.
    Spoiled,
}

/// A search under way. It is decided by the outcomes alone: the same ones lead to the same rates.
#[derive(Debug, Clone, PartialEq)]
pub struct Bracket {
    lowest: f64,
    highest: f64,
    close: f64,
    next: Option<f64>,
    tries: u32,
    held: Option<f64>,
    broken: Option<f64>,
}

impl Bracket {
    /// A search from `lowest` to `highest` that begins at `start`, all of them calls per second, and ends when a rate
    /// that held and one that did not are within the factor `close` of each other.
    pub fn new(start: f64, lowest: f64, highest: f64, close: f64) -> Self {
        let next = Some(start.max(lowest).min(highest));
        Bracket { lowest, highest, close, next, tries: 0, held: None, broken: None }
    }

    /// The rate to try; none where the search is over.
    pub fn next(&self) -> Option<f64> {
        self.next
    }

    /// The highest rate that held.
    pub fn held(&self) -> Option<f64> {
        self.held
    }

    /// The lowest rate that did not hold, as often as it was tried.
    pub fn broken(&self) -> Option<f64> {
        self.broken
    }

    /// Takes what became of the rate to try, and finds the next one.
    pub fn take(&mut self, outcome: Outcome) {
        let Some(rate) = self.next else { return };
        self.tries += 1;
        match outcome {
            Outcome::Held => self.held = Some(rate),
            Outcome::Broke if self.tries < TRIES => return,
            Outcome::Spoiled if self.tries < SPOILED => return,
            Outcome::Broke | Outcome::Spoiled => self.broken = Some(rate),
        }
        self.tries = 0;
        self.next = match (self.held, self.broken) {
            (Some(held), Some(broken)) => (broken > held * self.close).then(|| rounded((held * broken).sqrt())),
            (Some(held), None) => (held < self.highest).then(|| rounded(held * STEP).min(self.highest)),
            (None, Some(broken)) => (broken > self.lowest).then(|| rounded(broken / STEP).max(self.lowest)),
            (None, None) => None,
        };
    }
}

/// The rate to three digits, which is finer than the search.
pub fn rounded(rate: f64) -> f64 {
    let unit = 10f64.powf(rate.log10().floor() - 2.0);
    // By division where the unit is a fraction: tenths have no exact factor.
    if unit < 1.0 { (rate * (1.0 / unit).round()).round() / (1.0 / unit).round() } else { (rate / unit).round() * unit }
}

#[cfg(test)]
mod tests {
    use super::{Bracket, Outcome};
    use crate::plan::search::Search;

    const CLOSE: f64 = Search::CLOSE;

    /// The rates of a search of a server that holds what `holds` says, and how it ended.
    fn search(start: f64, range: (f64, f64), mut holds: impl FnMut(f64) -> bool) -> (Vec<f64>, Bracket) {
        let mut bracket = Bracket::new(start, range.0, range.1, CLOSE);
        let mut rates = Vec::new();
        while let Some(rate) = bracket.next() {
            rates.push(rate);
            assert!(rates.len() <= 50, "it goes on and on: {rates:?}");
            bracket.take(if holds(rate) { Outcome::Held } else { Outcome::Broke });
        }
        (rates, bracket)
    }

    #[test]
    fn a_threshold_is_found_within_five_percent_wherever_it_is() {
        let mut truth = 1.1;
        while truth < 9e6 {
            let (rates, end) = search(100.0, (1.0, 1e7), |rate| rate <= truth);
            let (held, broken) = (end.held().expect("some hold"), end.broken().expect("some do not"));
            assert!(held <= truth && truth < broken && broken <= held * CLOSE, "{held} to {broken} around {truth}");
            assert!(rates.len() <= 24, "{} probes for {truth}", rates.len());
            truth *= 1.037;
        }
    }

    #[test]
    fn it_grows_first_and_then_halves_the_factor_between() {
        let (rates, end) = search(100.0, (1.0, 1e7), |rate| rate <= 1000.0);
        assert_eq!(rates, [100.0, 400.0, 1600.0, 1600.0, 800.0, 1130.0, 1130.0, 951.0, 1040.0, 1040.0, 995.0]);
        assert_eq!((end.held(), end.broken()), (Some(995.0), Some(1040.0)));
        let (rates, _) = search(100.0, (5.0, 1e7), |rate| rate <= 6.0);
        assert_eq!(rates[..6], [100.0, 100.0, 25.0, 25.0, 6.25, 6.25]);
    }

    #[test]
    fn a_rough_search_ends_sooner() {
        let mut bracket = Bracket::new(1_000.0, 1.0, 1e7, Search::ROUGHLY);
        let mut probes = 0;
        while let Some(rate) = bracket.next() {
            probes += 1;
            bracket.take(if rate <= 50_000.0 { Outcome::Held } else { Outcome::Broke });
        }
        assert!(probes <= 10 && bracket.held().is_some_and(|held| held > 50_000.0 / Search::ROUGHLY), "{bracket:?}");
    }

    #[test]
    fn what_never_holds_ends_at_the_lowest_rate() {
        let (rates, end) = search(100.0, (5.0, 1e7), |_| false);
        assert_eq!(rates, [100.0, 100.0, 25.0, 25.0, 6.25, 6.25, 5.0, 5.0]);
        assert_eq!((end.held(), end.broken()), (None, Some(5.0)));
    }

    #[test]
    fn what_always_holds_ends_at_the_highest_rate() {
        let (rates, end) = search(100.0, (1.0, 1e4), |_| true);
        assert_eq!(rates, [100.0, 400.0, 1600.0, 6400.0, 10_000.0]);
        assert_eq!((end.held(), end.broken()), (Some(1e4), None));
        assert_eq!(search(100.0, (500.0, 500.0), |_| true).0, [500.0], "there is one rate only");
    }

    #[test]
    fn one_bad_probe_does_not_decide() {
        let mut probes = 0;
        let (_, end) = search(100.0, (1.0, 1e7), |rate| {
            probes += 1;
            probes % 2 == 0 && rate <= 30_000.0
        });
        assert!(end.held().is_some_and(|held| held <= 30_000.0 && held * CLOSE > 30_000.0), "{end:?}");
    }

    #[test]
    fn a_spoiled_probe_is_made_again_and_a_client_that_never_keeps_up_ends_the_search() {
        let mut bracket = Bracket::new(100.0, 1.0, 1e7, CLOSE);
        for _ in 0..3 {
            bracket.take(Outcome::Spoiled);
            assert_eq!((bracket.next(), bracket.broken()), (Some(100.0), None));
        }
        bracket.take(Outcome::Held);
        assert_eq!(bracket.held(), Some(100.0));
        (0..4).for_each(|_| bracket.take(Outcome::Spoiled));
        assert_eq!(bracket.broken(), Some(400.0));
    }
}
