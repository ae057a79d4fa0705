//! One connection served from its first byte to its last: blocking, call by call, or as a task.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::unix::AsyncFd;
use tokio::task::JoinSet;

use crate::call::{CallRequest, CallResponse};
use crate::server::acceptor::watch;
use crate::server::contract::Host;
use crate::server::injected_fault::Executed;
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{READ, ReadBuffer, Socket, flush};

/// A connection, and where it stands between two calls.
pub struct Connection {
    socket: Socket,
    codec: Box<dyn ServerCodec>,
    out: Outbox,
    heard: u64,
}

impl Connection {
    /// The beginning of one.
    pub fn new(socket: Socket, host: &Host) -> Self {
        Connection { socket, codec: host.codec(), out: Outbox::new(), heard: 0 }
    }

    /// The socket that it is held over.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Reads until a call has been answered, on a nonblocking socket at most until nothing more has come.
    ///
    /// The calling thread executes the call, and waits until its answer is written. False once it is over.
    pub fn serve_one(&mut self, host: &Host, buffer: &mut ReadBuffer) -> io::Result<bool> {
        loop {
            let room = buffer.after(self.heard);
            let n = match self.socket.read(room) {
                Ok(0) => return Ok(false),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            self.heard += n as u64;
            let (mut input, mut answered) = (&room[..n], false);
            loop {
                let next = match self.codec.receive(&mut input, &mut self.out) {
                    Ok(Step::Read) => break,
                    Ok(Step::Write) => {
                        self.flush()?;
                        Next::Continue
                    }
                    Ok(Step::Close) | Err(_) => Next::Close,
                    Ok(Step::Execute { call, asked }) => {
                        self.flush()?;
                        answered = true;
                        self.codec.answer(call, host.service.execute_blocking(asked), &mut self.out)
                    }
                };
                if next == Next::Close {
                    self.flush()?;
                    return Ok(false);
                }
            }
            self.flush()?;
            if answered {
                return Ok(true);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut 0)? {
            match poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({:?})", self.socket)
    }
}

/// Serves a connection on the calling thread until either side closes it.
pub fn serve_connection(socket: Socket, host: &Host) -> io::Result<()> {
    let (mut connection, mut buffer) = (Connection::new(socket, host), ReadBuffer::new()?);
    while connection.serve_one(host, &mut buffer)? {}
    Ok(())
}

thread_local! {
    /// What all tasks of a thread read into: one has given all of it to its codec, or kept a copy, before another reads.
    static SHARED: RefCell<ReadBuffer> = RefCell::default();
}

/// A connection that is served as a task, and where it stands whenever it waits.
struct Task {
    socket: AsyncFd<Socket>,
    codec: Box<dyn ServerCodec>,
    out: Outbox,
    heard: u64,
    /// True where an edge will tell what comes next.
    drained: bool,
    /// A call that is executed once what was said before it is written.
    due: Option<(u64, CallRequest)>,
    /// Bytes that came behind a call that waits, and how many of them the codec has taken.
    rest: (Vec<u8>, usize),
    /// Calls that wait while others on the same connection go on.
    waiting: JoinSet<(u64, CallResponse)>,
    /// True once the connection is over when all is written.
    closing: bool,
}

/// What a task waits for.
enum Awaits {
    /// Bytes, or the end of a call that waits beside others.
    Bytes,
    /// Room to write.
    Room,
    /// The end of a call's pause.
    Pause(u64, CallResponse, Duration),
    /// Nothing: the connection is over.
    End,
}

impl Task {
    /// Reads, executes and writes for as long as nothing has to be waited for.
    fn advance(&mut self, host: &Host) -> io::Result<Awaits> {
        let (rest, taken) = mem::take(&mut self.rest);
        let mut input = &rest[taken..];
        let awaits = self.hear(host, &mut input)?;
        if !input.is_empty() {
            let taken = rest.len() - input.len();
            self.rest = (rest, taken);
        }
        if !matches!(awaits, Awaits::Bytes) {
            return Ok(awaits);
        }
        SHARED.with_borrow_mut(|buffer| self.read(host, buffer))
    }

    fn read(&mut self, host: &Host, buffer: &mut ReadBuffer) -> io::Result<Awaits> {
        while !self.drained {
            let room = buffer.after(self.heard);
            let n = match self.socket.get_mut().read(room) {
                Ok(0) => return Ok(Awaits::End),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            // What comes after a read that was not filled is told by an edge of its own, and the end stays told.
            self.drained = n < READ;
            self.heard += n as u64;
            let mut input = &room[..n];
            let awaits = self.hear(host, &mut input)?;
            if !matches!(awaits, Awaits::Bytes) {
                self.rest = (input.to_vec(), 0);
                return Ok(awaits);
            }
        }
        Ok(Awaits::Bytes)
    }

    /// Gives the codec what has come, and executes what that asks; computing takes the thread.
    fn hear(&mut self, host: &Host, input: &mut &[u8]) -> io::Result<Awaits> {
        loop {
            if let Some((call, asked)) = self.due.take() {
                let Executed { answer, pause } = host.service.execute(asked);
                if pause.is_zero() {
                    self.answer(call, answer);
                } else if self.codec.overlaps() {
                    self.waiting.spawn(async move {
                        tokio::time::sleep(pause).await;
                        (call, answer)
                    });
                } else {
                    return Ok(Awaits::Pause(call, answer, pause));
                }
            }
            let mut more = false;
            if !self.closing {
                match self.codec.receive(input, &mut self.out) {
                    Ok(Step::Read) => {}
                    Ok(Step::Write) => more = true,
                    Ok(Step::Close) | Err(_) => self.closing = true,
                    Ok(Step::Execute { call, asked }) => self.due = Some((call, asked)),
                }
            }
            if !flush(self.socket.get_mut(), &mut self.out, &mut *self.codec, &mut 0)? {
                return Ok(Awaits::Room);
            }
            if self.closing {
                return Ok(Awaits::End);
            }
            if self.due.is_none() && !more {
                return Ok(Awaits::Bytes);
            }
        }
    }

    fn answer(&mut self, call: u64, answer: CallResponse) {
        self.closing |= self.codec.answer(call, answer, &mut self.out) == Next::Close;
    }
}

/// Serves a connection as a task; computing takes the runtime's thread, waiting does not.
pub async fn serve_as_task(socket: Socket, host: Host) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut task = Task {
        socket: watch(socket)?,
        codec: host.codec(),
        out: Outbox::new(),
        heard: 0,
        drained: false,
        due: None,
        rest: Default::default(),
        waiting: JoinSet::new(),
        closing: false,
    };
    loop {
        match task.advance(&host)? {
            Awaits::End => return Ok(()),
            Awaits::Room => task.socket.writable().await?.clear_ready(),
            Awaits::Pause(call, answer, pause) => {
                tokio::time::sleep(pause).await;
                task.answer(call, answer);
            }
            Awaits::Bytes => tokio::select! {
                ready = task.socket.readable() => {
                    ready?.clear_ready();
                    task.drained = false;
                }
                Some(Ok((call, answer))) = task.waiting.join_next(), if !task.waiting.is_empty() => {
                    task.answer(call, answer);
                }
            },
        }
    }
}
