//! What a server works out for a number.

/// A number for a number: what a call such as `compute` asks for.
#[derive(Debug)]
pub struct Computation {
    /// The name of its call, by which every protocol asks for it.
    pub name: &'static str,
    /// Works it out step by step, as a server does; the optimiser must not find a shorter way.
    pub work: fn(u64) -> u128,
    /// What has to come out, found quickly by whoever checks it.
    pub result: fn(u64) -> u128,
}

impl PartialEq for Computation {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Computation {}
