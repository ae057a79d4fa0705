//! When the machine itself is measured: around each block of trials, and every thirty seconds.

use std::time::{Duration, Instant};

use crate::place::messages::Pace;
use crate::place::pinning::Pinning;
use crate::place::site::Site;
use crate::results::machine::Yardstick;

/// How often it is measured at least, as far as trials end meanwhile.
const EVERY: Duration = Duration::from_secs(30);

/// The yardsticks of one run.
#[derive(Debug)]
pub struct Yardsticks {
    site: Site,
    /// The first core of the server and the last one of the client, which are two where there are two.
    between: Option<(usize, usize)>,
    begun: Instant,
    before: Duration,
    /// When the last one was measured, and before which block.
    last: Option<(Instant, u32)>,
}

impl Yardsticks {
    /// Those of a run that begins now, or goes on now after it has taken so long `before`.
    pub fn new(site: &Site, pinning: &Pinning, before: Duration) -> Self {
        let between = pinning.server.first().copied().zip(pinning.client.last().copied());
        Yardsticks { site: site.clone(), between, begun: Instant::now(), before, last: None }
    }

    /// One, where it is due before a trial of `block`: at the beginning of a block, and where the last one is old.
    pub fn before(&mut self, block: u32) -> Option<Yardstick> {
        let age = self.last.map(|(at, known)| (at.elapsed(), known));
        due(age, block).then(|| self.now(block))?
    }

    /// One after the last trial, where there was one.
    pub fn after(&mut self) -> Option<Yardstick> {
        let (_, block) = self.last?;
        self.now(block)
    }

    fn now(&mut self, block: u32) -> Option<Yardstick> {
        let at_ns = (self.before + self.begun.elapsed()).as_nanos() as u64;
        let pace = self.between.and_then(|(server, client)| self.site.yardstick(server, client).ok().flatten());
        self.last = Some((Instant::now(), block));
        let Pace { exchange_ns, arithmetic_ns } = pace?;
        Some(Yardstick { at_ns, exchange_ns, arithmetic_ns })
    }
}

/// Whether one is due before a trial of `block`, by how old the last one is and which block it was before.
fn due(last: Option<(Duration, u32)>, block: u32) -> bool {
    last.is_none_or(|(age, known)| known != block || age >= EVERY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Yardsticks, due};
    use crate::place::here::Here;
    use crate::place::pinning::Pinning;
    use crate::place::site::Site;
    use crate::scenario::Pin;

    #[test]
    fn it_is_due_around_each_block_and_every_thirty_seconds() {
        let seconds = Duration::from_secs;
        assert!(due(None, 1) && due(Some((seconds(1), 1)), 2) && due(Some((seconds(30), 1)), 1));
        assert!(!due(Some((seconds(29), 1)), 1));
        let site = Site::reach(&Here).expect("this machine");
        let pinning = Pinning::among(&Pin::Auto, &site.hello().cores, false, 1).expect("there are cores");
        let mut yardsticks = Yardsticks::new(&site, &pinning, Duration::from_secs(60));
        assert_eq!(yardsticks.after(), None, "nothing was measured");
        let first = yardsticks.before(1).expect("the first trial of all");
        assert!(first.at_ns >= 60_000_000_000, "an earlier session took a minute");
        assert!(yardsticks.after().is_some_and(|last| last.at_ns > first.at_ns));
    }
}
