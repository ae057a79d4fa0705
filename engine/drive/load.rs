//! What a load model is, and what its callers do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::recorder::Recorder;
use crate::drive::setup_error::SetupError;
use crate::registry::Entry;
use crate::results::Measured;

/// A way of loading a server. One file implements it and one line registers it.
pub trait LoadModel: Entry + Sync {
    /// Whether it can make the calls of that job as it asks for them. Of those that can, the first of the list does.
    fn can_drive(&self, job: &Job) -> bool;

    /// The callers of that job, none of which is connected.
    fn callers(&self, job: Job) -> Result<Box<dyn Callers>, SetupError>;
}

/// All clients of a job.
pub trait Callers {
    /// Proves the server, connects every client and warms up.
    fn arm(&mut self) -> Result<(), SetupError>;

    /// The response times that `measure` will have seen so far, for another thread.
    fn live(&self) -> Arc<LiveHistogram>;

    /// Makes the timed calls; `ended` counts those that are over, for whoever shows progress.
    ///
    /// Allocates nothing that is not needed for the calls themselves, and leaves connections open: what either end
    /// spends meanwhile is charged to the calls.
    fn measure(&mut self, ended: &AtomicU64);

    /// The figures of the timed calls.
    fn measured(&mut self) -> Measured;

    /// Says goodbye on every connection.
    fn close(&mut self);
}

/// The fact that says what a TLS handshake has agreed on.
pub const NEGOTIATED: &str = "negotiated";

/// What a report has to say about how the load was made.
pub fn facts(model: &dyn LoadModel, job: &Job, recorder: &Recorder) -> BTreeMap<String, String> {
    // How many there were in all is a figure of its own.
    let again = if recorder.dials.count > 0 { " at a time, dialled anew" } else { "" };
    let negotiated = job.negotiated.get().map(|told| (NEGOTIATED.to_owned(), told.clone()));
    [
        ("driver", model.name().to_owned()),
        ("loop", if job.profile.is_some() { "open" } else { "closed" }.to_owned()),
        ("waits", if job.spin { "spinning" } else { "sleeping" }.to_owned()),
        ("connections", format!("{}{again}", job.connections)),
        ("engine", env!("CARGO_PKG_VERSION").to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .chain(negotiated)
    .collect()
}
