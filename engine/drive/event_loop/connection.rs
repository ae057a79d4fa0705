//! One nonblocking connection, which carries the calls of its streams.

use std::io::ErrorKind;

use crate::call::CallError;
use crate::drive::job::Job;
use crate::drive::network::Network;
use crate::drive::setup_error::SetupError;
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{READ, ReadBuffer, Stream, flush};

/// A connection, or room for one.
pub(super) struct Connection<S> {
    /// The connection, where there is one.
    pub(super) socket: Option<S>,
    /// The client's end of its protocol.
    pub(super) codec: Box<dyn ClientCodec>,
    /// What is still to be written.
    pub(super) out: Outbox,
    /// Bytes written and read since they were last taken.
    pub(super) wire: (u64, u64),
    bytes_read: u64,
    /// Which connection of the job it is, or was: those that are retired keep their number.
    pub(super) number: usize,
    /// Another connection has its number for new calls; those that are on this one end here.
    pub(super) retired: bool,
    /// How often it was dialled: tells events of it from those of the one before.
    pub(super) generation: u32,
    /// When it was dialled.
    pub(super) dialling: u64,
    /// The server has closed its side in order.
    closed: bool,
    /// How far the connection is, where there is one.
    pub(super) stage: Stage,
    /// When the kernel had connected, in nanoseconds.
    pub(super) dialled: u64,
    /// When a handshake had made it secure, if one did.
    pub(super) secured: Option<u64>,
    /// It is known to have failed, and the calls on it will fail.
    pub(super) broken: bool,
    /// Calls that are begun are not written one by one.
    pub(super) held: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The kernel is connecting.
    Dialling,
    /// The protocol's own opening is under way.
    Opening,
    /// Calls can be made.
    Open,
}

impl<S: Stream> Connection<S> {
    /// Room for the connection of that number.
    pub(super) fn new(job: &Job, number: usize) -> Result<Self, CallError> {
        Ok(Connection {
            socket: None,
            codec: job.codec()?,
            out: Outbox::new(),
            wire: (0, 0),
            bytes_read: 0,
            number,
            retired: false,
            generation: 0,
            dialling: 0,
            closed: false,
            stage: Stage::Dialling,
            dialled: 0,
            secured: None,
            broken: false,
            held: false,
        })
    }

    /// Begins to dial on `network`; what is told of it comes with its generation, and `index` in the lower half.
    pub(super) fn dial<N: Network<Socket = S>>(
        &mut self,
        job: &Job,
        network: &mut N,
        index: usize,
        now: u64,
    ) -> Result<(), CallError> {
        // Also where it fails: whoever waits for it waits for a dial.
        (self.stage, self.dialling) = (Stage::Dialling, now);
        let codec = job.codec()?;
        let generation = self.generation.wrapping_add(1);
        let socket = network
            .dial(&job.address, &job.sockets, u64::from(generation) << 32 | index as u64)
            .map_err(|error| CallError::system(format_args!("cannot dial {}", job.address), &error))?;
        self.codec = codec;
        self.out.clear();
        (self.bytes_read, self.closed) = (0, false);
        self.generation = generation;
        self.socket = Some(socket);
        Ok(())
    }

    /// How many of the bytes written the server may have taken.
    pub(super) fn taken(&self) -> u64 {
        let written = self.out.written();
        match &self.socket {
            Some(socket) if self.closed => socket.taken(written),
            _ => written,
        }
    }

    /// Begins the next stage of the protocol's own opening, or is open once there is none.
    pub(super) fn open(&mut self) {
        self.stage = if self.codec.open(&mut self.out) { Stage::Opening } else { Stage::Open };
    }

    /// The dial is over; a fault where it failed.
    pub(super) fn check_dial(&mut self) -> Result<(), CallError> {
        let error = match &self.socket {
            Some(socket) => socket.take_error(),
            None => Ok(None),
        };
        match error {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(CallError::system("cannot dial", &error)),
        }
    }

    /// Writes as much as the socket takes.
    pub(super) fn write(&mut self) -> Result<(), CallError> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        match flush(socket, &mut self.out, &mut *self.codec, &mut self.wire.0) {
            Ok(_) => Ok(()),
            // The server may have answered before it closed; the answer says more than the broken pipe.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.out.give_up();
                Ok(())
            }
            Err(error) => Err(CallError::connect(error.to_string())),
        }
    }

    /// Reads what the socket has and adds the replies that are complete.
    ///
    /// With one stream it stops at a reply, behind which nothing more may come; with several it reads on, to the end where
    /// the server has `hung_up`. `busy` says whether a reply is awaited at all.
    pub(super) fn read(
        &mut self,
        busy: bool,
        hung_up: bool,
        buffer: &mut ReadBuffer,
        replies: &mut Vec<Reply>,
    ) -> Result<(), CallError> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        let single = self.codec.max_in_flight() == 1;
        loop {
            let room = buffer.after(self.bytes_read);
            let n = match socket.read(room) {
                Ok(0) if !busy => return Err(CallError::connect("the server closed the connection")),
                Ok(0) => {
                    self.closed = true;
                    replies.push(self.codec.hung_up()?);
                    return Ok(());
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(CallError::connect(error.to_string())),
            };
            self.wire.1 += n as u64;
            self.bytes_read += n as u64;
            let mut input = &room[..n];
            while let Some(reply) = self.codec.receive(&mut input, &mut self.out)? {
                if single && !replies.is_empty() {
                    return Err(CallError::protocol("a reply came that nobody asked for"));
                }
                replies.push(reply);
                if single && input.is_empty() {
                    break;
                }
            }
            if self.codec.quick_ack() {
                socket.quick_ack();
            }
            if single && !replies.is_empty() {
                return Ok(());
            }
            if !self.out.is_empty() {
                flush(socket, &mut self.out, &mut *self.codec, &mut self.wire.0)
                    .map_err(|error| CallError::connect(error.to_string()))?;
            }
            // A short read drained the socket; epoll is edge-triggered and will report new bytes.
            if n < READ && !hung_up {
                return Ok(());
            }
        }
    }

    /// Says goodbye where the protocol has a word for it; nobody waits for it.
    pub(super) fn say_goodbye(&mut self) {
        self.codec.close(&mut self.out);
        let _ = self.write();
    }

    /// After the goodbye: reads and counts what the server still says; true once it has closed.
    pub(super) fn closes(&mut self, buffer: &mut ReadBuffer) -> bool {
        if self.write().is_err() {
            return true;
        }
        let Some(socket) = &mut self.socket else { return true };
        loop {
            match socket.read(buffer.after(self.bytes_read)) {
                Ok(0) => return true,
                Ok(n) => {
                    self.wire.1 += n as u64;
                    self.bytes_read += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
    }

    /// True once the reply that this stage of the opening awaits is complete.
    pub(super) fn greeted(&mut self, buffer: &mut ReadBuffer) -> Result<bool, SetupError> {
        let mut replies = Vec::new();
        self.read(true, false, buffer, &mut replies)?;
        match replies.pop() {
            None => Ok(false),
            Some(reply) => reply.verdict.map(|()| true).map_err(SetupError::from),
        }
    }
}
