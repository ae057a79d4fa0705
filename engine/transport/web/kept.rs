//! The head of the last request, which is likely to be asked for again.

use http::Request;

use crate::call::Ask;
use crate::transport::web::exchange::Asking;

/// What was asked last, and the head of its request.
#[derive(Debug, Default)]
pub(crate) struct KeptHead(Option<(Ask, Request<()>)>);

impl KeptHead {
    /// The head of the request for a call, made anew only where another was asked last.
    pub(crate) fn of(&mut self, asking: &impl Asking, ask: Ask) -> Request<()> {
        match &self.0 {
            Some((asked, head)) if *asked == ask => head.clone(),
            _ => self.0.insert((ask, asking.head(ask))).1.clone(),
        }
    }
}
