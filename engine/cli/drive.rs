//! `engine drive`: one client process, an assignment on stdin, measurements on stdout.

use clap::Args;

use crate::drive;
use crate::error::{Exit, Result};
use crate::transport::descriptors;

/// Speaks one JSON object a line: assignment, armed, go, progress, done, report, measured.
#[derive(Debug, Args)]
pub(crate) struct Drive {}

impl Drive {
    pub(crate) fn run(self) -> Result<Exit> {
        descriptors::raise();
        Ok(if drive::run() { Exit::Success } else { Exit::Failed })
    }
}
