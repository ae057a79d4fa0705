//! One blocking connection of a client, with the time each step took.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::call::{Ask, Fault};
use crate::drive::job::{Failed, Job};
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{Socket, flush};

/// How much is read at a time.
pub const READ: usize = 256 * 1024;

/// A connection whose reads and writes block until their time is up.
pub struct Connection {
    socket: Socket,
    /// The client's end of the protocol.
    pub codec: Box<dyn ClientCodec>,
    out: Outbox,
    timeout: Duration,
    /// How long the socket waits now.
    patience: Duration,
    /// Bytes written and read so far.
    pub wire: (u64, u64),
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Trouble {
    /// The call failed.
    Fault(Fault),
    /// Time ran out.
    Timeout,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Fault(fault)
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Fault(fault) => fault.into(),
            Trouble::Timeout => Failed::new("timeout", "no reply came within the time-out"),
        }
    }
}

impl Connection {
    /// Dials, without the protocol's own opening.
    pub fn dial(job: &Job) -> Result<Self, Trouble> {
        let socket =
            Socket::dial_within(&job.address, job.timeout, &job.sockets).map_err(|error| match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => Trouble::Timeout,
                _ => Trouble::Fault(Fault::connect(format!("cannot dial {}: {error}", job.address))),
            })?;
        let mut connection = Connection {
            socket,
            codec: job.codec()?,
            out: Outbox::new(),
            timeout: job.timeout,
            patience: Duration::ZERO,
            wire: (0, 0),
        };
        connection.be_patient(job.timeout)?;
        Ok(connection)
    }

    /// Does what the protocol wants done before the first call; when a handshake had made it secure, if one did.
    pub fn open(&mut self, buffer: &mut [u8]) -> Result<Option<Instant>, Trouble> {
        let mut secured = None;
        while self.codec.open(&mut self.out) {
            self.finish(buffer, Instant::now())?.verdict?;
            if secured.is_none() && self.codec.secured() {
                secured = Some(Instant::now());
            }
        }
        Ok(secured)
    }

    /// Makes one call, which counts as sent at `sent`, and waits for its reply.
    pub fn call(&mut self, ask: &Ask, content: bool, buffer: &mut [u8], sent: Instant) -> Result<Reply, Trouble> {
        self.codec.call(0, ask, content, &mut self.out);
        self.finish(buffer, sent)
    }

    /// Says goodbye and closes.
    pub fn close(mut self) {
        self.codec.close(&mut self.out);
        // Nobody waits for a goodbye.
        let _ = flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut self.wire.0);
    }

    fn finish(&mut self, buffer: &mut [u8], sent: Instant) -> Result<Reply, Trouble> {
        let broken = |error: std::io::Error| Trouble::Fault(Fault::connect(error.to_string()));
        let mut pieces = 0;
        loop {
            match flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut self.wire.0) {
                Ok(true) => {}
                Ok(false) => return Err(Trouble::Timeout),
                // The server may have answered before it closed; the answer says more than the broken pipe.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.out.clear(),
                Err(error) => return Err(broken(error)),
            }
            let n = match self.socket.read(buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(Trouble::Timeout),
                Err(error) => return Err(broken(error)),
            };
            if n == 0 {
                return self.codec.hung_up().map_err(Trouble::Fault);
            }
            self.wire.1 += n as u64;
            let mut input = &buffer[..n];
            let reply = self.codec.receive(&mut input, &mut self.out)?;
            if self.codec.quick_ack() {
                self.socket.quick_ack();
            }
            if let Some(reply) = reply {
                take_rest(&mut *self.codec, input, &mut self.out)?;
                if self.patience < self.timeout {
                    self.be_patient(self.timeout)?;
                }
                return Ok(reply);
            }
            // A reply in many pieces must not be granted the whole time-out for each of them; the clock is not worth
            // reading for the first, after which rpyc's calls have one more turn.
            pieces += 1;
            if pieces == 1 {
                continue;
            }
            let Some(left) = self.timeout.checked_sub(sent.elapsed()).filter(|left| !left.is_zero()) else {
                return Err(Trouble::Timeout);
            };
            if self.patience.saturating_sub(left) > Duration::from_millis(10) {
                self.be_patient(left)?;
            }
        }
    }

    fn be_patient(&mut self, time: Duration) -> Result<(), Trouble> {
        let value = TimeVal::from(nix::libc::timeval {
            tv_sec: time.as_secs() as _,
            tv_usec: time.subsec_micros().max(u32::from(time.as_secs() == 0)) as _,
        });
        let fd = self.socket.as_fd();
        setsockopt(&fd, sockopt::ReceiveTimeout, &value)
            .and_then(|()| setsockopt(&fd, sockopt::SendTimeout, &value))
            .map_err(|error| Trouble::Fault(Fault::connect(format!("cannot set a time-out: {error}"))))?;
        self.patience = time;
        Ok(())
    }
}

/// Gives the codec what came behind a reply: a protocol may have more to say (rpyc lets go of objects), but no second reply.
pub fn take_rest(codec: &mut dyn ClientCodec, mut input: &[u8], out: &mut Outbox) -> Result<(), Fault> {
    while !input.is_empty() {
        if codec.receive(&mut input, out)?.is_some() {
            return Err(Fault::protocol("a reply came that nobody asked for"));
        }
    }
    Ok(())
}

/// Makes sure that the server is the one that was launched, on a connection of its own.
///
/// Returns whether connections can carry more than one call.
pub fn prove(job: &Job) -> Result<bool, Failed> {
    let mut buffer = vec![0; READ];
    let mut connection = Connection::dial(job)?;
    connection.open(&mut buffer)?;
    let outcome = connection.call(&proof(job), true, &mut buffer, Instant::now());
    let reusable = proven(job, outcome)?;
    connection.close();
    Ok(reusable)
}

/// The call by which a server proves that it is the one that was launched.
pub fn proof(job: &Job) -> Ask {
    if job.nonce.is_some() { Ask::Nonce } else { Ask::Ping }
}

/// What the outcome of that call says; whether connections can carry more than one call.
pub fn proven(job: &Job, outcome: Result<Reply, Trouble>) -> Result<bool, Failed> {
    let stranger = |why: String| {
        Failed::new("nonce", format!("the server on {} is not the one that was launched: {why}", job.address))
    };
    let reply = match outcome {
        Ok(reply) => reply,
        Err(Trouble::Fault(fault)) if job.nonce.is_some() => return Err(stranger(fault.to_string())),
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
