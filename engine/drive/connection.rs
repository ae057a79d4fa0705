//! One connection of a client that waits for each reply, asleep or spinning.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::call::{CallError, CallSpec};
use crate::drive::clock::now_ns;
use crate::drive::job::Job;
use crate::drive::resend::Attempts;
use crate::drive::setup_error::{SetupError, SetupErrorClass};
use crate::drive::watchdog::Watchdog;
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{ReadBuffer, Socket, Stream, flush};

/// A connection whose reads and writes block until their time is up.
pub struct Connection {
    socket: Socket,
    /// The client's end of the protocol.
    pub codec: Box<dyn ClientCodec>,
    out: Outbox,
    deadline: Arc<Watchdog>,
    /// Bytes written and read so far.
    pub wire: (u64, u64),
    bytes_read: u64,
    /// The server has closed its side in order.
    closed: bool,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum NoReply {
    /// The call failed.
    CallError(CallError),
    /// Time ran out.
    Timeout,
}

impl From<CallError> for NoReply {
    fn from(fault: CallError) -> Self {
        NoReply::CallError(fault)
    }
}

impl From<NoReply> for SetupError {
    fn from(trouble: NoReply) -> Self {
        match trouble {
            NoReply::CallError(fault) => fault.into(),
            NoReply::Timeout => SetupError::new(SetupErrorClass::Timeout, "no reply came within the time-out"),
        }
    }
}

impl Connection {
    /// Dials, without the protocol's own opening; `deadline` watches no other connection meanwhile.
    ///
    /// The time-out counts from `begun` by [`now_ns`], and runs on once this has succeeded: through the opening, to the
    /// end of the call that it was dialled for.
    pub fn dial(job: &Job, deadline: &Arc<Watchdog>, begun: u64) -> Result<Self, NoReply> {
        Self::dial_with(job, job.codec(), deadline, begun)
    }

    /// The same with another client's end of the protocol than the job's.
    pub fn dial_with(
        job: &Job,
        codec: Result<Box<dyn ClientCodec>, CallError>,
        deadline: &Arc<Watchdog>,
        begun: u64,
    ) -> Result<Self, NoReply> {
        deadline.begin(begun);
        let dialled = Self::dial_by(job, codec, deadline, begun);
        if dialled.is_err() {
            deadline.end();
        }
        dialled
    }

    fn dial_by(
        job: &Job,
        codec: Result<Box<dyn ClientCodec>, CallError>,
        deadline: &Arc<Watchdog>,
        begun: u64,
    ) -> Result<Self, NoReply> {
        let spent = Duration::from_nanos(now_ns().saturating_sub(begun));
        let left = deadline.timeout().saturating_sub(spent);
        let socket = Socket::dial_within(&job.address, left, &job.sockets).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => NoReply::Timeout,
            _ => NoReply::CallError(CallError::system(format_args!("cannot dial {}", job.address), &error)),
        })?;
        if job.spin {
            let cannot = |error| CallError::system("cannot make a socket nonblocking", &error);
            socket.set_nonblocking(true).map_err(cannot)?;
        }
        let codec = codec?;
        // Last, so that no socket is watched that a failure has closed.
        deadline.watch(&socket);
        Ok(Connection {
            socket,
            codec,
            out: Outbox::new(),
            deadline: deadline.clone(),
            wire: (0, 0),
            bytes_read: 0,
            closed: false,
        })
    }

    /// Does what the protocol wants done before the first call; when a handshake had made it secure, if one did, by
    /// [`now_ns`]. The time-out counts from `begun`, and runs on once this has succeeded.
    pub fn open(&mut self, buffer: &mut ReadBuffer, begun: u64) -> Result<Option<u64>, NoReply> {
        self.deadline.begin(begun);
        let mut secured = None;
        while self.codec.open(&mut self.out) {
            if let Err(fault) = self.turns(buffer).and_then(|reply| reply.verdict) {
                // Who ran out of time found its connection shut down.
                return Err(if self.deadline.end() { NoReply::Timeout } else { NoReply::CallError(fault) });
            }
            if secured.is_none() && self.codec.is_encrypted() {
                secured = Some(now_ns());
            }
        }
        Ok(secured)
    }

    /// Makes one call, whose time-out counts from `begun` by [`now_ns`], and waits for its reply.
    pub fn call(
        &mut self,
        ask: &CallSpec,
        content: bool,
        buffer: &mut ReadBuffer,
        begun: u64,
        asked: &mut Attempts,
    ) -> Result<Reply, NoReply> {
        asked.at(self.out.end());
        self.codec.call(0, ask, content, &mut self.out);
        self.deadline.begin(begun);
        let outcome = self.turns(buffer);
        if self.deadline.end() {
            return Err(NoReply::Timeout);
        }
        outcome.map_err(|fault| match asked.was_untaken(self.taken()) {
            true => NoReply::CallError(fault.untaken()),
            false => NoReply::CallError(fault),
        })
    }

    /// How many of the bytes written the server may have taken.
    fn taken(&self) -> u64 {
        let written = self.out.written();
        if self.closed { self.socket.taken(written) } else { written }
    }

    /// No call follows at once: no time-out runs until something is begun.
    pub fn rest(&self) {
        self.deadline.end();
    }

    /// Says goodbye, where the protocol has a word for it; only to be closed after that.
    pub fn say_goodbye(&mut self) {
        self.codec.close(&mut self.out);
        // Whether it arrives is nobody's concern.
        let _ = flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut self.wire.0);
    }

    /// After the goodbye: reads and counts what the server still says until it closes, where clients of the protocol wait
    /// for that, for as long as a call may last.
    pub fn await_close(&mut self, buffer: &mut ReadBuffer) {
        if !self.codec.awaits_close() {
            return;
        }
        self.deadline.begin(now_ns());
        loop {
            match self.socket.read(buffer.after(self.bytes_read)) {
                Ok(0) => break,
                Ok(n) => {
                    self.wire.1 += n as u64;
                    self.bytes_read += n as u64;
                }
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(_) => break,
            }
        }
        self.deadline.end();
    }

    /// Writes what is to be said and waits for the reply.
    fn turns(&mut self, buffer: &mut ReadBuffer) -> Result<Reply, CallError> {
        let broken = |error: std::io::Error| CallError::connect(error.to_string());
        loop {
            match flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut self.wire.0) {
                Ok(_) => {}
                // The server may have answered before it closed; the answer says more than the broken pipe.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.out.give_up(),
                Err(error) => return Err(broken(error)),
            }
            let room = buffer.after(self.bytes_read);
            let n = match self.socket.read(room) {
                Ok(0) => {
                    self.closed = true;
                    return self.codec.hung_up();
                }
                Ok(n) => n,
                // Only who spins is told that nothing has come yet.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => continue,
                Err(error) => return Err(broken(error)),
            };
            self.wire.1 += n as u64;
            self.bytes_read += n as u64;
            let mut input = &room[..n];
            let reply = self.codec.receive(&mut input, &mut self.out)?;
            if self.codec.quick_ack() {
                self.socket.quick_ack();
            }
            if let Some(reply) = reply {
                take_rest(&mut *self.codec, input, &mut self.out)?;
                return Ok(reply);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.deadline.forget(&self.socket);
    }
}

/// Gives the codec what came behind a reply: a protocol may have more to say (rpyc lets go of objects), but no second reply.
pub fn take_rest(codec: &mut dyn ClientCodec, mut input: &[u8], out: &mut Outbox) -> Result<(), CallError> {
    while !input.is_empty() {
        if codec.receive(&mut input, out)?.is_some() {
            return Err(CallError::protocol("a reply came that nobody asked for"));
        }
    }
    Ok(())
}

/// Makes sure that the server is the one that was launched, on a connection of its own.
///
/// Returns whether connections can carry more than one call.
pub fn verify_identity(job: &Job) -> Result<bool, SetupError> {
    let mut buffer = ReadBuffer::default();
    let deadline = Arc::new(job.deadline()?);
    let begun = now_ns();
    let mut connection = Connection::dial(job, &deadline, begun)?;
    connection.open(&mut buffer, begun)?;
    if let Some(told) = connection.codec.negotiated() {
        // The first to tell is the only one.
        let _ = job.negotiated.set(told);
    }
    let Some(ask) = identity_call(job) else {
        connection.rest();
        connection.say_goodbye();
        return Ok(job.keeps_alive());
    };
    let outcome = connection.call(&ask, true, &mut buffer, now_ns(), &mut Attempts::default());
    let reusable = check_identity(job, outcome)?;
    connection.say_goodbye();
    Ok(reusable)
}

/// The call by which a server proves that it is the one that was launched; none where it answers only the user's own
/// calls, and whoever launched it has to know it by its socket.
pub fn identity_call(job: &Job) -> Option<CallSpec> {
    match (&job.nonce, job.calls.call(0, 0).ask) {
        (Some(_), _) => Some(CallSpec::Nonce),
        (None, CallSpec::Own(_)) => None,
        (None, _) if job.own => None,
        (None, _) => Some(CallSpec::Ping),
    }
}

/// What the outcome of that call says; whether connections can carry more than one call.
pub fn check_identity(job: &Job, outcome: Result<Reply, NoReply>) -> Result<bool, SetupError> {
    let stranger = |why: String| {
        SetupError::new(
            SetupErrorClass::Nonce,
            format!("the server on {} is not the one that was launched: {why}", job.address),
        )
    };
    let reply = match outcome {
        Ok(reply) => reply,
        Err(NoReply::CallError(fault)) if job.nonce.is_some() => return Err(stranger(fault.to_string())),
        Err(trouble) => return Err(trouble.into()),
    };
    let reusable = reply.reusable;
    match (&job.nonce, reply) {
        (_, Reply { verdict: Err(fault), .. }) if job.nonce.is_none() => return Err(fault.into()),
        (Some(_), Reply { verdict: Err(fault), .. }) => return Err(stranger(fault.to_string())),
        (Some(nonce), Reply { nonce: Some(answer), .. }) if *nonce == answer => {}
        (Some(_), _) => return Err(stranger("it does not know the token".into())),
        (None, _) => {}
    }
    Ok(reusable)
}
