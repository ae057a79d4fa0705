//! Whether a server of the user's own is ready: the call that its target names is asked until it is answered as expected.

use std::sync::atomic::AtomicU64;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::call::Called;
use crate::drive::job::Job;
use crate::drive::load::Callers;
use crate::drive::messages::Assignment;
use crate::drive::setup_error::{SetupError, SetupErrorClass};
use crate::key::load::Load;
use crate::units::Time;

/// How long after one answer it is asked again.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until the server of an assignment is ready; how often it was asked, which is never where no call is named.
/// `callers` makes what makes the calls of a job.
pub fn await_ready(
    assignment: &Assignment,
    callers: impl Fn(Job) -> Result<Box<dyn Callers>, SetupError>,
) -> Result<u64, SetupError> {
    let Some(ready) = &assignment.end.ready else { return Ok(0) };
    let begun = Instant::now();
    let load = Load {
        call: Called::Own(ready.call.clone()),
        seed: assignment.load.seed,
        iterations: Some(1),
        timeout: assignment.load.timeout,
        drain: assignment.load.timeout,
        ..Load::default()
    };
    let one = Assignment { end: assignment.end.clone(), load };
    for asked in 1.. {
        let Err(why) = ask(Job::of(&one)?, &callers)? else { return Ok(asked) };
        if begun.elapsed() > ready.within {
            let within = Time(ready.within);
            let what = format!("`{}` was not answered as expected within {within}: {why}", ready.call);
            return Err(SetupError::new(SetupErrorClass::Ready, what));
        }
        sleep(PAUSE);
    }
    Ok(0)
}

/// Makes the only call of a job: how it failed, where it did.
fn ask(
    job: Job,
    callers: &impl Fn(Job) -> Result<Box<dyn Callers>, SetupError>,
) -> Result<Result<(), String>, SetupError> {
    let mut caller = callers(job)?;
    if let Err(failed) = caller.arm() {
        return Ok(Err(failed.to_string()));
    }
    caller.measure(&AtomicU64::new(0));
    let measured = caller.measured();
    caller.close();
    match measured.counts.ok {
        0 => Ok(Err(measured.failures.first().cloned().unwrap_or_else(|| "no answer came in time".to_owned()))),
        _ => Ok(Ok(())),
    }
}
