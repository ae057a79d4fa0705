//! Known impairments, to prove that a report shows them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::call::{CallResponse, Fill};
use crate::error::ParseError;
use crate::units::Time;

/// What `engine serve --fault` does to the service, so that a test can look for it in the figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InjectedFault {
    /// Every answer comes so much later.
    Delay(Duration),
    /// Every call burns so much CPU time.
    Burn(Duration),
    /// Answers come `delay` later for the first `span` after launch.
    Cold {
        /// How much later.
        delay: Duration,
        /// For how long after launch.
        span: Duration,
    },
    /// This share of calls never gets an answer, evenly spread.
    Drop(f64),
    /// Echoes, downloads and sizes are one byte short.
    Short,
    /// Echoes and downloads have the right length and a wrong byte.
    Corrupt,
    /// Every call fails with this status.
    Status(u16),
    /// The process that executes the call aborts.
    Abort,
}

/// An answer, and how long to wait before giving it.
#[derive(Debug)]
pub struct Executed {
    /// The answer.
    pub answer: CallResponse,
    /// What the call asked the server to wait, in whatever way its model waits.
    pub pause: Duration,
}

impl InjectedFault {
    /// Changes an executed call, which is the `call`-th, `since` the launch.
    pub fn impair(&self, executed: Executed, call: u64, since: Duration) -> Executed {
        let Executed { answer, pause } = executed;
        match *self {
            InjectedFault::Delay(delay) => Executed { answer, pause: pause + delay },
            InjectedFault::Cold { delay, span } if since < span => Executed { answer, pause: pause + delay },
            InjectedFault::Cold { .. } => Executed { answer, pause },
            InjectedFault::Burn(time) => {
                burn(time);
                Executed { answer, pause }
            }
            // Whole steps of the share, so that exactly so many of any run of calls are dropped.
            InjectedFault::Drop(share) if ((call + 1) as f64 * share).floor() > (call as f64 * share).floor() => {
                Executed { answer: CallResponse::Silence, pause }
            }
            InjectedFault::Drop(_) => Executed { answer, pause },
            InjectedFault::Short => Executed { answer: shortened(answer), pause },
            InjectedFault::Corrupt => Executed { answer: corrupted(answer), pause },
            InjectedFault::Status(status) => {
                Executed { answer: CallResponse::Error { status, message: "an error was asked for".into() }, pause }
            }
            InjectedFault::Abort => std::process::abort(),
        }
    }
}

fn burn(time: Duration) {
    let cpu =
        || nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::MAX, Duration::from);
    let wall = Instant::now();
    let end = cpu().saturating_add(time);
    while cpu() < end && wall.elapsed() < time * 100 {
        std::hint::spin_loop();
    }
}

fn shortened(answer: CallResponse) -> CallResponse {
    match answer {
        CallResponse::Echo(mut bytes) => {
            bytes.pop();
            CallResponse::Echo(bytes)
        }
        CallResponse::Bytes { fill, len } => CallResponse::Bytes { fill, len: len.saturating_sub(1) },
        CallResponse::Size(len) => CallResponse::Size(len.saturating_sub(1)),
        other => other,
    }
}

fn corrupted(answer: CallResponse) -> CallResponse {
    match answer {
        CallResponse::Echo(mut bytes) => {
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            CallResponse::Echo(bytes)
        }
        CallResponse::Bytes { fill, len } => CallResponse::Bytes { fill: Fill::constant(!fill.at(0)[0]), len },
        CallResponse::Number(n) => CallResponse::Number(n + 1),
        other => other,
    }
}

impl FromStr for InjectedFault {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FORMS: &str = "known: delay=20ms, burn=50ms, cold=20ms:5s, drop=0.25, short, corrupt, status=500, abort";
        let time = |text: &str| text.parse::<Time>().map(|time| time.0);
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Ok(match (name, value) {
            ("short", "") => InjectedFault::Short,
            ("corrupt", "") => InjectedFault::Corrupt,
            ("abort", "") => InjectedFault::Abort,
            ("delay", value) => InjectedFault::Delay(time(value)?),
            ("burn", value) => InjectedFault::Burn(time(value)?),
            ("cold", value) => {
                let (delay, span) = value.split_once(':').ok_or_else(|| {
                    ParseError::new("`cold` takes a delay and a span").help("write it like `cold=20ms:5s`")
                })?;
                InjectedFault::Cold { delay: time(delay)?, span: time(span)? }
            }
            ("drop", value) => match value.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => InjectedFault::Drop(share),
                _ => return Err(ParseError::new(format!("`{value}` is not a share between 0 and 1"))),
            },
            ("status", value) => match value.parse::<u16>() {
                Ok(status) if (400..600).contains(&status) => InjectedFault::Status(status),
                _ => return Err(ParseError::new(format!("`{value}` is not an error status between 400 and 599"))),
            },
            _ => return Err(ParseError::new(format!("unknown fault `{text}`")).help(FORMS)),
        })
    }
}

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InjectedFault::Delay(time) => write!(f, "delay={}", Time(*time)),
            InjectedFault::Burn(time) => write!(f, "burn={}", Time(*time)),
            InjectedFault::Cold { delay, span } => write!(f, "cold={}:{}", Time(*delay), Time(*span)),
            InjectedFault::Drop(share) => write!(f, "drop={share}"),
            InjectedFault::Short => f.write_str("short"),
            InjectedFault::Corrupt => f.write_str("corrupt"),
            InjectedFault::Status(status) => write!(f, "status={status}"),
            InjectedFault::Abort => f.write_str("abort"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Executed, InjectedFault};
    use crate::call::CallResponse;
    use std::time::Duration;

    #[test]
    fn every_fault_is_read_and_written_back() {
        for text in ["delay=20ms", "burn=50ms", "cold=20ms:5s", "drop=0.25", "short", "corrupt", "status=500", "abort"]
        {
            assert_eq!(text.parse::<InjectedFault>().expect(text).to_string(), text);
        }
        assert!("drop=2".parse::<InjectedFault>().is_err());
        assert!("hang".parse::<InjectedFault>().expect_err("unknown").to_string().contains("known: delay"));
    }

    #[test]
    fn drop_drops_exactly_its_share() {
        let pong = || Executed { answer: CallResponse::Pong, pause: Duration::ZERO };
        let silent = (0..1000)
            .filter(|call| {
                matches!(InjectedFault::Drop(0.25).impair(pong(), *call, Duration::ZERO).answer, CallResponse::Silence)
            })
            .count();
        assert_eq!(silent, 250);
    }
}
