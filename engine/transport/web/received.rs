//! The body of a reply while it comes in, and what it is worth.

use std::sync::Arc;

use serde::Deserialize;

use crate::call::{CallError, CallSpec, Check, Fill};
use crate::transport::web::hex::{self, HexReader};

/// The longest small reply, and how much of the page of an error is kept, in bytes.
const SMALL: usize = 4096;

/// What has come of a reply.
pub(crate) struct Received {
    asked: CallSpec,
    /// A download in chunks comes as hex in JSON.
    hex: bool,
    small: Vec<u8>,
    /// The last short reply that was right, and to what: the same bytes are right again.
    right: Option<(CallSpec, Vec<u8>)>,
    check: Check,
    chunks: HexReader,
    /// The body is not JSON of chunks.
    broken: bool,
}

impl Received {
    /// Nothing yet; payloads have to consist of `fill`.
    pub(crate) fn new(fill: Arc<Fill>) -> Self {
        let check = Check::new(fill, 0, false);
        Received {
            asked: CallSpec::Ping,
            hex: false,
            small: Vec::new(),
            right: None,
            check,
            chunks: HexReader::new(),
            broken: false,
        }
    }

    /// Begins again, for the reply to `ask`; `hex` where chunks come as hex in JSON.
    pub(crate) fn restart(&mut self, ask: CallSpec, content: bool, hex: bool) {
        (self.asked, self.hex, self.broken) = (ask, hex, false);
        self.small.clear();
        self.chunks = HexReader::new();
        self.check.restart(ask.payload_down(), content);
    }

    /// Takes the next bytes of the body of a reply with that status.
    pub(crate) fn take(&mut self, status: u16, bytes: &[u8]) -> Result<(), CallError> {
        match self.asked {
            CallSpec::Download { chunk: Some(_), .. } if status == 200 && self.hex => {
                let check = &mut self.check;
                self.broken = self.broken || self.chunks.feed(bytes, |decoded| check.feed(decoded)).is_err();
            }
            CallSpec::Echo { .. } | CallSpec::Download { .. } if status == 200 => self.check.feed(bytes),
            _ => {
                let room = SMALL - self.small.len();
                if status == 200 && bytes.len() > room {
                    return Err(CallError::protocol(format!(
                        "more than {SMALL} bytes came where a short reply was due"
                    )));
                }
                self.small.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
        Ok(())
    }

    /// The verdict once the body has ended; the nonce where that was asked for.
    pub(crate) fn verdict(&mut self, status: u16) -> Result<Option<String>, CallError> {
        if status != 200 {
            return Err(CallError::status(format!("{status} {}", sentence(&self.small))));
        }
        if self.right.as_ref().is_some_and(|(ask, body)| *ask == self.asked && *body == self.small) {
            return Ok(None);
        }
        let nonce = self.judge()?;
        if nonce.is_none() && !self.small.is_empty() {
            self.right = Some((self.asked, self.small.clone()));
        }
        Ok(nonce)
    }

    fn judge(&self) -> Result<Option<String>, CallError> {
        match self.asked {
            CallSpec::Nonce => {
                let Nonce { nonce } = self.read("{\"nonce\":\"…\"}")?;
                return Ok(Some(nonce));
            }
            CallSpec::Ping => {
                let Pong { response } = self.read("{\"response\":\"pong\"}")?;
                if response != "pong" {
                    return Err(CallError::protocol("the answer to a ping is not pong"));
                }
            }
            CallSpec::Upload { len, .. } => {
                let Size { size } = self.read("{\"size\":…}")?;
                if size != len {
                    return Err(CallError::short(format!("{size} bytes arrived where {len} were sent")));
                }
            }
            CallSpec::Compute { what, n } => {
                let Computed { result } = self.read("{\"result\":…}")?;
                let right = (what.result)(n);
                if result != right {
                    return Err(CallError::corrupt(format!("{result} came where {right} was right")));
                }
            }
            CallSpec::Sleep { ns } => {
                let Slept { duration } = self.read("{\"duration\":…}")?;
                let right = ns as f64 / 1e9;
                // Half a nanosecond, or what decimal digits lose on the way.
                if (duration - right).abs() > (right * 1e-12).max(0.5e-9) {
                    return Err(CallError::corrupt(format!("{duration} came where {right} was right")));
                }
            }
            CallSpec::Download { len, chunk: Some(chunk) } if self.hex => {
                let chunks = self.chunks.finish().ok().filter(|_| !self.broken);
                let chunks =
                    chunks.ok_or_else(|| CallError::protocol("the reply is not {\"chunks\":[\"<hex>\",…]}"))?;
                self.check.finish()?;
                let right = hex::count(len, chunk);
                if chunks != right {
                    return Err(CallError::corrupt(format!("{chunks} chunks came where {right} were asked for")));
                }
            }
            CallSpec::Echo { .. } | CallSpec::Download { .. } => self.check.finish()?,
            CallSpec::Own(_) => return Err(CallError::not_of_the_service()),
        }
        Ok(None)
    }

    fn read<'a, T: Deserialize<'a>>(&'a self, right: &str) -> Result<T, CallError> {
        serde_json::from_slice(&self.small).map_err(|_| {
            CallError::protocol(format!("the reply `{}` is not {right}", String::from_utf8_lossy(&self.small).trim()))
        })
    }
}

#[derive(Deserialize)]
struct Nonce {
    nonce: String,
}

#[derive(Deserialize)]
struct Pong<'a> {
    response: &'a str,
}

#[derive(Deserialize)]
struct Size {
    size: u64,
}

#[derive(Deserialize)]
struct Computed {
    result: u128,
}

#[derive(Deserialize)]
struct Slept {
    duration: f64,
}

/// What the page of an error says: its paragraph where it has one.
fn sentence(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let paragraph = page.split_once("<p>").and_then(|(_, rest)| rest.split_once("</p>")).map(|(inner, _)| inner);
    paragraph.unwrap_or(&page).trim().chars().take(200).collect()
}
