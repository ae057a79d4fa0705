//! One connection served from its first byte to its last: blocking, call by call, or as a task.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::unix::AsyncFd;
use tokio::task::JoinSet;

use crate::call::Answer;
use crate::server::contract::Host;
use crate::server::service::Executed;
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{READ, ReadBuffer, Socket, flush};

/// A connection, and where it stands between two calls.
pub struct Conversation {
    socket: Socket,
    codec: Box<dyn ServerCodec>,
    out: Outbox,
    heard: u64,
}

impl Conversation {
    /// The beginning of one.
    pub fn new(socket: Socket, host: &Host) -> Self {
        Conversation { socket, codec: host.codec(), out: Outbox::new(), heard: 0 }
    }

    /// The socket that it is held over.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Reads until a call has been answered, on a nonblocking socket at most until nothing more has come.
    ///
    /// The calling thread executes the call, and waits until its answer is written. False once it is over.
    pub fn turn(&mut self, host: &Host, buffer: &mut ReadBuffer) -> io::Result<bool> {
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

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({:?})", self.socket)
    }
}

/// Serves a connection on the calling thread until either side closes it.
pub fn converse(socket: Socket, host: &Host) -> io::Result<()> {
    let (mut conversation, mut buffer) = (Conversation::new(socket, host), ReadBuffer::default());
    while conversation.turn(host, &mut buffer)? {}
    Ok(())
}

/// Serves a connection as a task; computing takes the runtime's thread, waiting does not.
pub async fn converse_as_task(socket: Socket, host: Host) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut socket = watch(socket)?;
    let (mut codec, mut out) = (host.codec(), Outbox::new());
    // Calls that wait while others on the same connection go on.
    let mut waiting: JoinSet<(u64, Answer)> = JoinSet::new();
    let (mut buffer, mut heard) = (ReadBuffer::default(), 0);
    let mut drained = false;
    loop {
        if drained {
            tokio::select! {
                ready = socket.readable() => ready?.clear_ready(),
                Some(Ok((call, answer))) = waiting.join_next(), if !waiting.is_empty() => {
                    let next = codec.answer(call, answer, &mut out);
                    flush_as_task(&mut socket, &mut out, &mut *codec).await?;
                    if next == Next::Close {
                        return Ok(());
                    }
                    continue;
                }
            }
        }
        let room = buffer.after(heard);
        let n = match socket.get_mut().read(room) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drained = true;
                continue;
            }
            Err(error) => return Err(error),
        };
        // What comes after a read that was not filled is told by an edge of its own, and the end stays told.
        drained = n < READ;
        heard += n as u64;
        let mut input = &room[..n];
        loop {
            let next = match codec.receive(&mut input, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Close) | Err(_) => Next::Close,
                Ok(Step::Execute { call, asked }) => {
                    flush_as_task(&mut socket, &mut out, &mut *codec).await?;
                    let Executed { answer, pause } = host.service.execute(asked);
                    if pause.is_zero() {
                        codec.answer(call, answer, &mut out)
                    } else if codec.overlaps() {
                        waiting.spawn(async move {
                            tokio::time::sleep(pause).await;
                            (call, answer)
                        });
                        Next::Continue
                    } else {
                        tokio::time::sleep(pause).await;
                        codec.answer(call, answer, &mut out)
                    }
                }
            };
            if next == Next::Close {
                return flush_as_task(&mut socket, &mut out, &mut *codec).await;
            }
        }
        flush_as_task(&mut socket, &mut out, &mut *codec).await?;
    }
}

/// Lets tasks wait for a descriptor of ours: a socket, a listener or stdin.
pub fn watch<T: AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: sockets, listeners and stdin keep one descriptor for as long as they live, and AsyncFd owns them.
    unsafe { AsyncFd::register(owner) }.map_err(io::Error::from)
}

async fn flush_as_task(socket: &mut AsyncFd<Socket>, out: &mut Outbox, codec: &mut dyn ServerCodec) -> io::Result<()> {
    while !flush(socket.get_mut(), out, codec, &mut 0)? {
        socket.writable().await?.clear_ready();
    }
    Ok(())
}
