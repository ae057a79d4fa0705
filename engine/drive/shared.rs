//! One nonblocking connection, which carries the calls of its lines.

use std::io::{ErrorKind, Read};

use crate::call::Fault;
use crate::drive::job::{Failed, Job};
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{READ, ReadBuffer, Socket, flush};

/// A place for a connection.
pub struct Shared {
    /// The connection, where there is one.
    pub socket: Option<Socket>,
    /// The client's end of its protocol.
    pub codec: Box<dyn ClientCodec>,
    /// What is still to be written.
    pub out: Outbox,
    /// Bytes written and read since they were last taken.
    pub wire: (u64, u64),
    heard: u64,
    /// Which of the places that calls have it belongs to.
    pub place: usize,
    /// Its place has another connection for new calls; those that are on this one end here.
    pub retired: bool,
    /// How often it was dialled: tells what the kernel says of it from what it said of the one before.
    pub generation: u32,
    /// When it was dialled.
    pub dialling: u64,
    /// The server has closed its side in order.
    closed: bool,
    /// How far the connection is, where there is one.
    pub stage: Stage,
    /// When the kernel had connected, in nanoseconds.
    pub dialled: u64,
    /// When a handshake had made it secure, if one did.
    pub secured: Option<u64>,
    /// It is known to have failed, and the calls on its lines will be told.
    pub broken: bool,
    /// Calls that are begun are not written one by one.
    pub held: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The kernel is connecting.
    Dialling,
    /// The protocol's own opening is under way.
    Opening,
    /// Calls can be made.
    Open,
}

impl Shared {
    /// No connection yet, for calls of that place.
    pub fn new(job: &Job, place: usize) -> Result<Self, Fault> {
        Ok(Shared {
            socket: None,
            codec: job.codec()?,
            out: Outbox::new(),
            wire: (0, 0),
            heard: 0,
            place,
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

    /// Begins to dial.
    pub fn dial(&mut self, job: &Job, now: u64) -> Result<&Socket, Fault> {
        // Also where it fails: whoever waits for it waits for a dial.
        (self.stage, self.dialling) = (Stage::Dialling, now);
        let codec = job.codec()?;
        let socket = Socket::begin_dial(&job.address, &job.sockets)
            .map_err(|error| Fault::system(format_args!("cannot dial {}", job.address), &error))?;
        self.codec = codec;
        self.out.clear();
        (self.heard, self.closed) = (0, false);
        self.generation = self.generation.wrapping_add(1);
        Ok(self.socket.insert(socket))
    }

    /// How many of the bytes written the server may have taken.
    pub fn taken(&self) -> u64 {
        let written = self.out.written();
        match &self.socket {
            Some(socket) if self.closed => socket.taken(written),
            _ => written,
        }
    }

    /// Begins the next stage of the protocol's own opening, or is open once there is none.
    pub fn open(&mut self) {
        self.stage = if self.codec.open(&mut self.out) { Stage::Opening } else { Stage::Open };
    }

    /// The dial is over; a fault where it failed.
    pub fn check_dial(&mut self) -> Result<(), Fault> {
        let error = match &self.socket {
            Some(socket) => socket.take_error(),
            None => Ok(None),
        };
        match error {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(Fault::system("cannot dial", &error)),
        }
    }

    /// Writes as much as the socket takes.
    pub fn write(&mut self) -> Result<(), Fault> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        match flush(socket, &mut self.out, &mut *self.codec, &mut self.wire.0) {
            Ok(_) => Ok(()),
            // The server may have answered before it closed; the answer says more than the broken pipe.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.out.give_up();
                Ok(())
            }
            Err(error) => Err(Fault::connect(error.to_string())),
        }
    }

    /// Reads what the socket has and adds the replies that are complete.
    ///
    /// With one line it stops at a reply, behind which nothing more may come; with several it reads on, to the end where
    /// the server has `hung_up`. `busy` says whether a reply is awaited at all.
    pub fn read(
        &mut self,
        busy: bool,
        hung_up: bool,
        buffer: &mut ReadBuffer,
        replies: &mut Vec<Reply>,
    ) -> Result<(), Fault> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        let single = self.codec.lines() == 1;
        loop {
            let room = buffer.after(self.heard);
            let n = match socket.read(room) {
                Ok(0) if !busy => return Err(Fault::connect("the server closed the connection")),
                Ok(0) => {
                    self.closed = true;
                    replies.push(self.codec.hung_up()?);
                    return Ok(());
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Fault::connect(error.to_string())),
            };
            self.wire.1 += n as u64;
            self.heard += n as u64;
            let mut input = &room[..n];
            while let Some(reply) = self.codec.receive(&mut input, &mut self.out)? {
                if single && !replies.is_empty() {
                    return Err(Fault::protocol("a reply came that nobody asked for"));
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
                    .map_err(|error| Fault::connect(error.to_string()))?;
            }
            // What comes after a read that was not filled is told by an edge of its own.
            if n < READ && !hung_up {
                return Ok(());
            }
        }
    }

    /// Says goodbye where the protocol has a word for it; nobody waits for it.
    pub fn say_goodbye(&mut self) {
        self.codec.close(&mut self.out);
        let _ = self.write();
    }

    /// After the goodbye: reads and counts what the server still says; true once it has closed.
    pub fn closes(&mut self, buffer: &mut ReadBuffer) -> bool {
        if self.write().is_err() {
            return true;
        }
        let Some(socket) = &mut self.socket else { return true };
        loop {
            match socket.read(buffer.after(self.heard)) {
                Ok(0) => return true,
                Ok(n) => {
                    self.wire.1 += n as u64;
                    self.heard += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
    }

    /// True once the reply that this stage of the opening awaits is complete.
    pub fn greeted(&mut self, buffer: &mut ReadBuffer) -> Result<bool, Failed> {
        let mut replies = Vec::new();
        self.read(true, false, buffer, &mut replies)?;
        match replies.pop() {
            None => Ok(false),
            Some(reply) => reply.verdict.map(|()| true).map_err(Failed::from),
        }
    }
}
