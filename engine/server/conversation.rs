//! One connection served from its first byte to its last, blocking or as a task.

use std::io::{self, Read};
use std::os::fd::AsRawFd;

use tokio::io::unix::AsyncFd;

use crate::server::contract::Host;
use crate::server::service::Executed;
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{Socket, flush};

/// How much is read at a time; pages that a small connection never touches cost nothing.
const READ: usize = 256 * 1024;

/// Serves a connection on the calling thread until either side closes it.
pub fn converse(mut socket: Socket, host: &Host) -> io::Result<()> {
    let (mut codec, mut out, mut wire) = (host.codec(), Outbox::new(), 0);
    let mut buffer = vec![0; READ];
    loop {
        let n = match socket.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut input = &buffer[..n];
        loop {
            let next = match codec.receive(&mut input, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Close) | Err(_) => Next::Close,
                Ok(Step::Execute(asked)) => {
                    flush(&mut socket, &mut out, &mut *codec, &mut wire)?;
                    codec.answer(host.service.execute_blocking(asked), &mut out)
                }
            };
            if next == Next::Close {
                flush(&mut socket, &mut out, &mut *codec, &mut wire)?;
                return Ok(());
            }
        }
        flush(&mut socket, &mut out, &mut *codec, &mut wire)?;
    }
}

/// Serves a connection as a task; computing takes the runtime's thread, waiting does not.
pub async fn converse_as_task(socket: Socket, host: Host) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut socket = watch(socket)?;
    let (mut codec, mut out) = (host.codec(), Outbox::new());
    let mut buffer = vec![0; READ];
    loop {
        let n = match socket.get_mut().read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.readable().await?.clear_ready();
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut input = &buffer[..n];
        loop {
            let next = match codec.receive(&mut input, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Close) | Err(_) => Next::Close,
                Ok(Step::Execute(asked)) => {
                    flush_as_task(&mut socket, &mut out, &mut *codec).await?;
                    let Executed { answer, pause } = host.service.execute(asked);
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    codec.answer(answer, &mut out)
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
