//! Executes calls, whoever's turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::call::{CallRequest, CallResponse, Fill, FillKind, SplitMix};
use crate::server::injected_fault::{Executed, InjectedFault};

/// How long before an exact pause is over sleeping ends and spinning begins: more than a wake-up takes.
const WAKING: Duration = Duration::from_millis(1);

/// What every server does, on every transport and model: the service of the reference suite.
pub struct Service {
    nonce: String,
    data: Arc<Fill>,
    file: Arc<Fill>,
    fault: Option<InjectedFault>,
    launched: Instant,
    calls: AtomicU64,
}

impl Service {
    /// A service that answers to `nonce` and serves `fill`, or the reference suite's bytes where none is given.
    pub fn new(nonce: String, fill: Option<(FillKind, u64)>, fault: Option<InjectedFault>) -> Self {
        let (data, file) = match fill {
            Some((kind, seed)) => {
                let fill = Fill::new(kind, seed);
                (fill.clone(), fill)
            }
            None => (Fill::constant(b'x'), Fill::constant(0)),
        };
        Service { nonce, data, file, fault, launched: Instant::now(), calls: AtomicU64::new(0) }
    }

    /// The token that proves which server this is.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Does what a call asks, except for waiting. Computing takes the caller's thread.
    pub fn execute(&self, asked: CallRequest) -> Executed {
        let proof = asked == CallRequest::Nonce;
        let (answer, pause) = match asked {
            CallRequest::Nonce => (CallResponse::Nonce(self.nonce.clone()), Duration::ZERO),
            CallRequest::Ping => (CallResponse::Pong, Duration::ZERO),
            CallRequest::Echo(bytes) => (CallResponse::Echo(bytes), Duration::ZERO),
            CallRequest::Upload(len) => (CallResponse::Size(len), Duration::ZERO),
            CallRequest::Download { len, file } => {
                let fill = if file { &self.file } else { &self.data };
                (CallResponse::Bytes { fill: fill.clone(), len }, Duration::ZERO)
            }
            CallRequest::Compute { what, n } => (CallResponse::Number((what.work)(n)), Duration::ZERO),
            CallRequest::Sleep { ns } => (CallResponse::Slept(ns), Duration::from_nanos(ns)),
        };
        let executed = Executed { answer, pause };
        match &self.fault {
            Some(fault) if !proof => {
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                fault.impair(executed, call, self.launched.elapsed())
            }
            _ => executed,
        }
    }

    /// Does what a call asks and blocks the thread for as long as it waits; exactly so long where an impairment was
    /// asked for, since figures are compared with it.
    pub fn execute_blocking(&self, asked: CallRequest) -> CallResponse {
        let Executed { answer, pause } = self.execute(asked);
        if pause.is_zero() {
            return answer;
        }
        let (begun, early) = (Instant::now(), if self.fault.is_some() { WAKING } else { Duration::ZERO });
        std::thread::sleep(pause.saturating_sub(early));
        while begun.elapsed() < pause {
            std::hint::spin_loop();
        }
        answer
    }
}

/// A token that no other server has.
pub fn fresh_nonce() -> String {
    let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
    let mut random = SplitMix::new(clock ^ u64::from(std::process::id()).rotate_left(40));
    format!("{:016x}{:016x}", random.next(), random.next())
}

#[cfg(test)]
mod tests {
    use super::Service;
    use crate::call::{CallRequest, CallResponse};

    #[test]
    fn the_reference_bytes_are_x_for_data_and_zeros_for_files() {
        let service = Service::new("n".into(), None, None);
        for (file, byte) in [(false, b'x'), (true, 0)] {
            let CallResponse::Bytes { fill, len } = service.execute(CallRequest::Download { len: 5, file }).answer
            else {
                panic!("a download is answered with bytes")
            };
            assert!(len == 5 && fill.at(0)[..5].iter().all(|b| *b == byte));
        }
    }
}
