//! What the calls of a client ask, one after the other.

use crate::call::{CallSpec, SplitMix};

/// The calls of each client, in their order.
pub trait Sequence {
    /// The call of that number, from 0, of a client; the same whenever it is asked. Called on the timed path, so that it
    /// allocates nothing: what is drawn by chance is drawn from a seed and these two numbers.
    fn call(&self, client: usize, number: u64) -> Planned;

    /// How many calls are one iteration of the workload.
    fn calls_per_iteration(&self) -> u64 {
        1
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

#[cfg(test)]
mod tests {
    use super::{Drawn, Sequence};
    use crate::call::CallSpec;

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
