//! What starts, observes and ends processes at one place: this process itself, or one that is reached by a pipe.

use std::time::Duration;

use nix::sys::prctl::set_child_subreaper;

use crate::error::{Context, Result};
use crate::place::child::Heard;
use crate::place::ends::Ends;
use crate::place::messages::{Answer, EndId, Hello, Request};

/// How long a wait for a line lasts at most, before whoever waits looks around.
pub const TICK: Duration = Duration::from_millis(100);

/// Does what is asked at one place; dropping it ends all that it has started.
pub trait Agent {
    /// Does what is asked, and answers.
    fn ask(&mut self, request: Request) -> Result<Answer>;

    /// Waits for the next line of an end, for one tick at most.
    fn hear(&mut self, end: EndId) -> Result<Heard>;
}

/// The agent that is this very process.
#[derive(Debug, Default)]
pub struct Direct(Ends);

impl Direct {
    /// This process begins to be an agent.
    pub fn new() -> Result<(Self, Hello)> {
        adopt()?;
        Ok((Direct::default(), Ends::hello()?))
    }
}

/// The children that an end leaves behind are ours from now on, so that what they spent is never taken for a
/// neighbour's, and they can be waited for.
pub(crate) fn adopt() -> Result<()> {
    set_child_subreaper(true).doing("becoming the parent of what ends leave behind")
}

impl Agent for Direct {
    fn ask(&mut self, request: Request) -> Result<Answer> {
        Ok(self.0.answer(request))
    }

    fn hear(&mut self, end: EndId) -> Result<Heard> {
        self.0.hear(end, TICK)
    }
}
