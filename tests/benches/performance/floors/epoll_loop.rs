//! A bare epoll loop on one thread: one read and one write for each call, and each reply only counted.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use engine::error::{Context, Error, Result};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::floors::crowd::{self, Crowd};

/// How many ready connections one wait returns.
const BATCH: usize = 256;

/// The floor `epoll`: address, clients, milliseconds.
pub(crate) fn call(arguments: &[String]) -> Result<()> {
    let Crowd { mut streams, ask, reply, window } = Crowd::dialled(arguments)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).doing("an epoll instance")?;
    for (which, stream) in streams.iter().enumerate() {
        stream.set_nonblocking(true).doing("a socket that does not block")?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, which as u64);
        epoll.add(stream, event).doing("waiting for a socket")?;
    }
    let (mut have, mut buffer) = (vec![0; streams.len()], vec![0; 64 << 10]);
    let (mut calls, mut under_way) = (0, streams.len());
    let begun = Instant::now();
    for stream in &mut streams {
        stream.write_all(ask.as_bytes()).doing("sending")?;
    }
    let mut events = [EpollEvent::empty(); BATCH];
    while under_way > 0 {
        let ready = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => 0,
            ready => ready.doing("waiting")?,
        };
        let over = begun.elapsed() >= window;
        for event in &events[..ready] {
            let which = event.data() as usize;
            have[which] += match streams[which].read(&mut buffer) {
                Ok(0) => return Err(Error::failed("the server hung up")),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                read => read.doing("receiving")?,
            };
            if have[which] < reply {
                continue;
            }
            (have[which], calls) = (0, calls + 1);
            if over {
                under_way -= 1;
            } else {
                streams[which].write_all(ask.as_bytes()).doing("sending")?;
            }
        }
    }
    crowd::say(calls, begun)
}
