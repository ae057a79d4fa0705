//! What the calls of a client ask, one after the other.

use crate::call::{CallSpec, SplitMix};
use crate::key::load::Think;

/// The calls of each client, in their order.
pub trait Sequence {
    /// The call of that number, from 0, of a client; the same whenever it is asked. Called on the timed path, so that it
    /// allocates nothing: what is drawn by chance is drawn from a seed and these two numbers.
    fn call(&self, client: usize, number: u64) -> Planned;

    /// How many calls are one iteration of the workload.
    fn calls_per_iteration(&self) -> u64 {
        1
    }

    /// How many calls are one pass: steps that are made in their order, and skipped from where one fails. By itself each call
    /// is a pass. An open loop counts passes.
    fn steps(&self) -> u64 {
        1
    }

    /// Whether passes are counted and timed.
    fn has_passes(&self) -> bool {
        false
    }

    /// The names of its calls, where it has several: figures are kept for each of them too.
    fn names(&self) -> &[String] {
        &[]
    }
}

/// A call that a client is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What it asks.
    pub ask: CallSpec,
    /// Which of the names of its sequence it has; 0 where that has none.
    pub name: usize,
}

/// The same call again and again.
#[derive(Debug)]
pub struct One(pub CallSpec);

impl Sequence for One {
    fn call(&self, client: usize, number: u64) -> Planned {
        Planned { ask: self.0.by(client, number), name: 0 }
    }
}

/// A payload in several calls, one for each of its chunks.
#[derive(Debug)]
pub struct Split {
    /// The call for a whole chunk.
    pub each: CallSpec,
    /// The call for the last one, which may be shorter.
    pub last: CallSpec,
    /// How many chunks there are, at least 1.
    pub chunks: u64,
}

impl Sequence for Split {
    fn call(&self, _: usize, number: u64) -> Planned {
        let ask = if (number + 1).is_multiple_of(self.chunks) { self.last } else { self.each };
        Planned { ask, name: 0 }
    }

    fn calls_per_iteration(&self) -> u64 {
        self.chunks
    }
}

/// Calls in an order, again and again.
#[derive(Debug)]
pub struct Steps {
    names: Vec<String>,
    /// Each step, and which of the names it has.
    calls: Vec<(CallSpec, usize)>,
}

impl Steps {
    /// The calls of those names in their order, with what each asks; at least one.
    pub fn of(calls: impl IntoIterator<Item = (String, CallSpec)>) -> Self {
        let (mut names, mut steps) = (Vec::<String>::new(), Vec::new());
        for (name, ask) in calls {
            let known = names.iter().position(|known| *known == name);
            let place = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            steps.push((ask, place));
        }
        Steps { names, calls: steps }
    }
}

impl Sequence for Steps {
    fn call(&self, client: usize, number: u64) -> Planned {
        let (ask, name) = self.calls[(number % self.steps()) as usize];
        Planned { ask: ask.by(client, number), name }
    }

    fn calls_per_iteration(&self) -> u64 {
        self.steps()
    }

    fn steps(&self) -> u64 {
        self.calls.len() as u64
    }

    fn has_passes(&self) -> bool {
        true
    }

    fn names(&self) -> &[String] {
        &self.names
    }
}

/// How long clients pause after their calls: the same for the same seed, client and call.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    least: u64,
    span: u64,
    seed: u64,
    /// The number of the first client among those of all parts of a load.
    first: u64,
}

impl Pauses {
    /// Pauses between those two times.
    pub fn of(think: Option<Think>, seed: u64) -> Self {
        let ns = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (least, most) = think.map_or((0, 0), |think| (ns(think.least), ns(think.most)));
        // Not the draws of a mix.
        Pauses { least, span: most.saturating_sub(least), seed: seed ^ 0x0074_6869_6e6b, first: 0 }
    }

    /// The same for clients of whom the first has that number among those of all parts of a load.
    pub fn numbered_from(self, first: u32) -> Self {
        Pauses { first: first.into(), ..self }
    }

    /// Whether nobody ever pauses.
    pub fn are_none(self) -> bool {
        self.least == 0 && self.span == 0
    }

    /// How long a client pauses after its call of that number, in nanoseconds.
    pub fn after(self, client: usize, number: u64) -> u64 {
        if self.span == 0 {
            return self.least;
        }
        let of_client = SplitMix::new(self.seed ^ (self.first + client as u64)).next();
        self.least + SplitMix::new(of_client ^ number).below(self.span.saturating_add(1))
    }
}

/// Calls that are drawn, each as often as its weight says.
#[derive(Debug)]
pub struct Drawn {
    names: Vec<String>,
    /// Each call with the sum of its weight and of those before it.
    calls: Vec<(CallSpec, u64)>,
    seed: u64,
}

impl Drawn {
    /// The calls of those names, with what each asks and its weight; at least one weight is not 0.
    pub fn of(calls: impl IntoIterator<Item = (String, CallSpec, u32)>, seed: u64) -> Self {
        let (mut names, mut drawn, mut sum) = (Vec::new(), Vec::new(), 0);
        for (name, ask, weight) in calls {
            sum += u64::from(weight);
            names.push(name);
            drawn.push((ask, sum));
        }
        Drawn { names, calls: drawn, seed }
    }
}

impl Sequence for Drawn {
    fn call(&self, client: usize, number: u64) -> Planned {
        let of_client = SplitMix::new(self.seed ^ client as u64).next();
        let sum = self.calls.last().map_or(1, |(_, sum)| *sum);
        let drawn = SplitMix::new(of_client ^ number).below(sum);
        let name = self.calls.partition_point(|(_, sum)| *sum <= drawn).min(self.calls.len() - 1);
        Planned { ask: self.calls[name].0.by(client, number), name }
    }

    fn names(&self) -> &[String] {
        &self.names
    }
}

/// The calls of clients who are not the first of all: those of other processes come before them.
pub struct Numbered {
    /// The calls of all.
    pub calls: Box<dyn Sequence>,
    /// The number of the first client here among all of them.
    pub first: usize,
}

impl Sequence for Numbered {
    fn call(&self, client: usize, number: u64) -> Planned {
        self.calls.call(self.first + client, number)
    }

    fn calls_per_iteration(&self) -> u64 {
        self.calls.calls_per_iteration()
    }

    fn steps(&self) -> u64 {
        self.calls.steps()
    }

    fn has_passes(&self) -> bool {
        self.calls.has_passes()
    }

    fn names(&self) -> &[String] {
        self.calls.names()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Drawn, Pauses, Sequence, Steps};
    use crate::call::CallSpec;
    use crate::key::load::Think;

    #[test]
    fn steps_follow_each_other_and_have_their_names_once() {
        let steps = Steps::of(
            [("a", CallSpec::Ping), ("b", CallSpec::Nonce), ("a", CallSpec::Ping)]
                .map(|(name, ask)| (name.to_owned(), ask)),
        );
        assert_eq!(
            (steps.names(), steps.steps(), steps.calls_per_iteration()),
            (&["a".to_owned(), "b".to_owned()][..], 3, 3)
        );
        let names: Vec<usize> = (0..7).map(|number| steps.call(1, number).name).collect();
        assert_eq!(names, [0, 1, 0, 0, 1, 0, 0]);
        assert_eq!(steps.call(1, 4).ask, CallSpec::Nonce);
    }

    #[test]
    fn pauses_are_drawn_evenly_between_their_ends_and_again_the_same() {
        let think = |least, most| Some(Think { least: Duration::from_nanos(least), most: Duration::from_nanos(most) });
        let pauses = Pauses::of(think(10, 19), 3);
        let drawn: Vec<u64> = (0..10_000).map(|number| pauses.after(2, number)).collect();
        assert!(drawn.iter().all(|pause| (10..20).contains(pause)));
        let counts = (10..20).map(|ns| drawn.iter().filter(|pause| **pause == ns).count() as f64);
        let distance: f64 = counts.map(|count| (count - 1_000.0).powi(2) / 1_000.0).sum();
        // Nine degrees of freedom: beyond 27.88 by chance once in 1,000 seeds, and this is one seed.
        assert!(distance < 27.88, "{distance}");
        assert_eq!(pauses.after(2, 7), Pauses::of(think(10, 19), 3).after(2, 7));
        assert_ne!(drawn, (0..10_000).map(|number| pauses.after(3, number)).collect::<Vec<_>>());
        assert_eq!(pauses.after(5, 7), pauses.numbered_from(3).after(2, 7), "whatever process they are in");
        assert_eq!((Pauses::of(think(5, 5), 1).after(0, 9), Pauses::of(None, 1).are_none()), (5, true));
    }

    #[test]
    fn calls_are_drawn_as_often_as_their_weights_say() {
        let weights = [80u32, 15, 4, 1];
        let upload = |len| CallSpec::Upload { len, chunk: None };
        let drawn = Drawn::of((0..).zip(weights).map(|(n, weight)| (format!("call-{n}"), upload(n), weight)), 7);
        let (clients, each) = (20, 5_000);
        let mut counts = [0u64; 4];
        for client in 0..clients {
            for number in 0..each {
                let planned = drawn.call(client, number);
                assert_eq!(planned, drawn.call(client, number), "the same whenever it is asked");
                assert_eq!(planned.ask.payload_up(), planned.name as u64);
                counts[planned.name] += 1;
            }
        }
        let all = (clients as u64 * each) as f64;
        let distance: f64 = (counts.iter().zip(weights))
            .map(|(count, weight)| {
                let due = all * f64::from(weight) / 100.0;
                (*count as f64 - due).powi(2) / due
            })
            .sum();
        // Three degrees of freedom: beyond 16.27 by chance once in 1,000 seeds, and this is one seed.
        assert!(distance < 16.27, "{counts:?}: {distance}");
        let other = Drawn::of([("a".to_owned(), CallSpec::Ping, 1), ("b".to_owned(), CallSpec::Nonce, 1)], 8);
        let runs = (1..1_000).filter(|number| other.call(3, *number).name == other.call(3, number - 1).name).count();
        assert!((400..600).contains(&runs), "one draw says nothing of the next: {runs}");
    }
}
