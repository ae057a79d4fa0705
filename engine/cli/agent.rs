//! `engine agent`: starts, observes and ends processes at one place, for a run elsewhere.

use clap::Args;

use crate::error::{Exit, Result};
use crate::place::serve::serve;
use crate::transport::descriptors;
use crate::units::Time;

/// Speaks one JSON object a line: hello first, then an answer to each request, and what the processes say.
#[derive(Debug, Args)]
pub(crate) struct Agent {
    /// End, with all that was started, where no line has come for so long
    #[arg(long, value_name = "TIME", default_value = "10s")]
    lease: Time,
}

impl Agent {
    pub(crate) fn run(self) -> Result<Exit> {
        descriptors::raise();
        serve(self.lease.0)?;
        Ok(Exit::Success)
    }
}
