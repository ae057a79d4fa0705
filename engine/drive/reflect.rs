//! Asks a server of gRPC to describe itself, before any call is made and outside all counts.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::call::own::grpc::{Descriptors, Proto};
use crate::call::{CallSpec, Own};
use crate::drive::clock::now_ns;
use crate::drive::connection::Connection;
use crate::drive::job::Job;
use crate::drive::messages::Assignment;
use crate::drive::resend::Attempts;
use crate::drive::setup_error::SetupError;
use crate::transport::grpc::reflection::{Line, Reflection, ReflectionError};
use crate::transport::socket::ReadBuffer;

/// How long after a failure it is asked again, where it may yet become ready.
const PAUSE: Duration = Duration::from_millis(10);

/// Why there is no description.
enum Undescribed {
    /// The server cannot be asked, as things are.
    Unasked(SetupError),
    /// It was asked, and what it says is of no use.
    Useless(ReflectionError),
}

impl From<Undescribed> for SetupError {
    fn from(why: Undescribed) -> Self {
        match why {
            Undescribed::Unasked(error) => error,
            Undescribed::Useless(error) => SetupError::assignment(error.to_string()),
        }
    }
}

/// The assignment with what its server says of itself, where that is wanted; else as it was.
///
/// Where a call says when the server is ready, it is asked for as long as that may take.
pub fn described(assignment: Assignment) -> Result<Assignment, SetupError> {
    let services: Vec<&str> =
        assignment.end.calls.iter().filter_map(|call| Some(call.grpc.as_ref()?.service.as_str())).collect();
    if assignment.end.proto != Some(Proto::Reflection) || services.is_empty() {
        return Ok(assignment);
    }
    let within = assignment.end.ready.as_ref().map_or(Duration::ZERO, |ready| ready.within);
    let (job, begun) = (Job::of(&assignment)?, Instant::now());
    let descriptors = loop {
        match ask(&job, &services) {
            Ok(descriptors) => break descriptors,
            Err(Undescribed::Unasked(_)) if begun.elapsed() < within => sleep(PAUSE),
            Err(why) => return Err(why.into()),
        }
    };
    let mut described = assignment.clone();
    described.end.proto = Some(Proto::Files { names: Vec::new(), descriptors });
    Ok(described)
}

/// What the server says of these services, by a connection of its own.
fn ask(job: &Job, services: &[&str]) -> Result<Descriptors, Undescribed> {
    let unasked = |why: SetupError| Undescribed::Unasked(why);
    let (line, mut buffer) = (Line::default(), ReadBuffer::default());
    let deadline = Arc::new(job.deadline().map_err(unasked)?);
    let begun = now_ns();
    let connection = Connection::dial_with(job, job.reflecting(&line), &deadline, begun);
    let mut connection = connection.map_err(|why| unasked(why.into()))?;
    connection.open(&mut buffer, begun).map_err(|why| unasked(why.into()))?;
    let mut reflection = Reflection::of(services.iter().copied());
    // Whichever it is: this end asks what is on the line.
    let ask = CallSpec::Own(Own { call: 0, client: 0, number: 0 });
    while let Some(question) = reflection.next() {
        line.put(question);
        let reply = connection.call(&ask, false, &mut buffer, now_ns(), &mut Attempts::default());
        let reply = reply.map_err(|why| unasked(why.into()))?;
        reply.verdict.map_err(|fault| unasked(fault.into()))?;
        let answer = line.answer();
        reflection.take(answer.as_deref().map_err(|code| *code)).map_err(Undescribed::Useless)?;
    }
    connection.rest();
    connection.say_goodbye();
    reflection.finish().map_err(Undescribed::Useless)
}
