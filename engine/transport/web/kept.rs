//! The heads of requests, which are likely to be asked for again.

use http::Request;

use crate::call::CallSpec;
use crate::transport::web::exchange::ClientExchange;

/// What was asked last of each kind, and the head of its request.
#[derive(Debug, Default)]
pub(crate) struct KeptHead(Vec<Option<(CallSpec, Request<()>)>>);

impl KeptHead {
    /// The head of the request for a call, made anew only where that of the last one of its kind does not serve.
    pub(crate) fn of(&mut self, asking: &impl ClientExchange, ask: CallSpec) -> Request<()> {
        if self.0.is_empty() {
            self.0.resize_with(asking.kinds(), || None);
        }
        let kept = &mut self.0[asking.kind(ask)];
        match kept {
            Some((asked, head)) if asking.alike(*asked, ask) => head.clone(),
            _ => kept.insert((ask, asking.head(ask))).1.clone(),
        }
    }
}
