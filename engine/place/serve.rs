//! The agent itself, where it is reached by a pipe: requests on stdin, answers and what ends say on stdout.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{read, write};

use crate::error::{Context, Error, Result};
use crate::place::agent::adopt;
use crate::place::child::Heard;
use crate::place::digest;
use crate::place::ends::Ends;
use crate::place::messages::{EndId, FromAgent, Hello, Request};

/// What a pipe that has room takes in one piece (PIPE_BUF of pipe(7)).
const PIECE: usize = 4096;

/// Speaks the lines of an agent until stdin ends, or no line has come for the time of its `lease`; either way all that
/// it has started is ended with it.
pub fn serve(lease: Duration) -> Result<()> {
    adopt()?;
    let mut ends = Ends::default();
    let (mut input, mut closed, mut last) = (Vec::new(), BTreeSet::new(), Instant::now());
    let sha256 = digest::own()?.to_owned();
    say(&FromAgent::Hello(Hello { sha256, ..Ends::hello()? }), lease)?;
    loop {
        let left = lease.checked_sub(last.elapsed()).ok_or_else(|| expired(lease))?;
        let (told, spoken) = wait(&ends, &closed, left)?;
        for end in spoken {
            loop {
                let heard = ends.hear(end, Duration::ZERO)?;
                match &heard {
                    Heard::Nothing => break,
                    Heard::End => drop(closed.insert(end)),
                    Heard::Line(_) => {}
                }
                let over = heard == Heard::End;
                say(&FromAgent::Said { end, heard }, lease)?;
                if over {
                    break;
                }
            }
        }
        if !told {
            continue;
        }
        let mut buffer = [0; 65536];
        match read(io::stdin().as_fd(), &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => input.extend_from_slice(&buffer[..n]),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::failed(format!("cannot read what the agent is told: {error}"))),
        }
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let rest = input.split_off(end + 1);
            let line = std::mem::replace(&mut input, rest);
            let line = String::from_utf8_lossy(&line[..end]);
            let request: Request = serde_json::from_str(&line)
                .doing(format_args!("the agent was told `{line}`, which is none of its lines"))?;
            if request == (Request::Beat {}) {
                continue;
            }
            if let Request::Launch(launch) = &request {
                closed.remove(&launch.end);
            }
            say(&FromAgent::Answer(ends.answer(request)), lease)?;
        }
        last = Instant::now();
    }
}

fn expired(lease: Duration) -> Error {
    Error::failed(format!(
        "the agent was told nothing for {} s, and ends with all that it started",
        lease.as_secs_f64()
    ))
}

/// Waits until stdin or an end has something to read, for so long at most: whether stdin has, and which ends do.
fn wait(ends: &Ends, closed: &BTreeSet<EndId>, time: Duration) -> Result<(bool, Vec<EndId>)> {
    let stdin = io::stdin();
    let open: Vec<_> = ends.stdouts().into_iter().filter(|(end, _)| !closed.contains(end)).collect();
    let mut waiting = vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    waiting.extend(open.iter().map(|(_, stdout)| PollFd::new(*stdout, PollFlags::POLLIN)));
    match poll(&mut waiting, within(time)) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok((false, Vec::new())),
        Err(error) => return Err(Error::failed(format!("the agent cannot wait: {error}"))),
    }
    let ready = |waited: &PollFd| waited.any().unwrap_or(false);
    let spoken = open.iter().zip(&waiting[1..]).filter(|(_, waited)| ready(waited)).map(|((end, _), _)| *end);
    Ok((ready(&waiting[0]), spoken.collect()))
}

/// A time for `poll`, rounded up to its milliseconds.
fn within(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
}

/// Writes one line to stdout; an error where nobody reads, or not for the time of the lease.
fn say(line: &FromAgent, lease: Duration) -> Result<()> {
    let doing = "the agent cannot say anything";
    let mut text = serde_json::to_vec(line).doing(doing)?;
    text.push(b'\n');
    let stdout = io::stdout();
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        let mut waiting = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
        match poll(&mut waiting, within(lease)) {
            Ok(0) => return Err(expired(lease)),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(Error::failed(format!("{doing}: {error}"))),
        }
        let written = write(stdout.as_fd(), &rest[..rest.len().min(PIECE)]).doing(doing)?;
        rest = &rest[written..];
    }
    Ok(())
}
